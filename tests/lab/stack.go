package main

import (
	"context"
	"fmt"
	"os"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
)

// open joins the lab, with the program that `pulumi up` runs elsewhere too.
func (c *cli) open(ctx context.Context) (*fixture.Lab, error) {
	c.options.Progress = os.Stdout
	return fixture.Open(ctx, c.folder, c.tools, stacks.Run, progress)
}

// openStack joins the lab for a stack, and makes the machines that are there already as far as the stack's file goes.
func (c *cli) openStack(ctx context.Context, args, rest []string) (*fixture.Lab, string, error) {
	stack, err := stackArgument(args, rest)
	if err != nil {
		return nil, "", err
	}
	lab, err := c.open(ctx)
	if err != nil {
		return nil, "", err
	}
	if c.boot != "" {
		if err := lab.Boot(ctx, c.boot); err != nil {
			return nil, "", err
		}
	}
	fmt.Fprintf(progress, "in place of the stack file's, the lab has its own ssh.from, releases, addresses and secrets, in %s\n", lab.Operator.StackFile(stack))
	return lab, stack, lab.Place(ctx, stack)
}

func up(ctx context.Context, c *cli, args, rest []string) error {
	c.boot = machines.Container
	if c.virtual {
		c.boot = machines.Virtual
	}
	lab, stack, err := c.openStack(ctx, args, rest)
	if err != nil {
		return err
	}
	result, err := lab.Operator.Up(ctx, stack, c.options)
	if err != nil {
		return fmt.Errorf("up %s: %w", stack, err)
	}
	return report(ctx, os.Stdout, lab, result.Outputs)
}

func preview(ctx context.Context, c *cli, args, rest []string) error {
	lab, stack, err := c.openStack(ctx, args, rest)
	if err != nil {
		return err
	}
	_, err = lab.Operator.Preview(ctx, stack, c.options)
	return err
}

func destroy(ctx context.Context, c *cli, args, rest []string) error {
	lab, stack, err := c.openStack(ctx, args, rest)
	if err != nil {
		return err
	}
	_, err = lab.Operator.Destroy(ctx, stack, c.options)
	return err
}

func passThrough(ctx context.Context, c *cli, args, rest []string) error {
	if _, err := oneArgument("stack", args); err != nil {
		return err
	}
	lab, stack, err := c.openStack(ctx, args, nil)
	if err != nil {
		return err
	}
	return passStatus(lab.Operator.Pulumi(ctx, stack, rest...))
}
