// Package proof renders what proves a fleet: the gate (every target is scraped) and the negatives (nobody else can connect),
// and reads the answers into one matrix.
package proof

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
)

//go:embed agent.sh
var agentScript string

//go:embed across.sh
var acrossScript string

//go:embed certificates.sh
var certificatesScript string

//go:embed clusters.sh
var clustersScript string

//go:embed edges.sh
var edgesScript string

//go:embed gate.sh
var gateScript string

//go:embed hub.sh
var hubScript string

//go:embed through.sh
var throughScript string

//go:embed unknown.sh
var unknownScript string

//go:embed outside.sh
var outsideScript string

// Target is one scraped host, as the gate needs it.
type Target struct {
	Name      string
	Address   string              // where it is scraped: IP address or DNS name
	Endpoints []exporter.Endpoint // what is scraped
	Tunnel    bool                // Address is one of the tunnel
	PublicKey string              // of WireGuard, base64; "-" or "" for a direct target
	Digest    string              // of its plan: a changed host is proved again
}

// lines are the target's endpoints as the gate reads them, one each.
func (t Target) lines() string {
	way := "direct"
	if t.Tunnel {
		way = "tunnel"
	}
	var b strings.Builder
	for _, e := range t.Endpoints {
		behind := "-"
		if e.Behind != 0 {
			behind = strconv.Itoa(e.Behind)
		}
		fmt.Fprintf(&b, "%s %s %s %d %s %s %s %s %s %s %s\n", t.Name, e.Job, t.Address, e.Port, e.Scheme(), e.MetricsPath(), way,
			cmp.Or(e.Unit, "-"), cmp.Or(t.PublicKey, "-"), t.Digest, behind)
	}
	return b.String()
}

// Cluster is one that the monitor federates, as the gate needs it.
type Cluster struct {
	Name      string
	Address   string // in the tunnel
	PublicKey string // of WireGuard, base64
	Dark      bool
	Digest    string // of its end of the tunnel: a changed one is proved again
}

func (c Cluster) line() string {
	mode := "gateway"
	if c.Dark {
		mode = "dark"
	}
	return fmt.Sprintf("%s %s %s %s %s\n", c.Name, c.Address, mode, c.PublicKey, c.Digest)
}

// GateValues are what the gate depends on.
type GateValues struct {
	Monitor  string // name
	Digest   string // of its plan
	Targets  []Target
	Clusters []Cluster
	Wait     time.Duration // for all targets together, in whole seconds
	Again    string        // any text; another one asks for the proof again
	Web      prometheus.Web
	Known    Known
	Hub      Hub  // the zero value: the ends of the tunnel meet at the monitor
	Agent    bool // the monitor's Prometheus only forwards
	Edges    []Edge

	forwards []Edge // those that the host of the gate forwards
}

// Edge is a connection between two ends of the tunnel that people allow.
type Edge struct {
	From, To string // names
	nftables.Edge
	Pods bool // From are pods of a cluster, which nobody asks what they reach
}

// Hub is where the ends of the tunnel meet, if that is not the monitor. It is one of the Targets too.
type Hub struct {
	Name    string
	Monitor string // the monitor's address in the tunnel, IPv4
	Digest  string // of its plan
}

// Known is what the monitor may have beside Targets and Clusters. A name is a host's, or that of an end in a cluster as InCluster has it.
type Known struct {
	Planned []string // of the stack, whether it could be made or not
	Leaving []string // of the last update and not of this one, which removes them after the gate
	AtHub   []string // as Leaving, of what only a hub knows
	Remove  bool     // whether to remove what is in neither; otherwise it fails the gate
}

// InCluster is the name of an end of the tunnel in a cluster: a host may have the same name.
func InCluster(name string) string { return name + ".cluster" }

