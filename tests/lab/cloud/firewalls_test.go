package cloud

import (
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"testing"

	"github.com/digitalocean/godo"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// inbound is a request for a firewall that admits only SSH, to droplets with a tag.
func inbound(name, tag string) *godo.FirewallRequest {
	return &godo.FirewallRequest{
		Name: name, Tags: []string{tag},
		InboundRules: []godo.InboundRule{
			{Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"0.0.0.0/0", "::/0"}}},
		},
	}
}

func (a account) tag(name string) {
	a.Helper()
	if _, _, err := a.client.Tags.Create(a.Context(), &godo.TagCreateRequest{Name: name}); err != nil {
		a.Fatal(err)
	}
}

func (a account) firewall(request *godo.FirewallRequest) *godo.Firewall {
	a.Helper()
	f, _, err := a.client.Firewalls.Create(a.Context(), request)
	if err != nil {
		a.Fatal(err)
	}
	return f
}

// rules waits until a machine has rules.
func (a account) rules(machine string, want *Rules) {
	a.Helper()
	var got *Rules
	a.wait("the rules of "+machine, func() bool {
		m, _ := a.fake.machine(machine)
		got = m.rules
		return m.filtered && reflect.DeepEqual(got, want)
	})
}

var sshFromAnywhere = Rule{"tcp", 22, 22, prefixes("0.0.0.0/0", "::/0")}

func TestFirewallByTag(t *testing.T) {
	a := newAccount(t)
	a.tag("fleet")
	a.active("outside", nil)
	a.rules("outside", nil)
	before := a.active("before", func(r *godo.DropletCreateRequest) { r.Tags = []string{"fleet"} })

	f := a.firewall(inbound("ssh", "fleet"))
	a.rules("before", &Rules{Inbound: []Rule{sshFromAnywhere}})
	a.wait("the firewall to succeed", func() bool {
		now, _, err := a.client.Firewalls.Get(t.Context(), f.ID)
		return err == nil && now.Status == "succeeded" && len(now.PendingChanges) == 0
	})
	a.active("after", func(r *godo.DropletCreateRequest) { r.Tags = []string{"Fleet"} })
	if m, _ := a.fake.machine("after"); !reflect.DeepEqual(m.rules, &Rules{Inbound: []Rule{sshFromAnywhere}}) {
		t.Errorf("a droplet is active with the rules %+v", m.rules)
	}
	resource := []godo.Resource{{ID: strconv.Itoa(before.ID), Type: godo.DropletResourceType}}
	if _, err := a.client.Tags.UntagResources(t.Context(), "fleet", &godo.UntagResourcesRequest{Resources: resource}); err != nil {
		t.Fatal(err)
	}
	a.rules("before", nil)
	if _, err := a.client.Tags.TagResources(t.Context(), "fleet", &godo.TagResourcesRequest{Resources: resource}); err != nil {
		t.Fatal(err)
	}
	a.rules("before", &Rules{Inbound: []Rule{sshFromAnywhere}})
	if _, err := a.client.Firewalls.Delete(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	a.rules("before", nil)
	a.rules("after", nil)
}

func TestFirewallsUnite(t *testing.T) {
	a := newAccount(t)
	a.tag("fleet")
	d := a.active("node", func(r *godo.DropletCreateRequest) { r.Tags = []string{"fleet"} })
	a.firewall(inbound("ssh", "fleet"))
	a.firewall(&godo.FirewallRequest{
		Name: "more", DropletIDs: []int{d.ID},
		InboundRules: []godo.InboundRule{
			{Protocol: "udp", PortRange: "51820", Sources: &godo.Sources{Addresses: []string{"198.51.100.7"}}},
			{Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"::/0", "0.0.0.0/0"}}},
			{Protocol: "tcp", PortRange: "80", Sources: &godo.Sources{}},
		},
		OutboundRules: []godo.OutboundRule{
			{Protocol: "icmp", Destinations: &godo.Destinations{Addresses: []string{"::/0"}}},
			{Protocol: "tcp", PortRange: "all", Destinations: &godo.Destinations{Addresses: []string{"198.51.100.9/24"}}},
			{Protocol: "udp", PortRange: "8000-9000", Destinations: &godo.Destinations{Addresses: []string{"::/0"}}},
		},
	})
	a.rules("node", &Rules{
		Inbound: []Rule{sshFromAnywhere, {"udp", 51820, 51820, prefixes("198.51.100.7/32")}},
		Outbound: []Rule{
			{"icmp", 0, 0, prefixes("::/0")},
			{"tcp", 0, 0, prefixes("198.51.100.0/24")},
			{"udp", 8000, 9000, prefixes("::/0")},
		},
	})
}

