package prometheus

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"

	"github.com/promwire/promwire/provisioners/exporter"
)

// Roles that a host can have, the values of the label role.
const (
	RoleMonitor = "monitor"
	RoleTarget  = "target"
)

// Labels are a target's: name, region and role, and the user's own.
type Labels struct {
	Name   string
	Region string            // "": no such label
	Role   string            // RoleMonitor or RoleTarget
	Own    map[string]string // can't override the first three
}

func (l Labels) all() map[string]string {
	all := maps.Clone(l.Own)
	if all == nil {
		all = map[string]string{}
	}
	all["name"], all["role"] = l.Name, l.Role
	if l.Region != "" {
		all["region"] = l.Region
	}
	return all
}

// JSON is the labels as one line, sorted by name. It is YAML too.
func (l Labels) JSON() string { return compact(l.all()) }

// Target is the file that makes Prometheus scrape one endpoint, at host:port, in the format of file_sd_config. The labels
// "__scheme__" and "__metrics_path__" override the job's; the port behind a relay is only for whoever looks for causes.
func Target(labels Labels, at string, e exporter.Endpoint) string {
	all := labels.all()
	if e.TLS {
		all["__scheme__"] = "https"
	}
	if path := e.MetricsPath(); path != exporter.DefaultPath {
		all["__metrics_path__"] = path
	}
	if e.Behind != 0 {
		all["__meta_promwire_behind"] = strconv.Itoa(e.Behind)
	}
	group := struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}{[]string{at}, all}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(compact([]any{group})), "", "  "); err != nil {
		panic(err) // what compact returned is JSON
	}
	return indented.String() + "\n"
}

// compact is a value as JSON, without the escapes that only HTML needs.
func compact(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // strings, slices and maps of strings are always JSON
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
