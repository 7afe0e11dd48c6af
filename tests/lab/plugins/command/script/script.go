// Package script is what commands have in common wherever they run: their inputs, and how their output is kept.
package script

import "github.com/pulumi/pulumi-go-provider/infer"

// Names of the variables that hold a command's previous output.
const (
	PreviousStdout = "PULUMI_COMMAND_STDOUT"
	PreviousStderr = "PULUMI_COMMAND_STDERR"
)

// Inputs are the inputs that every command has.
type Inputs struct {
	// Triggers replace the resource when any of them changes; every other changed input updates it in place.
	Triggers *[]any `pulumi:"triggers,optional" provider:"replaceOnChanges"`

	Create *string `pulumi:"create,optional"`
	Update *string `pulumi:"update,optional"`
	Delete *string `pulumi:"delete,optional"`

	Stdin                  *string           `pulumi:"stdin,optional"`
	Logging                *Logging          `pulumi:"logging,optional"`
	Environment            map[string]string `pulumi:"environment,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
}

// ForUpdate is the command that an update runs: update, or else create. Nil: none.
func (in Inputs) ForUpdate() *string {
	if in.Update != nil {
		return in.Update
	}
	return in.Create
}

// Previous are the variables that tell a command its previous output: none when asked so, and none that is empty.
func (in Inputs) Previous(last Outputs) map[string]string {
	vars := map[string]string{}
	if in.AddPreviousOutputInEnv != nil && !*in.AddPreviousOutputInEnv {
		return vars
	}
	if last.Stdout != "" {
		vars[PreviousStdout] = last.Stdout
	}
	if last.Stderr != "" {
		vars[PreviousStderr] = last.Stderr
	}
	return vars
}

// Outputs are the outputs that every command has: all that it printed, less one newline at the end.
type Outputs struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Logging says which of a command's outputs are shown while it runs. Nil means both.
type Logging string

// The values of Logging.
const (
	LogStdout Logging = "stdout"
	LogStderr Logging = "stderr"
	LogBoth   Logging = "stdoutAndStderr"
	LogNone   Logging = "none"
)

// Values implements [infer.Enum].
func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Name: "stdout", Value: LogStdout},
		{Name: "stderr", Value: LogStderr},
		{Name: "stdoutAndStderr", Value: LogBoth},
		{Name: "none", Value: LogNone},
	}
}

func (l *Logging) logs(output Logging) bool {
	return l == nil || *l == LogBoth || *l == output
}
