package operator

import (
	"context"
	"io"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

// Options change one run. The zero value is a plain run in silence.
type Options struct {
	Progress        io.Writer         // where Pulumi's output goes while it runs; nil: nowhere
	Edit            Edit              // changes promwire:fleet for this run; nil: as the stack's file says
	Secrets         map[string]string // values of promwire:secrets for this run, by name
	Parallel        int               // operations at a time; 0: Pulumi's own default, four for each processor
	ContinueOnError bool              // one bad host is one bad host: the others go on
	Diff            bool              // show what changes in full
	Targets         []string          // URNs: only these resources
	Replace         []string          // URNs of resources to replace
	ExpectNoChanges bool              // fail if anything changes
	Refresh         bool              // ask first what exists; with Up and Destroy
}

// progress is where both of the CLI's outputs go, one write at a time.
func (o Options) progress() io.Writer {
	if o.Progress == nil {
		return io.Discard
	}
	return &inTurn{Writer: o.Progress}
}

// inTurn is a writer that several goroutines may use.
type inTurn struct {
	mu sync.Mutex
	io.Writer
}

func (w *inTurn) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(data)
}

// Up creates or changes what a stack describes.
func (o *Operator) Up(ctx context.Context, stack string, options Options) (auto.UpResult, error) {
	s, err := o.stack(ctx, stack, options)
	if err != nil {
		return auto.UpResult{}, err
	}
	progress := options.progress()
	opts := []optup.Option{
		optup.ProgressStreams(progress), optup.ErrorProgressStreams(progress),
		optup.Parallel(options.Parallel), optup.Target(options.Targets), optup.Replace(options.Replace),
	}
	if options.ContinueOnError {
		opts = append(opts, optup.ContinueOnError())
	}
	if options.Diff {
		opts = append(opts, optup.Diff())
	}
	if options.ExpectNoChanges {
		opts = append(opts, optup.ExpectNoChanges())
	}
	if options.Refresh {
		opts = append(opts, optup.Refresh())
	}
	return s.Up(ctx, opts...)
}

// Preview says what Up would do.
func (o *Operator) Preview(ctx context.Context, stack string, options Options) (auto.PreviewResult, error) {
	s, err := o.stack(ctx, stack, options)
	if err != nil {
		return auto.PreviewResult{}, err
	}
	progress := options.progress()
	opts := []optpreview.Option{
		optpreview.ProgressStreams(progress), optpreview.ErrorProgressStreams(progress),
		optpreview.Parallel(options.Parallel), optpreview.Target(options.Targets), optpreview.Replace(options.Replace),
	}
	if options.Diff {
		opts = append(opts, optpreview.Diff())
	}
	if options.ExpectNoChanges {
		opts = append(opts, optpreview.ExpectNoChanges())
	}
	return s.Preview(ctx, opts...)
}

// Destroy removes everything of a stack. The stack itself stays, empty.
func (o *Operator) Destroy(ctx context.Context, stack string, options Options) (auto.DestroyResult, error) {
	s, err := o.stack(ctx, stack, options)
	if err != nil {
		return auto.DestroyResult{}, err
	}
	progress := options.progress()
	opts := []optdestroy.Option{
		optdestroy.ProgressStreams(progress), optdestroy.ErrorProgressStreams(progress),
		optdestroy.Parallel(options.Parallel), optdestroy.Target(options.Targets),
	}
	if options.ContinueOnError {
		opts = append(opts, optdestroy.ContinueOnError())
	}
	if options.Refresh {
		opts = append(opts, optdestroy.Refresh())
	}
	return s.Destroy(ctx, opts...)
}

// Refresh updates a stack's state to what exists.
func (o *Operator) Refresh(ctx context.Context, stack string, options Options) (auto.RefreshResult, error) {
	s, err := o.stack(ctx, stack, options)
	if err != nil {
		return auto.RefreshResult{}, err
	}
	progress := options.progress()
	return s.Refresh(ctx,
		optrefresh.ProgressStreams(progress), optrefresh.ErrorProgressStreams(progress),
		optrefresh.Parallel(options.Parallel), optrefresh.Target(options.Targets))
}

// Outputs are a stack's outputs after its last run.
func (o *Operator) Outputs(ctx context.Context, stack string) (auto.OutputMap, error) {
	s, err := o.stack(ctx, stack, Options{})
	if err != nil {
		return nil, err
	}
	return s.Outputs(ctx)
}

// Cancel releases the lock that a run which was ended by force has left on a stack.
func (o *Operator) Cancel(ctx context.Context, stack string) error {
	s, err := o.stack(ctx, stack, Options{})
	if err != nil {
		return err
	}
	return s.Cancel(ctx)
}

// stack prepares a stack's files and selects the stack, which is made when there is none.
func (o *Operator) stack(ctx context.Context, name string, options Options) (auto.Stack, error) {
	return o.stackWith(ctx, o.cli, name, options)
}

func (o *Operator) stackWith(ctx context.Context, cli auto.PulumiCommand, name string, options Options) (auto.Stack, error) {
	if err := o.prepare(name, options); err != nil {
		return auto.Stack{}, err
	}
	return auto.UpsertStackInlineSource(ctx, name, Project, o.program,
		auto.WorkDir(o.work(name)), auto.PulumiHome(o.home()), auto.Pulumi(cli), auto.EnvVars(o.environment(name)))
}
