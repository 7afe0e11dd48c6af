package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/daemon"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
)

func status(ctx context.Context, c *cli, args, rest []string) error {
	if err := noArguments(args, rest); err != nil {
		return err
	}
	if !fixture.Exists(c.folder) {
		return errNoLab
	}
	endpoint, running, err := daemon.Running(c.folder)
	if err != nil {
		return err
	}
	if running {
		fmt.Printf("The cloud runs as process %d at %s, the mirror at %s.\n", endpoint.PID, endpoint.API, endpoint.Mirror)
	} else {
		fmt.Println("The cloud does not run; `up` starts it again.")
	}
	lab, err := machines.Open(ctx, c.folder, progress)
	if err != nil {
		return err
	}
	all, err := lab.List()
	if err != nil {
		return err
	}
	kubernetes, err := clusters.List(c.folder)
	if err != nil {
		return err
	}
	stacks, err := operator.Stacks(c.folder)
	if err != nil {
		return err
	}
	writeStatus(os.Stdout, all, kubernetes, stacks)
	if len(kubernetes) > 0 {
		fmt.Printf("\nThe clusters are contexts of %s.\n", clusters.Kubeconfig(c.folder))
	}
	return nil
}

func writeStatus(w io.Writer, all []machines.Machine, kubernetes []clusters.Cluster, stacks []operator.Stack) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "\nMACHINE\tKIND\tBOOT\tREGION\tADDRESS\tBASTION\tRUNS")
	for _, m := range all {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Kind, m.Boot, m.Region, m.V4, cmp.Or(m.Bastion, "-"), runs(m.On))
	}
	rows.Flush()
	if len(kubernetes) > 0 {
		rows = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(rows, "\nCLUSTER\tADDRESS\tAPI\tPLUGIN\tRUNS")
		for _, k := range kubernetes {
			fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\n", k.Name, k.Address, k.API, k.Plugin, runs(k.On))
		}
		rows.Flush()
	}
	rows = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "\nSTACK\tRESOURCES")
	for _, s := range stacks {
		fmt.Fprintf(rows, "%s\t%d\n", s.Name, s.Resources)
	}
	rows.Flush()
}

func runs(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}
