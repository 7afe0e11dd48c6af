package cloud

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/godo"
)

// What one firewall takes at most (https://docs.digitalocean.com/products/networking/firewalls/details/limits/).
const (
	maxFirewallDroplets = 10
	maxFirewallTags     = 5
	maxFirewallRules    = 50
)

// firewall is what the account knows of a cloud firewall.
type firewall struct {
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	Created  time.Time           `json:"created"`
	Inbound  []godo.InboundRule  `json:"inbound"`
	Outbound []godo.OutboundRule `json:"outbound"`
	Droplets []int               `json:"droplets"`
	Tags     []string            `json:"tags"`
}

// covers says whether a droplet is behind the firewall, by its number or by a tag.
func (f *firewall) covers(d *droplet) bool {
	return slices.Contains(f.Droplets, d.ID) || slices.ContainsFunc(f.Tags, d.tagged)
}

// dropDroplet takes a droplet that is gone out of the firewall and its rules.
func (f *firewall) dropDroplet(id int) {
	gone := func(other int) bool { return other == id }
	f.Droplets = slices.DeleteFunc(f.Droplets, gone)
	for _, rule := range f.Inbound {
		rule.Sources.DropletIDs = slices.DeleteFunc(rule.Sources.DropletIDs, gone)
	}
	for _, rule := range f.Outbound {
		rule.Destinations.DropletIDs = slices.DeleteFunc(rule.Destinations.DropletIDs, gone)
	}
}

// firewallView is a firewall as the API shows it: its changes are pending until every droplet behind it is filtered so.
func (a *API) firewallView(f *firewall) godo.Firewall {
	v := godo.Firewall{
		ID: f.ID, Name: f.Name, Status: "succeeded", Created: f.Created.UTC().Format(time.RFC3339),
		InboundRules: f.Inbound, OutboundRules: f.Outbound, DropletIDs: f.Droplets, Tags: f.Tags,
		PendingChanges: []godo.PendingChange{},
	}
	for _, d := range a.state.droplets() {
		if f.covers(d) && !d.Leaving && a.filters.pending(d.ID, a.state.rules(d)) {
			v.Status = "waiting"
			v.PendingChanges = append(v.PendingChanges, godo.PendingChange{DropletID: d.ID, Status: "waiting"})
		}
	}
	return v
}

// firewall finds the firewall that a request's path names.
func (a *API) firewall(r *http.Request) (*firewall, error) {
	f, ok := a.state.Firewalls[r.PathValue("id")]
	if !ok {
		return nil, errNotFound
	}
	return f, nil
}

func (a *API) listFirewalls(r *http.Request) (int, any, error) {
	views := []godo.Firewall{}
	for _, f := range a.state.firewalls() {
		views = append(views, a.firewallView(f))
	}
	return page(r, "firewalls", views)
}

func (a *API) listDropletFirewalls(r *http.Request) (int, any, error) {
	d, err := a.droplet(r)
	if err != nil {
		return 0, nil, err
	}
	views := []godo.Firewall{}
	for _, f := range a.state.firewalls() {
		if f.covers(d) {
			views = append(views, a.firewallView(f))
		}
	}
	return page(r, "firewalls", views)
}

func (a *API) getFirewall(r *http.Request) (int, any, error) {
	f, err := a.firewall(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"firewall": a.firewallView(f)}, nil
}

func (a *API) createFirewall(r *http.Request) (int, any, error) {
	var request godo.FirewallRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	f := &firewall{ID: newUUID(), Created: a.now()}
	if err := a.replace(f, request); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, map[string]any{"firewall": a.firewallView(f)}, a.save()
}

// updateFirewall replaces all of a firewall: what the request leaves out is gone.
func (a *API) updateFirewall(r *http.Request) (int, any, error) {
	var request godo.FirewallRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	f, err := a.firewall(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.replace(f, request); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"firewall": a.firewallView(f)}, a.save()
}

