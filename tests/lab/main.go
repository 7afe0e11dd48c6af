// Command lab is a cloud on one machine, on which promwire runs as it does elsewhere: droplets are systemd-nspawn
// machines, the API is DigitalOcean's, and the program is the very same.
//
//	go run ./tests/lab up
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/promwire/promwire/tests/lab/daemon"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/images"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
)

// command is a subcommand.
type command struct {
	name      string
	arguments string
	summary   string
	help      string // what -h says beside the flags
	hidden    bool
	flags     func(*cli, *flag.FlagSet)                                    // its own flags; nil: none
	run       func(ctx context.Context, c *cli, args, rest []string) error // rest: what stands behind --
}

var commands = []command{
	{
		name: "up", arguments: "[STACK]", summary: "make what is missing of the lab, and run `pulumi up`", flags: upFlags, run: up,
		help: `Sets the machine up, starts the lab's cloud, and brings the stack STACK (default: lab) up. Then it lists the
targets as Prometheus sees them. The stack's file is stacks/Pulumi.STACK.yaml; the lab works on a copy of it, with its
own releases, token, key and addresses filled in. Clusters that the file names by a kubeconfig's context are booted too.
With -vm, machines that it makes have a kernel of their own, Debian's: WireGuard is the kernel's, and systemd enforces the networks of a
unit. They are emulated, so the first boot of each takes minutes. Machines that there are stay as they are.`,
	},
	{
		name: "preview", arguments: "[STACK]", summary: "run `pulumi preview`", flags: runFlags, run: preview,
		help: `Says what ` + "`up`" + ` would do to the stack STACK (default: lab).`,
	},
	{
		name: "destroy", arguments: "[STACK]", summary: "run `pulumi destroy`; the lab itself goes on", flags: runFlags, run: destroy,
		help: `Removes everything that the stack STACK (default: lab) made. The lab's cloud goes on; ` + "`down`" + ` ends it.`,
	},
	{
		name: "pulumi", arguments: "STACK -- ARGS…", summary: "run the Pulumi CLI on a stack", run: passThrough,
		help: `Runs the Pulumi CLI with any arguments on the stack STACK, as in: pulumi lab -- stack output summary
Settings belong in the stack's file; what ` + "`config set`" + ` changes is gone with the next command.`,
	},
	{
		name: "ssh", arguments: "HOST [-- CMD…]", summary: "log in to a machine of the lab, or run a command there", run: logIn,
		help: `Logs in to the machine HOST with the operator's key, by way of its bastion if it has one. The host key is pinned.`,
	},
	{
		name: "image", arguments: "NAME FILE", summary: "write a container image into a file", run: image,
		help: `Builds the image NAME, such as reflect, and writes it to FILE, an archive in OCI's layout, to load it into a registry of
your own: skopeo copy oci-archive:FILE docker://REGISTRY/NAME. Images: ` + strings.Join(images.Names(), ", ") + ".",
	},
	{
		name: "status", summary: "say what runs", run: status,
		help: `Lists the lab's daemon, machines, clusters and stacks.`,
	},
	{
		name: "down", summary: "end the lab and remove its folder", run: down,
		help: `Ends the lab's machines, clusters, bridges and processes and nothing else, also after a crash, and removes the lab's folder with
the state of its stacks. What was built once is kept.`,
	},
	{name: daemon.Command, hidden: true, summary: "serve the lab's cloud", run: serve},
}

// cli is what the flags say.
type cli struct {
	folder  folder.Folder
	tools   operator.Tools
	options operator.Options
	virtual bool          // -vm
	boot    machines.Boot // how machines boot that are made from now on; "": as the last up said
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var status exitStatus
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &status):
		os.Exit(int(status))
	default:
		fmt.Fprintln(os.Stderr, "lab:", brief(err))
		os.Exit(1)
	}
}

// exitStatus is the error of a program that ran on this terminal and has said itself what is wrong.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// passStatus turns the failure of such a program into its exit status. An error that wraps one is about another program,
// whose output nobody has seen yet.
func passStatus(err error) error {
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 0 { //nolint:errorlint // see above
		return exitStatus(exit.ExitCode())
	}
	return err
}

// brief leaves out the whole output of Pulumi, which the Automation API adds to its errors: it was shown already.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\ncode: ")
	return text
}

func run(ctx context.Context, args []string) error {
	source, err := fixture.Checkout()
	if err != nil {
		return err
	}
	c := &cli{folder: folder.Default(source)}
	global := flag.NewFlagSet("lab", flag.ContinueOnError)
	global.Usage = func() { usage(global) }
	c.commonFlags(global)
	if err := global.Parse(args); err != nil {
		return err
	}
	for _, command := range commands {
		if command.name == global.Arg(0) {
			return c.dispatch(ctx, command, global.Args()[1:])
		}
	}
	if global.NArg() == 0 {
		usage(global)
		return errors.New("no command given")
	}
	return fmt.Errorf("there is no command %q; -h lists them", global.Arg(0))
}

