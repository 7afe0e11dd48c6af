package machines

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// machineWide is the folder whose lock orders what labs do to the operator's machine: pick a subnet, change a sysctl.
const machineWide = "/run"

// candidates are the subnets that a lab may take, best first: documentation's third (RFC 5737), then those for benchmarks
// of network devices (RFC 2544). None of them is anybody's on the Internet.
func candidates() []netip.Prefix {
	list := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	for third := range 256 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(third), 0}), 24))
	}
	return list
}

// pick is the first candidate that overlaps nothing which is taken.
func pick(candidates, taken []netip.Prefix) (netip.Prefix, error) {
next:
	for _, candidate := range candidates {
		for _, other := range taken {
			if candidate.Overlaps(other) {
				continue next
			}
		}
		return candidate, nil
	}
	return netip.Prefix{}, fmt.Errorf("each of %s to %s overlaps a route or an address of this machine: free one of them",
		candidates[0], candidates[len(candidates)-1])
}

// taken are all networks of the operator's machine that it has a route to; its addresses are among them, as routes of the
// table "local". A default route takes nothing.
func taken(ctx context.Context) ([]netip.Prefix, error) {
	out, err := run(ctx, "", "ip", "-json", "-4", "route", "show", "table", "all")
	if err != nil {
		return nil, err
	}
	var routes []struct{ Dst string }
	if err := json.Unmarshal(out, &routes); err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	var prefixes []netip.Prefix
	for _, route := range routes {
		if address, err := netip.ParseAddr(route.Dst); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
		} else if prefix, err := netip.ParsePrefix(route.Dst); err == nil && prefix.Bits() > 0 {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes, nil
}

// uniqueLocal is a random /48 of fd00::/8, as RFC 4193 requires.
func uniqueLocal() netip.Prefix {
	address := [16]byte{0xfd}
	rand.Read(address[1:6]) // never fails: crypto/rand
	return netip.PrefixFrom(netip.AddrFrom16(address), 48)
}

// openNetwork joins the lab's network or makes it. A lab whose machine was rebooted gets the network that it had.
func (l *Lab) openNetwork(ctx context.Context) error {
	unlock, err := folder.Lock(ctx, machineWide)
	if err != nil {
		return err
	}
	defer unlock()
	known, err := l.readNetwork()
	if err != nil {
		return err
	}
	if known && l.routed(ctx) {
		return nil
	}
	// What is left of a set-up that did not end.
	if err := l.closeNetwork(ctx); err != nil {
		return err
	}
	others, err := taken(ctx)
	if err != nil {
		return err
	}
	from := candidates()
	if known {
		from = []netip.Prefix{l.network.V4}
	}
	v4, err := pick(from, others)
	if err != nil {
		return err
	}
	if !known {
		l.network = newNetwork(v4, uniqueLocal())
		if err := writeJSON(l.networkFile(), l.network); err != nil {
			return err
		}
	}
	if err := raiseLimits(); err != nil {
		return err
	}
	fmt.Fprintf(l.log, "network %s and %s on link %s\n", l.network.V4, l.network.V6, l.link())
	return l.makeRouter(ctx)
}

// newNetwork gives the operator's machine the first address of each of the lab's networks.
func newNetwork(v4, v6 netip.Prefix) Network {
	return Network{V4: v4, V6: v6, OperatorV4: v4.Addr().Next(), OperatorV6: v6.Addr().Next()}
}

// readNetwork reads the network that the lab has, if it has one.
func (l *Lab) readNetwork() (known bool, err error) {
	err = readJSON(l.networkFile(), &l.network)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// routed reports whether the router was made whole: the route to the lab is the last thing that makeRouter makes.
func (l *Lab) routed(ctx context.Context) bool {
	if _, err := os.Stat(namespaceFile(l.router())); err != nil {
		return false
	}
	out, err := run(ctx, "", "ip", "route", "show", l.network.V4.String(), "dev", l.link())
	return err == nil && len(out) > 0
}

// makeRouter makes the namespace that routes, its link to the operator's machine, and the route there. Gateways' addresses
// are on its loopback, for each machine has a link of its own and all gateways answer on all links.
func (l *Lab) makeRouter(ctx context.Context) error {
	n, router := l.network, l.router()
	if _, err := run(ctx, "", "ip", "netns", "add", router); err != nil {
		return err
	}
	inside := []string{
		"link set lo up",
		"link set operator up",
		fmt.Sprintf("address add %s/30 dev operator", n.OperatorV4.Next()),
		fmt.Sprintf("address add %s/64 dev operator nodad", n.OperatorV6.Next()),
	}
	for region := range regionCount {
		inside = append(inside,
			fmt.Sprintf("address add %s dev lo", n.gateway4(region)),
			fmt.Sprintf("address add %s dev lo", n.gateway6(region)))
	}
	inside = append(inside, fmt.Sprintf("address add %s dev lo", privateGateway))
	outside := []string{
		fmt.Sprintf("link set %s up", l.link()),
		fmt.Sprintf("address add %s/30 dev %s", n.OperatorV4, l.link()),
		fmt.Sprintf("address add %s/64 dev %s nodad", n.OperatorV6, l.link()),
		fmt.Sprintf("route add %s via %s dev %s", n.V6, n.OperatorV6.Next(), l.link()),
		fmt.Sprintf("route add %s via %s dev %s", n.V4, n.OperatorV4.Next(), l.link()),
	}
	steps := []struct {
		stdin string
		args  []string
	}{
		{"", in(router, "sysctl", "--quiet", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")},
		{"", []string{"ip", "link", "add", l.link(), "type", "veth", "peer", "name", "operator", "netns", router}},
		{strings.Join(inside, "\n"), []string{"ip", "-netns", router, "-batch", "-"}},
		{strings.Join(outside, "\n"), []string{"ip", "-batch", "-"}},
	}
	for _, step := range steps {
		if _, err := run(ctx, step.stdin, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// closeNetwork removes the router, the namespaces of machines, and the operator's link. It is not an error if they are gone already.
func (l *Lab) closeNetwork(ctx context.Context) error {
	if _, err := net.InterfaceByName(l.link()); err == nil {
		// The kernel tears namespaces down later; the link must be gone now.
		if _, err := run(ctx, "", "ip", "link", "delete", l.link()); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir("/run/netns")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); name == l.router() || strings.HasPrefix(name, l.namespace("")) {
			if err := deleteNamespace(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteNamespace removes a named network namespace. It is not an error if it is gone already.
func deleteNamespace(ctx context.Context, name string) error {
	if _, err := os.Stat(namespaceFile(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, err := run(ctx, "", "ip", "netns", "delete", name)
	return err
}