func (a *API) deleteFirewall(r *http.Request) (int, any, error) {
	f, err := a.firewall(r)
	if err != nil {
		return 0, nil, err
	}
	delete(a.state.Firewalls, f.ID)
	a.filters.wake()
	return http.StatusNoContent, nil, a.save()
}

// replace makes a firewall what a request says, if nothing is wrong with it.
func (a *API) replace(f *firewall, request godo.FirewallRequest) error {
	if err := a.checkFirewall(f.ID, &request); err != nil {
		return err
	}
	f.Name, f.Inbound, f.Outbound = request.Name, request.InboundRules, request.OutboundRules
	f.Droplets, f.Tags = append([]int{}, request.DropletIDs...), append([]string{}, request.Tags...)
	a.state.Firewalls[f.ID] = f
	a.filters.wake()
	return nil
}

var firewallName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.\-]+$`)

// checkFirewall says what is wrong with a request for the firewall of that number ("" for a new one), and gives its
// rules the form in which the API shows them.
func (a *API) checkFirewall(id string, request *godo.FirewallRequest) error {
	if !firewallName.MatchString(request.Name) {
		return unprocessable("name must start with an alphanumeric character, and contain only alphanumeric characters, '.' and '-'")
	}
	for _, other := range a.state.Firewalls {
		if other.ID != id && other.Name == request.Name {
			return conflict("duplicate name")
		}
	}
	switch count := len(request.InboundRules) + len(request.OutboundRules); {
	case count == 0:
		return unprocessable("at least one rule is required")
	case count > maxFirewallRules:
		return unprocessable("a firewall can have %d rules at most", maxFirewallRules)
	case len(request.DropletIDs) > maxFirewallDroplets:
		return unprocessable("a firewall can have %d droplets at most; use tags for more", maxFirewallDroplets)
	case len(request.Tags) > maxFirewallTags:
		return unprocessable("a firewall can have %d tags at most", maxFirewallTags)
	}
	if err := a.checkTargets(request.DropletIDs, request.Tags); err != nil {
		return err
	}
	for i := range request.InboundRules {
		rule := &request.InboundRules[i]
		if rule.Sources == nil {
			rule.Sources = &godo.Sources{}
		}
		if err := a.checkRule(&rule.Protocol, &rule.PortRange, target(*rule.Sources)); err != nil {
			return err
		}
	}
	for i := range request.OutboundRules {
		rule := &request.OutboundRules[i]
		if rule.Destinations == nil {
			rule.Destinations = &godo.Destinations{}
		}
		if err := a.checkRule(&rule.Protocol, &rule.PortRange, target(*rule.Destinations)); err != nil {
			return err
		}
	}
	return nil
}

// target is what a rule's sources and destinations have in common: everything.
type target godo.Sources

// checkRule says what is wrong with a rule. All ports are "0" as the API shows them.
func (a *API) checkRule(protocol, ports *string, to target) error {
	if !slices.Contains([]string{"tcp", "udp", "icmp"}, *protocol) {
		return unprocessable("invalid protocol %q", *protocol)
	}
	if *ports == "all" || *ports == "" && *protocol == "icmp" {
		*ports = "0"
	}
	if _, _, err := parsePorts(*ports); err != nil {
		return err
	}
	for _, address := range to.Addresses {
		if _, err := parseNetwork(address); err != nil {
			return err
		}
	}
	if len(to.LoadBalancerUIDs)+len(to.KubernetesIDs) > 0 {
		return unprocessable("this account has no load balancers and no clusters")
	}
	return a.checkTargets(to.DropletIDs, to.Tags)
}

// checkTargets says which of the droplets or tags are not there. Unlike a droplet, a firewall makes no tags.
func (a *API) checkTargets(droplets []int, tags []string) error {
	for _, id := range droplets {
		if _, ok := a.state.Droplets[id]; !ok {
			return unprocessable("droplet %d not found", id)
		}
	}
	for _, tag := range tags {
		if _, ok := a.state.Tags[strings.ToLower(tag)]; !ok {
			return unprocessable("tag %q not found", tag)
		}
	}
	return nil
}
