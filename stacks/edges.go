package stacks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/proof"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// edges are those that people allow, with addresses. Pods of a cluster are one end of the tunnel, whatever their namespaces.
func (t translation) edges() []proof.Edge {
	var all []proof.Edge
	for _, e := range t.settings.Allow {
		edge := proof.Edge{From: e.From, To: e.To, Edge: nftables.Edge{From: t.place(e.From), To: t.place(e.To), Port: e.Port}, Pods: e.Namespace != ""}
		if !slices.Contains(all, edge) {
			all = append(all, edge)
		}
	}
	return all
}

// podsDial are the edges from a cluster's pods.
func (t translation) podsDial(name string) []kubernetes.Dial {
	var all []kubernetes.Dial
	for _, e := range t.settings.Allow {
		if e.From == name && e.Namespace != "" {
			all = append(all, kubernetes.Dial{Host: e.To, To: netip.AddrPortFrom(t.place(e.To), uint16(e.Port)), Namespace: e.Namespace})
		}
	}
	return all
}

// allowed are the edges as the host forwards them where all ends meet, the monitor too.
func (t translation) allowed() []nftables.Edge {
	var all []nftables.Edge
	for _, e := range t.edges() {
		all = append(all, e.Edge)
	}
	return all
}

// admits are the edges to a host.
func (t translation) admits(host string) []plan.Edge {
	var all []plan.Edge
	for _, e := range t.edges() {
		if e.To == host {
			all = append(all, plan.Edge{Name: e.From, Address: e.Edge.From, Port: e.Port})
		}
	}
	return all
}

// dials are the edges from a host.
func (t translation) dials(host string) []plan.Edge {
	var all []plan.Edge
	for _, e := range t.edges() {
		if e.From == host {
			all = append(all, plan.Edge{Name: e.To, Address: e.Edge.To, Port: e.Port})
		}
	}
	return all
}

// place is a host's tunnel address, IPv4.
func (t translation) place(host string) netip.Addr {
	if host == t.settings.Monitor.Name {
		return ledger.Address(t.settings.Network.V4, ledger.MonitorSlot)
	}
	return t.at(host)
}

// picture draws edges, a line each, in the language of https://mermaid.js.org/syntax/flowchart.html. A node has a number, because a name may be a
// word of that language, such as end.
func picture(edges []settings.Edge) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	numbers := map[string]int{}
	node := func(name string) string {
		n, known := numbers[name]
		if !known {
			n = len(numbers) + 1
			numbers[name] = n
		}
		return fmt.Sprintf("h%d[%s]", n, name)
	}
	for _, e := range edges {
		from := e.From
		if e.Namespace != "" {
			from += "/" + e.Namespace
		}
		fmt.Fprintf(&b, "  %s -->|%d| %s\n", node(from), e.Port, node(e.To))
	}
	return b.String()
}