// commonFlags are those of all commands. They may stand before or after the command.
func (c *cli) commonFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.folder.Run, "dir", c.folder.Run, "`folder` of the lab; labs in two folders run side by side")
	flags.StringVar(&c.tools.Plugins, "plugins", c.tools.Plugins, "`folder` of real plugins (pulumi-resource-NAME), which are taken instead of the lab's stand-ins")
	flags.StringVar(&c.tools.Kube, "kube", c.tools.Kube, "`folder` of the programs that clusters run (kubernetes, or kubelet and so on; calico and its calico-crds.yaml), which are taken instead of building them")
	flags.StringVar(&c.tools.Pulumi, "pulumi", c.tools.Pulumi, "`path` of another Pulumi CLI than the lab's own")
}

// runFlags are those of the commands that run Pulumi on a stack.
func runFlags(c *cli, flags *flag.FlagSet) {
	flags.BoolVar(&c.options.ContinueOnError, "continue-on-error", false, "when one host fails, go on with the others")
	flags.BoolVar(&c.options.Diff, "diff", false, "show what changes in full")
	flags.IntVar(&c.options.Parallel, "parallel", 0, "at most `n` operations at a time; 0: no limit")
}

// upFlags are up's. What it says of machines holds until it runs again.
func upFlags(c *cli, flags *flag.FlagSet) {
	runFlags(c, flags)
	flags.BoolVar(&c.virtual, "vm", false, "machines that it makes have a kernel of their own")
}

// allFlags are those that a command takes.
func (c *cli) allFlags(command command, flags *flag.FlagSet) {
	c.commonFlags(flags)
	if command.flags != nil {
		command.flags(c, flags)
	}
}

func (c *cli) dispatch(ctx context.Context, command command, args []string) error {
	flags := flag.NewFlagSet(command.name, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: lab %s [flags] %s\n\n%s\n", command.name, command.arguments, command.help)
		if strings.Contains(command.arguments, "STACK") {
			fmt.Fprintf(flags.Output(), "Stacks: %s.\n", strings.Join(stackFiles(c.folder.Source), ", "))
		}
		fmt.Fprint(flags.Output(), "\nflags:\n")
		flags.PrintDefaults()
	}
	c.allFlags(command, flags)
	args, rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("the lab boots machines and makes network links, which only root may do: run it as root")
	}
	if c.folder.Run, err = filepath.Abs(c.folder.Run); err != nil {
		return err
	}
	return command.run(ctx, c, args, rest)
}

// parse takes flags before, between and behind the arguments, up to "--", behind which stands the rest.
func parse(flags *flag.FlagSet, all []string) (args, rest []string, err error) {
	if i := slices.Index(all, "--"); i >= 0 {
		all, rest = all[:i], all[i+1:]
	}
	for {
		if err := flags.Parse(all); err != nil {
			return nil, nil, err
		}
		if flags.NArg() == 0 {
			return args, rest, nil
		}
		args, all = append(args, flags.Arg(0)), flags.Args()[1:]
	}
}

// stackFiles are the names of the stacks that a checkout has files of.
func stackFiles(source string) []string {
	files, _ := filepath.Glob(filepath.Join(source, "stacks", "Pulumi.*.yaml")) // the pattern is well-formed
	for i, file := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml")
	}
	return files
}

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprint(w, "usage: lab [flags] COMMAND\n\ncommands:\n")
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		if !c.hidden {
			fmt.Fprintf(rows, "  %s\t%s\n", strings.TrimSpace(c.name+" "+c.arguments), c.summary)
		}
	}
	rows.Flush()
	fmt.Fprint(w, "\nCOMMAND -h says more of each.\n\nflags:\n")
	flags.PrintDefaults()
}

// stackArgument is the one argument that a command may have: a stack's name, lab by default.
func stackArgument(args, rest []string) (string, error) {
	switch {
	case len(args) > 1 || len(rest) > 0:
		return "", fmt.Errorf("one stack at a time, not %s", strings.Join(append(args, rest...), " "))
	case len(args) == 1:
		return args[0], nil
	default:
		return "lab", nil
	}
}

// oneArgument is the one argument that a command must have.
func oneArgument(what string, args []string) (string, error) {
	switch len(args) {
	case 0:
		return "", fmt.Errorf("no %s given", what)
	case 1:
		return args[0], nil
	default:
		return "", fmt.Errorf("what follows the %s must stand behind --, as in: %s -- %s", what, args[0], strings.Join(args[1:], " "))
	}
}

// noArguments refuses arguments.
func noArguments(args, rest []string) error {
	if len(args)+len(rest) > 0 {
		return fmt.Errorf("this command takes no arguments, not %s", strings.Join(append(args, rest...), " "))
	}
	return nil
}

// progress is where the lab says what it does. Results go to stdout.
var progress io.Writer = os.Stderr
