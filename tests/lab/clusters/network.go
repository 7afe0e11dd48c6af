package clusters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/promwire/promwire/tests/lab/machines"
)

// Nodes have the end of the lab's first /27, of which the operator's link takes the first /30 only, and behind that each has a
// /31 of its own with the operator's machine: 198.51.100.24 and 198.51.100.8/31 are the first cluster's.
const (
	most      = 7 // clusters of one lab
	firstLink = 8
	firstNode = 24
)

// plan is where a cluster's addresses are.
type plan struct {
	node     netip.Addr   // on eth0, in the lab
	gateway  netip.Addr   // the router's
	operator netip.Addr   // the operator's machine on the second link
	api      netip.Addr   // the node on the second link
	pods     netip.Prefix // nobody but the node sees these two, so they could be all clusters' the same; logs are clearer thus
	services netip.Prefix
}

func newPlan(n machines.Network, number int) plan {
	at := func(host int) netip.Addr {
		b := n.V4.Addr().As4()
		b[3] += byte(host)
		return netip.AddrFrom4(b)
	}
	private := func(second int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second + number), 0, 0}), 24)
	}
	return plan{
		node: at(firstNode + number), gateway: n.OperatorV4.Next(),
		operator: at(firstLink + 2*number), api: at(firstLink + 2*number + 1),
		pods: private(200), services: private(220),
	}
}

// service is an address of the services' network: the first is the API's, as Kubernetes has it, the tenth by custom the DNS's.
func (p plan) service(number int) netip.Addr {
	b := p.services.Addr().As4()
	b[3] += byte(number)
	return netip.AddrFrom4(b)
}

// The names of a cluster's network namespace, of its link on the operator's machine, and of its link at the router.
func (l *lab) namespace(name string) string { return "promwire-" + l.id + "." + name }
func (l *lab) link(r record) string         { return fmt.Sprintf("%s%d", l.linkPrefix(), r.Number) }
func (l *lab) linkPrefix() string           { return "promk-" + l.id + "-" }
func (r record) port() string               { return fmt.Sprintf("c%d", r.Number) }

// firewall is what the router admits to nodes. It stands beside the machines' own table; a packet must pass both.
const firewall = `table inet clusters
delete table inet clusters
table inet clusters {
	chain forward {
		type filter hook forward priority filter; policy accept
		oifname "c*" ct state established,related accept
		oifname "c*" drop
	}
}
`

// connect makes a node's namespace and its two links.
func (l *lab) connect(ctx context.Context, r record, p plan) error {
	router, namespace := machines.Router(l.id), l.namespace(r.Name)
	inside := []string{
		"link set lo up", "link set eth0 up", "link set operator up",
		fmt.Sprintf("address add %s/32 dev eth0", p.node),
		fmt.Sprintf("address add %s/31 dev operator", p.api),
		fmt.Sprintf("route add %s dev eth0", p.gateway),
		fmt.Sprintf("route add default via %s dev eth0 src %s", p.gateway, p.node),
	}
	steps := []struct {
		stdin string
		args  []string
	}{
		{firewall, []string{"nsenter", "--net=/run/netns/" + router, "--", "nft", "-f", "-"}},
		{"", []string{"ip", "netns", "add", namespace}},
		{"", []string{"ip", "-netns", router, "link", "add", r.port(), "type", "veth", "peer", "name", "eth0", "netns", namespace}},
		{"", []string{"ip", "-netns", router, "link", "set", r.port(), "up"}},
		{"", []string{"ip", "-netns", router, "route", "add", p.node.String(), "dev", r.port()}},
		{"", []string{"ip", "link", "add", l.link(r), "type", "veth", "peer", "name", "operator", "netns", namespace}},
		{"", []string{"ip", "address", "add", p.operator.String() + "/31", "dev", l.link(r)}},
		{"", []string{"ip", "link", "set", l.link(r), "up"}},
		{strings.Join(inside, "\n"), []string{"ip", "-netns", namespace, "-batch", "-"}},
	}
	for _, step := range steps {
		if _, err := run(ctx, step.stdin, step.args...); err != nil {
			return fmt.Errorf("connect the node: %w", err)
		}
	}
	return nil
}

// disconnect removes a node's links and namespace. It is not an error if they are gone already.
func (l *lab) disconnect(ctx context.Context, r record) error {
	router := machines.Router(l.id)
	if _, err := os.Stat("/run/netns/" + router); err == nil {
		if _, err := run(ctx, "", "ip", "-netns", router, "link", "show", r.port()); err == nil {
			if _, err := run(ctx, "", "ip", "-netns", router, "link", "delete", r.port()); err != nil {
				return err
			}
		}
	}
	return l.unplug(ctx, func(name string) bool { return name == l.link(r) }, func(name string) bool { return name == l.namespace(r.Name) })
}

// unplug removes links of the operator's machine and network namespaces by their names.
func (l *lab) unplug(ctx context.Context, link, namespace func(string) bool) error {
	for _, kind := range []struct {
		dir    string
		which  func(string) bool
		remove []string
	}{
		{"/sys/class/net", link, []string{"ip", "link", "delete"}},
		{"/run/netns", namespace, []string{"ip", "netns", "delete"}},
	} {
		entries, err := os.ReadDir(kind.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			if !kind.which(entry.Name()) {
				continue
			}
			if _, err := run(ctx, "", append(slices.Clone(kind.remove), entry.Name())...); err != nil {
				return err
			}
		}
	}
	return nil
}
