package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/promwire/promwire/tests/lab/fixture"
)

// target is a row of the table of targets.
type target struct {
	name, region, address, tunnel string
}

// report prints the targets of a stack as Prometheus sees them now, and how to open Prometheus.
func report(ctx context.Context, w io.Writer, lab *fixture.Lab, outputs auto.OutputMap) error {
	targets, err := readTargets(outputs["targets"].Value)
	if err != nil {
		return err
	}
	targets = append(targets, readClusters(outputs["clusters"].Value)...)
	monitor, err := machineAt(lab, fmt.Sprint(outputs["monitor"].Value))
	if err != nil {
		return err
	}
	scrapes, err := lab.Scrapes(ctx, monitor)
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	writeTargets(w, targets, scrapes, time.Now())
	config, alias, err := fixture.SSHConfig(ctx, lab.Folder, lab.Machines, monitor)
	if err != nil {
		return err
	}
	// The stack's output "prometheus" works everywhere else; here the command needs the lab's own key and host keys.
	fmt.Fprintf(w, "\nOpen %s (the fleet page) or %s (Prometheus) while this runs:\n\n    ssh -F %s -L 9090:127.0.0.1:9090 %s\n",
		outputs["page"].Value, outputs["url"].Value, config, alias)
	return nil
}

// readTargets reads the stack's output of that name.
func readTargets(output any) ([]target, error) {
	rows, ok := output.([]any)
	if !ok {
		return nil, errors.New("the stack has no output targets")
	}
	var targets []target
	for _, row := range rows {
		fields, ok := row.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the stack's output targets has %v, want an object", row)
		}
		text := func(name string) string { return fmt.Sprint(fields[name]) }
		targets = append(targets, target{text("name"), text("region"), text("address"), text("tunnel")})
	}
	return targets, nil
}

// readClusters reads the stack's output of that name, if there is one: a cluster is one more target, and has no address of its own.
func readClusters(output any) []target {
	rows, _ := output.([]any)
	var targets []target
	for _, row := range rows {
		fields, _ := row.(map[string]any)
		targets = append(targets, target{
			name: fmt.Sprint(fields["name"]), region: fmt.Sprintf("cluster, %s", fields["mode"]), address: "-", tunnel: fmt.Sprint(fields["tunnel"]),
		})
	}
	return targets
}

// machineAt is the name of the lab's machine that has an address.
func machineAt(lab *fixture.Lab, address string) (string, error) {
	all, err := lab.Machines.List()
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if m.V4.String() == address {
			return m.Name, nil
		}
	}
	return "", fmt.Errorf("the lab has no machine with the monitor's address %s", address)
}

// writeTargets prints a line for each target. One that is scraped for several jobs is up if all of them are, and was last scraped when
// the job was that waits the longest.
func writeTargets(w io.Writer, targets []target, scrapes []fixture.Scrape, now time.Time) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "TARGET\tREGION\tADDRESS\tTUNNEL\tUP\tLAST SCRAPE")
	for _, t := range targets {
		up, last := health(cmp.Or(t.tunnel, t.address), scrapes)
		ago := "never"
		if !last.IsZero() {
			ago = now.Sub(last).Round(time.Second).String() + " ago"
		}
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\n", t.name, t.region, t.address, t.tunnel, up, ago)
	}
	rows.Flush()
}

// health is how the scrapes of an address are: "yes", "no", or which jobs are down, and the oldest of their last ones; zero: never.
func health(address string, scrapes []fixture.Scrape) (up string, last time.Time) {
	var down []string
	up = "no"
	for _, s := range scrapes {
		if s.Address != address {
			continue
		}
		if s.Health != "up" {
			down = append(down, s.Labels["job"])
		}
		if up == "no" || s.Last.Before(last) {
			last = s.Last
		}
		up = "yes"
	}
	if len(down) > 0 {
		up = "no: " + strings.Join(down, ", ")
	}
	return up, last
}
