// Package remote runs one script on one machine over SSH. It is the only package that imports pulumi-command, and knows how
// its plugin (v1.2.1) behaves, so that no other package has to:
//
//   - each operation opens a connection, which stays open until the plugin exits: so there are few Commands, and each does much;
//   - a logged line of over 64 KiB blocks the update forever: nothing is logged, scripts print one short line;
//   - a session can't be cancelled: `timeout` ends a script that hangs, and a machine whose bash never answers is found before (Unknown);
//   - the state holds each input twice, the standard input in clear text: scripts are small and tell no secret;
//   - any changed input runs the script again, in place, and a delete gets the same standard input as the create: so a
//     script that can be undone is one text with the verbs Apply and Undo;
//   - a command that is replaced is created before the former one is deleted, see Former.
package remote

import (
	"fmt"

	"github.com/pulumi/pulumi-command/sdk/go/command/remote"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/record"
)

// Verbs that a script gets as its first argument.
const (
	Apply   = "apply"   // make it so; safe to repeat
	Confirm = "confirm" // make permanent what Apply left on trial; safe to repeat
	Undo    = "undo"    // remove it; safe to repeat, and when nothing was made
	Update  = "update"  // Apply, where it was applied before; of scripts with an Undo
	Replace = "replace" // the next Apply replaces what is there, whose Undo comes after it; of scripts with an Undo
)

// scriptSeconds bounds one script: three slow package mirrors' worth, far below what an operator would wait for.
const scriptSeconds = 1200

// Dials are how many attempts to connect may fail. They are from 100 ms to 5 s apart, and at most 15 s long each.
const (
	DialsToBoot = 70 // a machine that may still be booting: about five minutes
	DialsToLive = 10 // a machine that was there a moment ago
)

// Login is what every connection of a fleet has in common.
type Login struct {
	PrivateKey pulumi.StringInput // the operator's key in OpenSSH's format; secret
	Former     Former             // what the last update left; nil: nothing, and commands that are replaced are undone after all
}

// Endpoint is one SSH server.
type Endpoint struct {
	Address pulumi.StringInput
	Port    int    // 0: 22
	User    string // "": root
	HostKey pulumi.StringInput
}

// Connection is how to reach a machine. HostKey has no default: no connection is made to a machine that can't prove itself.
type Connection struct {
	Endpoint
	Login   Login
	Bastion *Endpoint // nil: reached directly
	Dials   int       // 0: DialsToLive
}

// Args describe one Command. The zero values of the optional ones mean: nothing to undo, never replaced, depends on nothing.
type Args struct {
	Connection Connection
	Script     pulumi.StringInput // bash, run as root, on standard input; gets a verb as $1
	Undo       bool               // whether deletion runs the script again, with the verb Undo
	Identity   pulumi.StringInput // when this changes, the command is replaced instead of updated
	// Library is bash that Script needs in front of it, and that is in no state. If there is one, the program itself runs both with the verb
	// Apply, over a connection of its own, and then the command runs Script alone with the verb Confirm.
	Library string
	// Check is asked before the command is created or updated. Its error is the command's; nil: nothing is asked.
	Check func() error
	// Secret says that Script is one: what the plugin has of it in the state is encrypted, too.
	Secret bool
	// Unknown says that the machine's bash may not answer, although it lets the operator in: the program itself first asks, over a connection of
	// its own, unless it has heard from it already. What has a Library needs no other question.
	Unknown bool
}

// Command is a script that ran on a machine. Its Resource is what others depend on: a wrapper would be a component,
// and to depend on a component without children waits for nothing.
type Command struct {
	Resource pulumi.CustomResource
	Stdout   pulumi.StringOutput
}

// New runs a script when its resource is created, and again when an input changes. The name says which host and which verb
// failed, because the plugin's own error does not.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Command, error) {
	if args.Connection.HostKey == nil {
		return nil, fmt.Errorf("%s: no host key to pin; promwire never connects to a machine that can't prove itself", name)
	}
	inputs := &remote.CommandArgs{
		Connection:             args.Connection.toArgs(),
		Create:                 pulumi.String(args.Connection.run(Apply)),
		Stdin:                  args.Script.ToStringOutput().ToStringPtrOutput(),
		Logging:                remote.LoggingNone,
		AddPreviousOutputInEnv: pulumi.Bool(false),
	}
	var first []before
	if args.Check != nil {
		first = append(first, func(*pulumi.ResourceHookArgs) error { return args.Check() })
	}
	if args.Unknown {
		first = append(first, answers(ctx.Context(), args.Connection.run(Apply)))
	}
	if args.Undo {
		inputs.Update = pulumi.String(args.Connection.run(Update))
		inputs.Delete = pulumi.String(args.Connection.run(Undo))
		first = append(first, args.Connection.Login.Former.replaces(ctx.Context(), args.Connection.run(Replace)))
	}
	if args.Library != "" {
		inputs.Create = pulumi.String(args.Connection.run(Confirm))
		first = append(first, ahead(ctx.Context(), args.Connection.run(Apply), args.Library))
	}
	if args.Identity != nil {
		inputs.Triggers = pulumi.Array{args.Identity}
	}
	bound, err := hooks(ctx, name, first)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	opts = append(opts, bound)
	if args.Secret {
		inputs.Stdin = pulumi.ToSecret(args.Script).(pulumi.StringOutput).ToStringPtrOutput()
		opts = append(opts, pulumi.AdditionalSecretOutputs([]string{"stdin"}))
	}
	var command *remote.Command
	if err := record.Short(func() (err error) {
		command, err = remote.NewCommand(ctx, name, inputs, opts...)
		return err
	}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Command{Resource: command, Stdout: command.Stdout}, nil
}

// run is the command line that reads a script from standard input and gives it a verb.
func (c Connection) run(verb string) string {
	line := fmt.Sprintf("timeout --kill-after=10 %d bash -s -- %s", scriptSeconds, verb)
	if c.User != "" && c.User != "root" {
		line = "sudo -n " + line
	}
	return line
}

func (c Connection) toArgs() remote.ConnectionArgs {
	dials := c.Dials
	if dials == 0 {
		dials = DialsToLive
	}
	key := c.Login.PrivateKey.ToStringOutput().ApplyT(shortest).(pulumi.StringOutput).ToStringPtrOutput()
	args := remote.ConnectionArgs{
		Host:           c.Address,
		Port:           pulumi.Float64(port(c.Endpoint)),
		User:           pulumi.String(user(c.Endpoint)),
		HostKey:        c.HostKey.ToStringOutput().ToStringPtrOutput(),
		PrivateKey:     key,
		DialErrorLimit: pulumi.Int(dials),
	}
	if c.Bastion != nil {
		args.Proxy = remote.ProxyConnectionArgs{
			Host:           c.Bastion.Address,
			Port:           pulumi.Float64(port(*c.Bastion)),
			User:           pulumi.String(user(*c.Bastion)),
			HostKey:        c.Bastion.HostKey.ToStringOutput().ToStringPtrOutput(),
			PrivateKey:     key,
			DialErrorLimit: pulumi.Int(DialsToLive),
		}
	}
	return args
}

func port(e Endpoint) float64 {
	if e.Port == 0 {
		return 22
	}
	return float64(e.Port)
}

func user(e Endpoint) string {
	if e.User == "" {
		return "root"
	}
	return e.User
}
