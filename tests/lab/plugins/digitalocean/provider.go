package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/digitalocean/godo"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"golang.org/x/oauth2"
)

// resources are the types that the plugin knows, by the tokens of the Go SDK.
var resources = map[string]resource{
	"digitalocean:index/droplet:Droplet":   droplet,
	"digitalocean:index/sshKey:SshKey":     sshKey,
	"digitalocean:index/tag:Tag":           tag,
	"digitalocean:index/firewall:Firewall": firewall,
}

// find is the type of the resource of that URN.
func find(urn urn.URN) (resource, error) {
	r, ok := resources[string(urn.Type())]
	if !ok {
		return r, fmt.Errorf("the lab's digitalocean plugin does not know the type %s", urn.Type())
	}
	return r, nil
}

// plugin is one process of the plugin, which the engine configures once.
type plugin struct {
	api    atomic.Pointer[godo.Client]
	ctx    context.Context // ends when the engine cancels
	cancel context.CancelFunc
}

func newProvider() p.Provider {
	g := &plugin{}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return p.Provider{
		Configure: g.configure,
		Cancel:    func(context.Context) error { g.cancel(); return nil },
		Check:     g.check,
		Diff:      g.diff,
		Create:    g.create,
		Read:      g.read,
		Update:    g.update,
		Delete:    g.delete,
		Invoke:    g.invoke,
	}
}

// during is a context that ends with the engine's call, and when the engine cancels.
func (g *plugin) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// configure makes the API's client. What the stack doesn't say comes from the environment, then from the real plugin's
// defaults. Without a token, the API is what refuses.
func (g *plugin) configure(_ context.Context, req p.ConfigureRequest) error {
	config := decode(req.Args)
	retries, err := strconv.Atoi(setting(config, "httpRetryMax", "4", "DIGITALOCEAN_HTTP_RETRY_MAX"))
	if err != nil {
		return fmt.Errorf("digitalocean:httpRetryMax: %w", err)
	}
	least, err := strconv.ParseFloat(setting(config, "httpRetryWaitMin", "1", "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN"), 64)
	if err != nil {
		return fmt.Errorf("digitalocean:httpRetryWaitMin: %w", err)
	}
	most, err := strconv.ParseFloat(setting(config, "httpRetryWaitMax", "30", "DIGITALOCEAN_HTTP_RETRY_WAIT_MAX"), 64)
	if err != nil {
		return fmt.Errorf("digitalocean:httpRetryWaitMax: %w", err)
	}
	token := setting(config, "token", "", "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")
	client, err := godo.New(
		oauth2.NewClient(context.Background(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})),
		godo.SetBaseURL(setting(config, "apiEndpoint", "https://api.digitalocean.com", "DIGITALOCEAN_API_URL")),
		godo.WithRetryAndBackoffs(godo.RetryConfig{RetryMax: retries, RetryWaitMin: &least, RetryWaitMax: &most}),
	)
	if err != nil {
		return fmt.Errorf("digitalocean:apiEndpoint: %w", err)
	}
	g.api.Store(client)
	return nil
}

// setting is one of the plugin's settings, from the stack, the first of some environment variables, or the default.
func setting(config values, name, otherwise string, variables ...string) string {
	if value := config[name]; value != nil && value != "" {
		return fmt.Sprint(value)
	}
	for _, variable := range variables {
		if value := os.Getenv(variable); value != "" {
			return value
		}
	}
	return otherwise
}

func (g *plugin) check(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	r, err := find(req.Urn)
	if err != nil {
		return p.CheckResponse{}, err
	}
	return r.check(req)
}

func (g *plugin) diff(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	r, err := find(req.Urn)
	if err != nil {
		return p.DiffResponse{}, err
	}
	return r.diff(req), nil
}

func (g *plugin) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	r, err := find(req.Urn)
	if err != nil {
		return p.CreateResponse{}, err
	}
	in, secret := decode(req.Properties), secrets(req.Properties)
	if req.DryRun {
		return p.CreateResponse{Properties: encode(r.planned(nil, in), secret)}, nil
	}
	ctx, cancel := g.during(ctx)
	defer cancel()
	id, err := r.create(ctx, g.api.Load(), in)
	if id == "" {
		return p.CreateResponse{}, err
	}
	// The state has what exists, whether it is as it should be or not.
	facts, readErr := r.read(context.WithoutCancel(ctx), g.api.Load(), id)
	if err == nil {
		err = readErr
	}
	return p.CreateResponse{ID: id, Properties: encode(r.state(in, facts), secret), PartialState: partly(err)}, err
}

// partly says that a resource is there, but not as it should be; nil if it is.
func partly(err error) *p.InitializationFailed {
	if err == nil {
		return nil
	}
	return &p.InitializationFailed{Reasons: []string{err.Error()}}
}

func (g *plugin) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	r, err := find(req.Urn)
	if err != nil {
		return p.ReadResponse{}, err
	}
	ctx, cancel := g.during(ctx)
	defer cancel()
	facts, err := r.read(ctx, g.api.Load(), req.ID)
	if errors.Is(err, errGone) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	old, in, secret := decode(req.Properties), decode(req.Inputs), secrets(req.Properties, req.Inputs)
	state := r.state(nil, facts)
	for _, f := range r.fields { // the state has what is kept already as it should be
		if f.kept && old[f.name] != nil {
			state[f.name] = old[f.name]
		}
	}
	return p.ReadResponse{ID: req.ID, Properties: encode(state, secret), Inputs: encode(r.refreshed(in, state), secret)}, nil
}

func (g *plugin) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	r, err := find(req.Urn)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	old, in, secret := decode(req.State), decode(req.Inputs), secrets(req.Inputs)
	if req.DryRun {
		return p.UpdateResponse{Properties: encode(r.planned(old, in), secret)}, nil
	}
	ctx, cancel := g.during(ctx)
	defer cancel()
	if r.update != nil {
		err = r.update(ctx, g.api.Load(), req.ID, old, in)
	}
	facts, readErr := r.read(context.WithoutCancel(ctx), g.api.Load(), req.ID)
	if readErr != nil {
		return p.UpdateResponse{}, errors.Join(err, readErr)
	}
	return p.UpdateResponse{Properties: encode(r.state(in, facts), secret), PartialState: partly(err)}, err
}

func (g *plugin) delete(ctx context.Context, req p.DeleteRequest) error {
	r, err := find(req.Urn)
	if err != nil {
		return err
	}
	ctx, cancel := g.during(ctx)
	defer cancel()
	return r.delete(ctx, g.api.Load(), req.ID, decode(req.Properties))
}
