package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/godo"
)

// filterAgain is how long the account waits before it tries a filter again that could not be put on.
const filterAgain = 2 * time.Second

// filters are what the droplets' links admit, and the means to change that.
type filters struct {
	calls sync.Mutex    // held while links change, so that the latest rules come last
	kick  chan struct{} // full: the links must be looked at

	mutex sync.Mutex
	on    map[int]string // droplet -> rules that its link has, written
}

func newFilters() filters {
	return filters{kick: make(chan struct{}, 1), on: map[int]string{}}
}

// wake asks for all links to be looked at soon.
func (f *filters) wake() {
	select {
	case f.kick <- struct{}{}:
	default: // asked already
	}
}

// forget says that a droplet's link is not known to have any rules.
func (f *filters) forget(id int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.on, id)
}

// pending says whether a droplet's link has other rules than these.
func (f *filters) pending(id int, rules *Rules) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	on, known := f.on[id]
	return !known || on != written(rules)
}

// applied says whether a droplet's link has rules at all that this API gave it.
func (f *filters) applied(id int) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_, known := f.on[id]
	return known
}

func (f *filters) set(id int, rules *Rules) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.on[id] = written(rules)
}

// filterLoop puts filters on whenever something asks for it, until they are on.
func (a *API) filterLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.filters.kick:
		}
		if err := a.refilter(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("filters not put on", "error", err)
			if sleep(ctx, filterAgain) {
				a.filters.wake()
			}
		}
	}
}

// refilter puts on each droplet's link the rules that it should have and has not.
func (a *API) refilter(ctx context.Context) error {
	a.filters.calls.Lock()
	defer a.filters.calls.Unlock()
	type change struct {
		id      int
		machine string
		rules   *Rules
	}
	var changes []change
	a.mutex.Lock()
	for _, d := range a.state.droplets() {
		if rules := a.state.rules(d); d.made() && a.filters.pending(d.ID, rules) {
			changes = append(changes, change{d.ID, d.Machine, rules})
		}
	}
	a.mutex.Unlock()

	var failed []error
	for _, c := range changes {
		if err := a.machines.Filter(ctx, c.machine, c.rules); err != nil {
			failed = append(failed, fmt.Errorf("%s: filter: %w", c.machine, err))
			continue
		}
		a.filters.set(c.id, c.rules)
	}
	return errors.Join(failed...)
}

// rules are the union of the rules of all firewalls that a droplet is behind; nil if there is none. They are sorted, so
// that equal rules are written alike.
func (s *state) rules(d *droplet) *Rules {
	var rules *Rules
	for _, f := range s.firewalls() {
		if !f.covers(d) {
			continue
		}
		if rules == nil {
			rules = &Rules{}
		}
		for _, rule := range f.Inbound {
			rules.Inbound = append(rules.Inbound, s.rule(rule.Protocol, rule.PortRange, target(*rule.Sources)))
		}
		for _, rule := range f.Outbound {
			rules.Outbound = append(rules.Outbound, s.rule(rule.Protocol, rule.PortRange, target(*rule.Destinations)))
		}
	}
	if rules != nil {
		rules.Inbound, rules.Outbound = tidy(rules.Inbound), tidy(rules.Outbound)
	}
	return rules
}

// rule is one rule with the addresses that its droplets and tags stand for today.
func (s *state) rule(protocol, ports string, to target) Rule {
	rule := Rule{Protocol: protocol}
	if protocol != "icmp" { // which has none, whatever a rule says
		rule.FirstPort, rule.LastPort, _ = parsePorts(ports) // checked when it came
	}
	for _, address := range to.Addresses {
		network, _ := parseNetwork(address) // likewise
		rule.Networks = append(rule.Networks, network)
	}
	for _, d := range s.droplets() {
		if d.made() && (slices.Contains(to.DropletIDs, d.ID) || slices.ContainsFunc(to.Tags, d.tagged)) {
			rule.Networks = append(rule.Networks, d.Addresses.networks()...)
		}
	}
	slices.SortFunc(rule.Networks, netip.Prefix.Compare)
	rule.Networks = slices.Compact(rule.Networks)
	return rule
}

// networks are the addresses as networks of one address each.
func (a Addresses) networks() []netip.Prefix {
	var networks []netip.Prefix
	for _, address := range []netip.Addr{a.V4, a.V6} {
		if address.IsValid() {
			networks = append(networks, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return networks
}

// tidy sorts rules, and leaves out those that admit nothing or are there twice.
func tidy(rules []Rule) []Rule {
	rules = slices.DeleteFunc(rules, func(r Rule) bool { return len(r.Networks) == 0 })
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(written(a), written(b)) })
	return slices.CompactFunc(rules, func(a, b Rule) bool { return written(a) == written(b) })
}

// parsePorts reads a port, a range of them ("8000-9000"), or "0", which is all ports.
func parsePorts(text string) (first, last int, err error) {
	if text == "0" {
		return 0, 0, nil
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.Atoi(low)
	last, err2 := strconv.Atoi(high)
	if err1 != nil || err2 != nil || first < 1 || last > 65535 || first > last {
		return 0, 0, unprocessable("invalid ports %q", text)
	}
	return first, last, nil
}

// parseNetwork reads an address or a network in CIDR notation.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, unprocessable("invalid address %q", text)
	}
	return network.Masked(), nil
}

var _ = target(godo.Sources{}) // sources and destinations stay alike
var _ = target(godo.Destinations{})
