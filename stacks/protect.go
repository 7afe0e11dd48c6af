package stacks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/outlook"
	"github.com/promwire/promwire/stacks/settings"
)

// checkRemovals refuses an update that would remove or replace a host which was protected, or is to be now, and one that would remove all
// targets without a word. It asks before any resource is registered, and names all such hosts at once. Pulumi's own protection would end an
// update half-way if its preview was skipped; it is there too, for what the program doesn't know: --replace and `pulumi destroy`, see guard.
func checkRemovals(state record.State, s *settings.Settings) error {
	was, err := state.Protected()
	if err != nil {
		return err
	}
	before, now := had(state), map[string]outlook.Host{}
	protect := map[string]bool{}
	for _, name := range was {
		protect[name] = true
	}
	for _, h := range hosts(s) {
		now[h.Name] = h
	}
	for _, name := range protectedHosts(s) {
		protect[name] = true
	}
	var refused []error
	for _, name := range slices.Sorted(maps.Keys(protect)) {
		if _, there := before[name]; !there {
			continue
		}
		refused = append(refused, endangered(name, before[name], now))
	}
	return errors.Join(append(refused, emptied(before, s))...)
}

// endangered says why a protected host can't be as the stack file has it; nil if it can.
func endangered(name string, before outlook.Machine, now map[string]outlook.Host) error {
	h, stays := now[name]
	if !stays {
		return fmt.Errorf("%s: is protected, and the stack file has it no longer, so nothing was changed; to remove it, write it there again with "+
			"protect: false (a group's member: in the group's entry), run `pulumi up`, and then take it off the list", name)
	}
	why := replacement(before, h.Machine)
	if why == "" {
		return nil
	}
	return fmt.Errorf("%s: is protected, and would be replaced (%s), so nothing was changed; to replace it, first change only its line "+
		"protect: true to false, and run `pulumi up`", name, why)
}

// replacement says what of a host would be removed to make another one; "": nothing.
func replacement(before, now outlook.Machine) string {
	switch {
	case before.Size == "" && now.Size != "":
		return "by a droplet"
	case before.Size != "" && now.Size == "":
		return "by an existing machine"
	case before.Size != "" && before.Region != now.Region:
		return "region " + before.Region + " → " + now.Region
	case before.Role != "" && before.Role != now.Role:
		return before.Role + " → " + now.Role
	}
	return ""
}

// emptied refuses a list of targets that has become empty: a mistake in what writes the stack file looks like that, `up --yes` asks nobody, and
// droplets do not come back.
func emptied(before map[string]outlook.Machine, s *settings.Settings) error {
	if len(s.Targets) > 0 || s.NoTargets {
		return nil
	}
	var gone []string
	for name, m := range before {
		if m.Role == prometheus.RoleTarget && (s.Hub == nil || name != s.Hub.Name) {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	slices.Sort(gone)
	return fmt.Errorf("targets: the list is empty, and all %d targets would be removed, so nothing was changed (%s); if that is meant, write "+
		"noTargets: true", len(gone), strings.Join(gone[:min(len(gone), 10)], ", "))
}

// protectedHosts are those that the stack file protects.
func protectedHosts(s *settings.Settings) []string {
	var names []string
	for _, h := range s.Hosts() {
		if h.Protect {
			names = append(names, h.Name)
		}
	}
	return names
}

// guard makes `pulumi destroy` leave everything, if hosts are protected. protected is the record of these; nil: there are none.
func guard(ctx *pulumi.Context, state record.State, s *settings.Settings, f *fleet.Fleet, protected pulumi.Resource) error {
	last := append([]pulumi.Resource{f.Verification.Ready}, f.Monitor.Secrets...)
	if protected != nil {
		last = append(last, protected)
	}
	for _, h := range s.Hosts() {
		if !h.Protect && !state.Guarded(h.Name) {
			continue
		}
		if err := record.Guard(ctx, h.Name, h.Protect, last, f); err != nil {
			return err
		}
	}
	return nil
}