func TestFirewallSourcesFollowTheirTags(t *testing.T) {
	a := newAccount(t)
	a.tag("fleet")
	a.tag("monitor")
	a.active("node", func(r *godo.DropletCreateRequest) { r.Tags = []string{"fleet"} })
	a.firewall(&godo.FirewallRequest{
		Name: "scrape", Tags: []string{"fleet"},
		InboundRules: []godo.InboundRule{{Protocol: "tcp", PortRange: "9100", Sources: &godo.Sources{Tags: []string{"monitor"}}}},
	})
	a.rules("node", &Rules{Inbound: []Rule{}})
	monitor := a.active("monitor", func(r *godo.DropletCreateRequest) { r.Tags, r.IPv6 = []string{"monitor"}, true })
	a.rules("node", &Rules{Inbound: []Rule{{"tcp", 9100, 9100, prefixes("198.51.100.2/32", "2001:db8::2/128")}}})
	if _, err := a.client.Droplets.Delete(t.Context(), monitor.ID); err != nil {
		t.Fatal(err)
	}
	a.rules("node", &Rules{Inbound: []Rule{}})
}

func TestFirewallIsReadAsWritten(t *testing.T) {
	a := newAccount(t)
	f := a.firewall(&godo.FirewallRequest{
		Name: "ports",
		InboundRules: []godo.InboundRule{
			{Protocol: "tcp", PortRange: "all", Sources: &godo.Sources{Addresses: []string{"::/0"}}},
			{Protocol: "udp", PortRange: "1-65535", Sources: &godo.Sources{Addresses: []string{"::/0"}}},
			{Protocol: "icmp", Sources: &godo.Sources{Addresses: []string{"::/0"}}},
		},
	})
	var ports []string
	for _, rule := range f.InboundRules {
		ports = append(ports, rule.PortRange)
	}
	if want := []string{"0", "1-65535", "0"}; !reflect.DeepEqual(ports, want) {
		t.Errorf("ports are %q, want %q", ports, want)
	}
}

