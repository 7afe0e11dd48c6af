package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// plugin is one process of the plugin, which the engine configures once.
type plugin struct {
	pulumirpc.UnimplementedResourceProviderServer
	engine   engine
	ctx      context.Context // ends when the engine cancels
	cancel   context.CancelFunc
	settings settings
	cluster  *cluster
	pace     pace
}

// engine is what the plugin talks to.
type engine interface {
	Log(ctx context.Context, severity diag.Severity, urn resource.URN, message string) error
	LogStatus(ctx context.Context, severity diag.Severity, urn resource.URN, message string) error
}

// pace is how long the plugin waits for what. Tests shorten it.
type pace struct {
	look    time.Duration // between the first two looks at an object that is not ready yet; further pauses grow
	longest time.Duration // that such a pause becomes
	retry   time.Duration // before the first retry of a creation; each further one takes twice as long
	settle  time.Duration // for which a service's endpoints must stay as they are
	timeout time.Duration // for an object that does not say how long it may take
}

func newPlugin(host engine) *plugin {
	p := &plugin{engine: host, cluster: &cluster{unreachable: "the plugin is not configured"}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.pace = pace{
		look: 50 * time.Millisecond, longest: 500 * time.Millisecond, retry: time.Second,
		settle: 10 * time.Second, timeout: 10 * time.Minute,
	}
	return p
}

// Cancel ends what goes on.
func (p *plugin) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.cancel()
	return &emptypb.Empty{}, nil
}

// GetPluginInfo tells the plugin's version.
func (p *plugin) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

// call is one call of the engine's about one resource.
type call struct {
	*plugin
	urn   resource.URN
	ctx   context.Context // ends with the call, and when the engine cancels
	shown string          // the latest status
}

// begin starts a call; end frees what it holds.
func (p *plugin) begin(ctx context.Context, urn string) (c *call, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return &call{plugin: p, urn: resource.URN(urn), ctx: ctx}, func() { stop(); cancel() }
}

// log writes a lasting message. It is not an error if the engine no longer listens.
func (c *call) log(severity diag.Severity, format string, args ...any) {
	_ = c.engine.Log(c.ctx, severity, c.urn, fmt.Sprintf(format, args...))
}

// status shows what goes on beside the resource, for as long as nothing else does.
func (c *call) status(severity diag.Severity, message string) {
	if message != c.shown {
		c.shown = message
		_ = c.engine.LogStatus(c.ctx, severity, c.urn, message)
	}
}
