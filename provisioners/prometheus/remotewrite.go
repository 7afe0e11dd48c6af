package prometheus

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/config"

	"github.com/promwire/promwire/provisioners/secrets"
)

// RemoteWrite is where else samples go. The zero value: nowhere.
type RemoteWrite struct {
	Entries []string // the operator's, one JSON object each on one line, in the terms of Prometheus's <remote_write>
	Secrets []string // names of the Secrets that they read, sorted
}

func (w RemoteWrite) render() string {
	if len(w.Entries) == 0 {
		return ""
	}
	return "remote_write:\n  - " + strings.Join(w.Entries, "\n  - ") + "\n\n"
}

// Accepted lets Prometheus's own loader check the entries: the error is what it says, on one line.
func (w RemoteWrite) Accepted() error {
	loaded, err := config.Load(w.render(), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("not accepted by Prometheus: %s", inOneLine(err))
	}
	for _, entry := range loaded.RemoteWriteConfigs {
		if scheme := entry.URL.Scheme; scheme != "http" && scheme != "https" || entry.URL.Host == "" {
			return fmt.Errorf("url: %q is not the URL of a receiver; write it like https://receiver.example.net/api/v1/write", entry.URL.Redacted())
		}
	}
	for i, entry := range w.Entries { // Prometheus refuses them too, but not before it is to use them
		if slices.Contains(w.Entries[:i], entry) {
			return errors.New("is there twice; leave one out")
		}
	}
	return nil
}

// yamlLine is where the parser found a mistake: in our text, and not in the operator's.
var yamlLine = regexp.MustCompile(`(yaml: unmarshal errors:)?\s*line [0-9]+: |\s*\n\s*`)

func inOneLine(err error) string {
	return strings.TrimSpace(yamlLine.ReplaceAllString(err.Error(), " "))
}

// atEachRequest are the keys whose files Prometheus reads again with each request. Only these can be Secrets: any other file must be there before
// Prometheus starts, and the secrets come after that.
var atEachRequest = regexp.MustCompile(`(^|\.)((basic_auth\.(username|password)|authorization\.credentials|oauth2\.client_secret|bearer_token)_file|http_headers\.[^.]+\.files\[[0-9]+\])$`)

// TooLate calls refuse with the path of each of an entry's Secrets that Prometheus would need earlier. At is the entry's own path.
func TooLate(at string, entry map[string]any, refuse func(at, name string)) {
	secrets.Each(at, entry, func(at, _, value string) {
		if name := Secrets.Name(value); name != "" && !atEachRequest.MatchString(at) {
			refuse(at, name)
		}
	})
}
