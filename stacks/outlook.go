package stacks

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"

	"github.com/promwire/promwire/components/cloud/digitalocean"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/outlook"
	"github.com/promwire/promwire/stacks/settings"
)

// preview is what the engine says in a preview: its own word on each resource of a host, by a hook that runs before a resource would be made
// or changed. So it is right with --target, --replace and --refresh too, of which the program knows nothing. nil: this is no preview.
type preview struct {
	mu    sync.Mutex // resources are registered at the same time
	state record.State
	steps []outlook.Step
}

// newPreview listens to the engine from now on, if this run is a preview. Hooks are bound in previews only, so no state has them.
func newPreview(ctx *pulumi.Context, state record.State) (*preview, error) {
	if !ctx.DryRun() || ctx.RunningWithMocks() { // which have no hooks
		return nil, nil
	}
	p := &preview{state: state}
	hook, err := ctx.RegisterResourceHook("outlook", p.note, &pulumi.ResourceHookOptions{OnDryRun: true})
	if err != nil {
		return nil, err
	}
	bound := []*pulumi.ResourceHook{hook}
	return p, ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		if _, _, of := ofHost(args.Type, args.Name); !of {
			return nil
		}
		opts := append(slices.Clone(args.Opts), pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: bound, BeforeUpdate: bound}))
		return &pulumi.ResourceTransformationResult{Props: args.Props, Opts: opts}
	})
}

// kinds are the resources of hosts, with their types.
var kinds = map[outlook.What]string{
	outlook.Droplet: digitalocean.DropletType, outlook.Bootstrap: remote.Type, outlook.Enrol: remote.Type, outlook.Converge: remote.Type,
	outlook.Peer:     remote.Type,
	outlook.Alerting: remote.Type, outlook.RemoteWrite: remote.Type,
}

// ofHost says which resource of which host a resource is, if it is one.
func ofHost(kind, name string) (host string, what outlook.What, of bool) {
	for what, is := range kinds {
		if host, ends := strings.CutSuffix(name, "-"+string(what)); ends && kind == is {
			return host, what, true
		}
	}
	return "", "", false
}

// note is the hook.
func (p *preview) note(args *pulumi.ResourceHookArgs) error {
	host, what, of := ofHost(string(args.Type), args.Name)
	if !of {
		return nil
	}
	s := outlook.Step{Host: host, What: what, Created: len(args.OldInputs) == 0, Before: values(args.OldInputs), After: values(args.NewInputs)}
	if fields, was := p.state[string(args.URN)].(map[string]any); was && s.Created { // made again
		outputs, _ := fields["outputs"].(map[string]any)
		s.Before = values(resource.NewPropertyMapFromMap(outputs))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, s)
	return nil
}

// values are what an outlook needs of a resource's properties, and no secret.
func values(of resource.PropertyMap) outlook.Values {
	v := outlook.Values{Region: known(of["region"]), Size: known(of["size"]), Script: known(of["stdin"])}
	v.Unknown = v.Script == "" && of["stdin"].V != nil
	if c := plain(of["connection"]); c.IsObject() {
		machine := c.ObjectValue()
		if host, key := known(machine["host"]), known(machine["hostKey"]); host != "" && key != "" {
			v.At = host + " " + key
		}
	}
	return v
}

// known is a text; "" if it is not known yet.
func known(v resource.PropertyValue) string {
	if v = plain(v); v.IsString() {
		return v.StringValue()
	}
	return ""
}

// plain is a value without what is said about it.
func plain(v resource.PropertyValue) resource.PropertyValue {
	for {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case v.IsOutput() && v.OutputValue().Known:
			v = v.OutputValue().Element
		default:
			return v
		}
	}
}

// log prints the outlook, when the engine has said all of it. If it has refused something, that is what there is to say.
func (p *preview) log(ctx *pulumi.Context, f *Fleet, leaving int) error {
	if p == nil {
		return nil
	}
	if _, err := internals.UnsafeAwaitOutput(ctx.Context(), f.Verification.Ready.URN()); err != nil {
		return nil // it is reported where it happened
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := outlook.Outlook{
		Hosts: hosts(f.Settings), Had: had(p.state), Leaving: leaving, Steps: p.steps,
		Prices: outlook.Prices{Of: digitalocean.Prices, AsOf: digitalocean.PricesAsOf, Owner: "DigitalOcean's"},
	}
	if hub := f.Settings.Hub; hub != nil {
		o.Hub = hub.Name
	}
	return ctx.Log.Info(o.String(), nil)
}

// hosts are those of the stack file, the monitor first.
func hosts(s *settings.Settings) []outlook.Host {
	all := []outlook.Host{{Name: s.Monitor.Name, Machine: place(s.Monitor.Host, prometheus.RoleMonitor)}}
	for _, h := range s.Hosts()[1:] {
		all = append(all, outlook.Host{Name: h.Name, Machine: place(h, prometheus.RoleTarget)})
	}
	return all
}

func place(h settings.Host, role string) outlook.Machine {
	if h.Existing != nil {
		return outlook.Machine{Role: role}
	}
	return outlook.Machine{Role: role, Region: h.Region, Size: h.Size}
}

// had are the hosts of the last update, by name: those whose bootstrap ran, and droplets.
func had(state record.State) map[string]outlook.Machine {
	all := map[string]outlook.Machine{}
	for name, place := range digitalocean.Places(state) {
		all[name] = outlook.Machine{Region: place.Region, Size: place.Size}
	}
	for kind, role := range map[string]string{monitor.Type: prometheus.RoleMonitor, target.Type: prometheus.RoleTarget} {
		for name := range maps.Keys(state.Of(kind + "$" + remote.Type)) {
			if host, is := strings.CutSuffix(name, "-"+string(outlook.Bootstrap)); is {
				m := all[host]
				m.Role = role
				all[host] = m
			}
		}
	}
	return all
}