// names are those that belong there.
func (v GateValues) names() []string {
	all := append([]string{v.Monitor}, v.Known.Planned...)
	for _, t := range v.Targets {
		all = append(all, t.Name)
	}
	for _, c := range v.Clusters {
		all = append(all, InCluster(c.Name))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// LikeFormer is the script of a gate, and the former one if only hosts that had left then make the difference: that they are gone by now needs no
// other proof.
func LikeFormer(gate func(GateValues) string, v GateValues, former string) string {
	if len(v.Known.Leaving) == 0 {
		_, rest, _ := strings.Cut(former, leaving)
		names, _, _ := strings.Cut(rest, "'\n")
		then := v
		then.Known.Leaving = strings.Fields(names)
		if former == gate(then) {
			return former
		}
	}
	return gate(v)
}

// leaving begins the line with the names of those that leave.
const leaving = "\nfleet_leaving='"

// Gate is the script that ends, on the monitor, when the fleet works.
func Gate(v GateValues) string {
	if v.Hub == (Hub{}) {
		v.forwards = slices.DeleteFunc(slices.Clone(v.Edges), func(e Edge) bool { return e.To == v.Monitor })
	}
	switch {
	case v.Hub != (Hub{}):
		return rendered(v, throughScript)
	case v.Agent:
		return rendered(v, agentScript)
	default:
		return rendered(v)
	}
}

// HubGate is the script that proves, on the hub and before the Gate, what only the hub knows: who is a peer, and what it passes on.
func HubGate(v GateValues) string {
	on := v
	on.forwards = v.Edges
	on.Monitor, on.Digest = v.Hub.Name, v.Hub.Digest
	on.Known.Planned = append(slices.Clone(v.Known.Planned), v.Monitor)
	on.Known.Leaving = append(slices.Clone(v.Known.Leaving), v.Known.AtHub...)
	return rendered(on, hubScript)
}

// rendered is the gate with scripts whose functions take the place of its own.
func rendered(v GateValues, others ...string) string {
	targets := slices.SortedFunc(slices.Values(v.Targets), func(a, b Target) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	fmt.Fprintf(&b, "fleet_asked='%s %x'\n", v.Digest, v.Again)
	fmt.Fprintf(&b, "fleet_monitor=%s\nfleet_seconds=%d\n", v.Monitor, int(v.Wait.Seconds()))
	fmt.Fprintf(&b, "fleet_prometheus=%s://127.0.0.1:%d\n", v.Web.Scheme(), prometheus.Port)
	b.WriteString("fleet_targets='\n")
	for _, t := range targets {
		b.WriteString(t.lines())
	}
	b.WriteString("'\nfleet_clusters='\n")
	for _, c := range slices.SortedFunc(slices.Values(v.Clusters), func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) }) {
		b.WriteString(c.line())
	}
	b.WriteString("'\n")
	remove := "no"
	if v.Known.Remove {
		remove = "yes"
	}
	fmt.Fprintf(&b, "fleet_known='%s'%s%s'\nfleet_remove_unknown=%s\n", strings.Join(v.names(), " "), leaving,
		strings.Join(slices.Sorted(slices.Values(v.Known.Leaving)), " "), remove)
	if v.Hub != (Hub{}) {
		fmt.Fprintf(&b, "fleet_hub=%s\nfleet_monitor_at=%s\n", v.Hub.Name, v.Hub.Monitor)
	}
	asked := slices.DeleteFunc(slices.Clone(v.Edges), func(e Edge) bool { return e.Pods })
	b.WriteString(edges("fleet_edges", asked) + edges("fleet_forwards", v.forwards))
	parts := append([]string{scripts.Cause, acrossScript, certificatesScript, clustersScript, edgesScript, unknownScript, gateScript}, others...)
	return b.String() + scripts.WithConstants(strings.Join(parts, "\n")+"\nmain </dev/null\n")
}

// edges are lines of a variable; "" for none.
func edges(variable string, list []Edge) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(variable + "='\n")
	for _, e := range list {
		fmt.Fprintf(&b, "%s %s %s %s %d\n", e.From, e.To, e.Edge.From, e.Edge.To, e.Port)
	}
	return b.String() + "'\n"
}

// Outsider is a host that the operator's machine reaches without a bastion.
type Outsider struct {
	Name    string
	Address string // public
	SSHPort int
	Digest  string // of its firewall: a changed one is probed again
	Closed  []int  // TCP ports that must not answer there
}

// OutsideValues are the operator's probes.
type OutsideValues struct {
	Hosts []Outsider
	Again string // any text; another one asks for the proof again
}

// Outside is the script that probes, from the operator's machine, what must not answer.
func Outside(v OutsideValues) string {
	hosts := slices.SortedFunc(slices.Values(v.Hosts), func(a, b Outsider) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	fmt.Fprintf(&b, "fleet_asked='%x", v.Again)
	for _, h := range hosts {
		fmt.Fprintf(&b, "\n%s %s", h.Name, h.Digest)
	}
	b.WriteString("'\n")
	b.WriteString("fleet_probes='\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s %s %d open\n", h.Name, h.Address, h.SSHPort)
		for _, port := range h.Closed {
			fmt.Fprintf(&b, "%s %s %d closed\n", h.Name, h.Address, port)
		}
	}
	b.WriteString("'\n")
	return b.String() + outsideScript
}

// Row is one probe: from where to where, what must be seen and what was.
type Row struct {
	From, To       string // From may have the certificate too: "monitor-1, expired certificate"
	Address        string // "tunnel": every address of the tunnel's network
	Port           int
	Expected, Seen string // "open" or "closed"; "accepted" or "refused" by an exporter that connected; "silent" if it didn't
}

// Matrix reads the rows that the scripts printed, the outsider's first.
func Matrix(printed ...string) ([]Row, error) {
	var rows []Row
	for _, text := range printed {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" {
				continue
			}
			row, err := parse(line)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func parse(line string) (Row, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 6 {
		return Row{}, fmt.Errorf("verification: a row has %d fields instead of 6: %q", len(fields), line)
	}
	port, err := strconv.Atoi(fields[3])
	if err != nil {
		return Row{}, fmt.Errorf("verification: port of %q: %w", line, err)
	}
	return Row{From: fields[0], To: fields[1], Address: fields[2], Port: port, Expected: fields[4], Seen: fields[5]}, nil
}

// Table renders the matrix for people.
func Table(rows []Row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tTO\tADDRESS\tPORT\tEXPECTED\tSEEN")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", r.From, r.To, r.Address, r.Port, r.Expected, r.Seen)
	}
	w.Flush()
	return b.String()
}

// Summary says in a line how many probes there were, and what they saw. The scripts refuse to print a row that saw anything else than
// expected, so there is none.
func Summary(rows []Row) string {
	if len(rows) == 0 {
		return "nothing was proved"
	}
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.Seen]++
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		parts = append(parts, fmt.Sprintf("%d %s", seen[what], what))
	}
	return fmt.Sprintf("probes as expected: %d (%s)", len(rows), strings.Join(parts, ", "))
}