func TestFirewallParts(t *testing.T) {
	a := newAccount(t)
	a.tag("fleet")
	a.tag("other")
	d := a.active("node", nil)
	f := a.firewall(inbound("ssh", "fleet"))
	if _, err := a.client.Firewalls.AddDroplets(t.Context(), f.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	a.rules("node", &Rules{Inbound: []Rule{sshFromAnywhere}})
	rule := godo.InboundRule{Protocol: "tcp", PortRange: "80", Sources: &godo.Sources{Addresses: []string{"::/0"}}}
	more := &godo.FirewallRulesRequest{InboundRules: []godo.InboundRule{rule}}
	if _, err := a.client.Firewalls.AddRules(t.Context(), f.ID, more); err != nil {
		t.Fatal(err)
	}
	a.rules("node", &Rules{Inbound: []Rule{sshFromAnywhere, {"tcp", 80, 80, prefixes("::/0")}}})
	if _, err := a.client.Firewalls.RemoveRules(t.Context(), f.ID, more); err != nil {
		t.Fatal(err)
	}
	if _, err := a.client.Firewalls.AddTags(t.Context(), f.ID, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.client.Firewalls.RemoveDroplets(t.Context(), f.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	a.rules("node", nil)
	now, _, err := a.client.Firewalls.Get(t.Context(), f.ID)
	if err != nil || !reflect.DeepEqual(now.Tags, []string{"fleet", "other"}) || len(now.InboundRules) != 1 || len(now.DropletIDs) != 0 {
		t.Errorf("firewall is %+v, %v", now, err)
	}
	if byDroplet, _, err := a.client.Firewalls.ListByDroplet(t.Context(), d.ID, nil); err != nil || len(byDroplet) != 0 {
		t.Errorf("the droplet is behind %v, %v", byDroplet, err)
	}
}

func TestFirewallsThatAreRefused(t *testing.T) {
	a := newAccount(t)
	a.tag("fleet")
	a.firewall(inbound("taken", "fleet"))
	var many []int
	for i := range maxFirewallDroplets + 1 {
		many = append(many, i+1)
	}
	tests := map[string]struct {
		edit    func(*godo.FirewallRequest)
		status  int
		message string
	}{
		"name taken": {func(r *godo.FirewallRequest) { r.Name = "taken" }, http.StatusConflict, "duplicate name"},
		"name": {func(r *godo.FirewallRequest) { r.Name = "a_b" }, http.StatusUnprocessableEntity,
			"name must start with an alphanumeric character, and contain only alphanumeric characters, '.' and '-'"},
		"no rules": {func(r *godo.FirewallRequest) { r.InboundRules = nil }, http.StatusUnprocessableEntity,
			"at least one rule is required"},
		"droplets": {func(r *godo.FirewallRequest) { r.DropletIDs = many }, http.StatusUnprocessableEntity,
			"a firewall can have 10 droplets at most; use tags for more"},
		"tags": {func(r *godo.FirewallRequest) { r.Tags = make([]string, 6) }, http.StatusUnprocessableEntity,
			"a firewall can have 5 tags at most"},
		"droplet":     {func(r *godo.FirewallRequest) { r.DropletIDs = []int{1} }, http.StatusUnprocessableEntity, "droplet 1 not found"},
		"tag":         {func(r *godo.FirewallRequest) { r.Tags = []string{"no"} }, http.StatusUnprocessableEntity, `tag "no" not found`},
		"ports":       {func(r *godo.FirewallRequest) { r.InboundRules[0].PortRange = "9-2" }, http.StatusUnprocessableEntity, `invalid ports "9-2"`},
		"no ports":    {func(r *godo.FirewallRequest) { r.InboundRules[0].PortRange = "" }, http.StatusUnprocessableEntity, `invalid ports ""`},
		"protocol":    {func(r *godo.FirewallRequest) { r.InboundRules[0].Protocol = "gre" }, http.StatusUnprocessableEntity, `invalid protocol "gre"`},
		"address":     {func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.Addresses[0] = "x" }, http.StatusUnprocessableEntity, `invalid address "x"`},
		"source tag":  {func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.Tags = []string{"no"} }, http.StatusUnprocessableEntity, `tag "no" not found`},
		"no balancer": {func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.LoadBalancerUIDs = []string{"x"} }, http.StatusUnprocessableEntity, "this account has no load balancers and no clusters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := inbound("new", "fleet")
			test.edit(request)
			_, _, err := a.client.Firewalls.Create(t.Context(), request)
			refused(t, err, test.status, test.message)
		})
	}
}

func TestFilterIsTriedAgain(t *testing.T) {
	a := newAccount(t)
	a.fake.refuse("filter", 1)
	d := a.active("node", nil)
	if m, _ := a.fake.machine("node"); !m.filtered {
		t.Errorf("droplet %d is active without its filter", d.ID)
	}
}

func TestFiltersAreRenewedAfterARestart(t *testing.T) {
	dir, fake := t.TempDir(), newFake()
	a := openAccount(t, dir, fake)
	a.tag("fleet")
	a.firewall(inbound("ssh", "fleet"))
	a.active("node", func(r *godo.DropletCreateRequest) { r.Tags = []string{"fleet"} })
	if err := a.api.Close(); err != nil {
		t.Fatal(err)
	}
	if err := fake.Filter(t.Context(), "node", nil); err != nil {
		t.Fatal(err)
	}
	openAccount(t, dir, fake).rules("node", &Rules{Inbound: []Rule{sshFromAnywhere}})
}
