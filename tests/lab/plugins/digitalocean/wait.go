package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/digitalocean/godo"
)

// pace is how long to pause between looks at the API: the pauses grow from the first to the longest, so that a large
// fleet stays below 250 requests a minute. Tests shorten it.
var pace = struct{ first, longest time.Duration }{time.Second, 6 * time.Second}

// wait looks until something is so, or for as long as the limit.
func wait(ctx context.Context, limit time.Duration, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := pace.first; ; pause = min(pause*3/2, pace.longest) {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("waited in vain for %v: %w", limit, ctx.Err())
		case <-timer.C:
		}
		if done, err := so(); done || err != nil {
			return err
		}
	}
}

// notFound says whether the API answered with 404.
func notFound(err error) bool {
	var told *godo.ErrorResponse
	return errors.As(err, &told) && told.Response.StatusCode == http.StatusNotFound
}

// gone is errGone for a 404, and otherwise says what could not be read.
func gone(what string, err error) error {
	if notFound(err) {
		return errGone
	}
	return fmt.Errorf("Error retrieving %s: %w", what, err)
}
