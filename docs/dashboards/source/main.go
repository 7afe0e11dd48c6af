// Command source writes promwire's Grafana dashboards into the folder that is its argument, a JSON file each.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: source FOLDER")
		os.Exit(2)
	}
	for _, d := range []struct {
		file  string
		build *dashboard.DashboardBuilder
	}{{"fleet.json", fleet()}, {"host.json", host()}, {"cluster.json", cluster()}, {"pushgateway.json", pushgateway()}} {
		if err := write(filepath.Join(os.Args[1], d.file), d.build); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", d.file, err)
			os.Exit(1)
		}
	}
}

func write(path string, builder *dashboard.DashboardBuilder) error {
	built, err := builder.Build()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
