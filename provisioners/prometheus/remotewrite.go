package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/config"
	"gopkg.in/yaml.v3"

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

// entry is what must be known of a <remote_write>. Prometheus's whole loader would link the libraries of every cloud; promtool, which has it, judges
// the file on the monitor before Prometheus is to use it.
type entry struct {
	URL  string                  `yaml:"url"`
	Name string                  `yaml:"name"`
	HTTP config.HTTPClientConfig `yaml:",inline"` // strictly: a misspelt password is a secret that nobody finds
	Rest map[string]any          `yaml:",inline"` // passed on
}

// Accepted says, on one line, why Prometheus would not use the entries, as far as that is known without it: where they go, their names, and how
// Prometheus proves who it is. nil is no promise.
func (w RemoteWrite) Accepted() error {
	names := map[string]bool{"": false}
	for i, text := range w.Entries {
		if slices.Contains(w.Entries[:i], text) {
			return errors.New("is there twice; leave one out")
		}
		var e entry
		strict := yaml.NewDecoder(strings.NewReader(text))
		strict.KnownFields(true)
		if err := strict.Decode(&e); err != nil {
			return fmt.Errorf("not accepted by Prometheus: %s", inOneLine(err))
		}
		if err := e.HTTP.Validate(); err != nil {
			return fmt.Errorf("not accepted by Prometheus: %s", inOneLine(err))
		}
		if u, err := url.Parse(e.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("url: %q is not the URL of a receiver; write it like https://receiver.example.net/api/v1/write", e.URL)
		}
		if names[e.Name] {
			return fmt.Errorf("the name %q is there twice; choose another one", e.Name)
		}
		names[e.Name] = e.Name != ""
	}
	return nil
}

// yamlLine is where the parser found a mistake: in our text and types, and not in the operator's.
var yamlLine = regexp.MustCompile(`(yaml: unmarshal errors:)?\s*line [0-9]+: |\s*\n\s*| in type \S+`)

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
