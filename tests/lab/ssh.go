package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
)

// errNoLab is the error of commands that need a lab and do not make one.
var errNoLab = errors.New("there is no lab in this folder; `up` makes one")

func logIn(ctx context.Context, c *cli, args, rest []string) error {
	host, err := oneArgument("host", args)
	if err != nil {
		return err
	}
	if !fixture.Exists(c.folder) {
		return errNoLab
	}
	lab, err := machines.Open(ctx, c.folder, progress)
	if err != nil {
		return err
	}
	config, alias, err := fixture.SSHConfig(ctx, c.folder, lab, host)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", config, alias, "--"}, rest...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return passStatus(cmd.Run())
}
