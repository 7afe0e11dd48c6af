// Package dashboards reads the Grafana dashboards of docs/dashboards as Grafana does, so that tests can ask what their panels ask.
package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Dashboard is one of them.
type Dashboard struct {
	Name      string // of its file
	Panels    []Panel
	Variables []Variable
}

// Panel is one picture, or the head of a row, which has no queries.
type Panel struct {
	Title       string
	Targets     []struct{ Expr string }
	FieldConfig struct{ Defaults Defaults }
}

// Defaults are how a panel shows values.
type Defaults struct {
	NoValue  string // what stands there if there is no data; "": Grafana's own words for that
	Mappings []Mapping
}

// Mapping shows a text in place of the values that lie between two.
type Mapping struct {
	Options struct {
		From, To *float64 // nil: no limit
		Result   struct{ Text string }
	}
}

// Variable is what its user chooses. Query is label_values(SELECTOR, LABEL), if it has one.
type Variable struct{ Name, Type, Query string }

// Read reads all of a folder.
func Read(folder string) ([]Dashboard, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no dashboards in %s: %w", folder, err)
	}
	all := make([]Dashboard, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var document struct {
			Panels     []Panel
			Templating struct{ List []Variable }
		}
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[i] = Dashboard{strings.TrimSuffix(filepath.Base(file), ".json"), document.Panels, document.Templating.List}
	}
	return all, nil
}

// Queries are a dashboard's in PromQL, by panel, with these values of its variables. Those of $__rate_interval, which is Grafana's, is a minute.
func (d Dashboard) Queries(values map[string]string) map[string][]string {
	replace := []string{"$__rate_interval", "1m"}
	for name, value := range values {
		replace = append(replace, "$"+name, value)
	}
	replacer := strings.NewReplacer(replace...)
	all := map[string][]string{}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			all[panel.Title] = append(all[panel.Title], replacer.Replace(target.Expr))
		}
	}
	return all
}

// Values is what finds the values of a variable, in PromQL: one series for each. It is empty for a variable that has no query.
func (v Variable) Values() string {
	selector, ok := strings.CutPrefix(v.Query, "label_values(")
	if !ok {
		return ""
	}
	return fmt.Sprintf("count by (%s) (%s)", v.Name, strings.TrimSuffix(selector, ", "+v.Name+")"))
}
