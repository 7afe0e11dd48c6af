package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// apiError is an error that the API's client sees.
type apiError struct {
	status  int
	id      string // of the kind of error, such as not_found
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.id, e.message) }

// The bodies of the API reference's shared responses.
var (
	errUnauthorized = &apiError{http.StatusUnauthorized, "unauthorized", "Unable to authenticate you."}
	errNotFound     = &apiError{http.StatusNotFound, "not_found", "The resource you requested could not be found."}
	errTooMany      = &apiError{http.StatusTooManyRequests, "too_many_requests", "API rate limit exceeded."}
	errServer       = &apiError{http.StatusInternalServerError, "server_error", "Unexpected server-side error"}
	errUnavailable  = &apiError{http.StatusServiceUnavailable, "service_unavailable", "Service Unavailable"}
	// errPending is what a droplet says that is busy with something else.
	errPending = unprocessable("Droplet already has a pending event.")
)

func unprocessable(format string, arguments ...any) *apiError {
	return &apiError{http.StatusUnprocessableEntity, "unprocessable_entity", fmt.Sprintf(format, arguments...)}
}

func conflict(format string, arguments ...any) *apiError {
	return &apiError{http.StatusConflict, "conflict", fmt.Sprintf(format, arguments...)}
}

// writeError answers with an error. One that isn't for the client's eyes is a plain 500.
func writeError(w http.ResponseWriter, request string, err error) {
	var told *apiError
	if !errors.As(err, &told) {
		told = errServer
	}
	answer, _ := json.Marshal(map[string]string{"id": told.id, "message": told.message, "request_id": request}) // can't fail
	write(w, told.status, answer)
}
