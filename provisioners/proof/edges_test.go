package proof

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/nftables"
)

// allowed are edges of a fleet: one between targets, which has a neighbour and its opposite, and one to the monitor.
func allowed() []Edge {
	edge := func(from, to string, at, other string, port int) Edge {
		return Edge{From: from, To: to, Edge: nftables.Edge{From: netip.MustParseAddr(at), To: netip.MustParseAddr(other), Port: port}}
	}
	return []Edge{
		edge("a", "b", "10.98.0.2", "10.98.0.3", 5432), edge("a", "b", "10.98.0.2", "10.98.0.3", 5433),
		edge("b", "a", "10.98.0.3", "10.98.0.2", 5432), edge("a", "monitor", "10.98.0.2", "10.98.0.1", 9090),
	}
}

// TestEdges: each edge is what its sender says of it, and where it is forwarded also the port beside it and the opposite direction are tried.
func TestEdges(t *testing.T) {
	t.Parallel()
	with := gate
	pods := Edge{From: "shop", To: "b", Edge: nftables.Edge{From: netip.MustParseAddr("10.98.0.9"), To: netip.MustParseAddr("10.98.0.3"), Port: 80}, Pods: true}
	with.Edges = append(allowed(), pods) // nobody asks them
	const says = `
answers_of() { ask_fence() { printf '%s\n' "$of_fence";  }; answer_of a 10.98.0.2; }
nft() { :; }
timeout() { echo "$*" | grep -qE 'try_across 198.51.100.1 (10.98.0.2 10.98.0.3 543[23]|10.98.0.3 10.98.0.2 5432|10.98.0.9 10.98.0.3 80)$' && echo open || echo closed; }
of_fence='promwire_fence_edge_answers{to="b",port="5432"} 1
promwire_fence_edge_answers{to="b",port="5433"} 0
promwire_fence_edge_answers{to="evil|x",port="5433"} 1
promwire_fence_open_addresses{to="monitor",port="9090"} 0
promwire_fence_last_run_timestamp_seconds 1'
probes=$(answers_of)
edges_answer
edges_forwarded
fence_rows
`
	got := askOf(t, with, t.TempDir(), `ip() { echo "9: p inet 10.98.0.1/32"; }`+says)
	want := "a\tb\t10.98.0.3\t5432\topen\topen\n" +
		"a\tb\t10.98.0.3\t5433\topen\tclosed\n" +
		"b\ta\t10.98.0.2\t5432\topen\tclosed\n" + // nobody said so
		"a\tmonitor\t10.98.0.1\t9090\topen\tclosed\n" +
		"a, through monitor\tb\t10.98.0.3\t5432\topen\topen\n" +
		"a, through monitor\tb\t10.98.0.3\t5433\topen\topen\n" +
		"a, through monitor\tb\t10.98.0.3\t5434\tclosed\tclosed\n" +
		"b, through monitor\ta\t10.98.0.2\t5432\topen\topen\n" +
		"b, through monitor\ta\t10.98.0.2\t5433\tclosed\tclosed\n" +
		"b, through monitor\tshop\t10.98.0.9\t80\tclosed\tclosed\n" +
		"shop, through monitor\tb\t10.98.0.3\t80\topen\topen\n" +
		"shop, through monitor\tb\t10.98.0.3\t81\tclosed\tclosed\n" +
		"a\tmonitor\t10.98.0.1\t9090\tclosed\tclosed\n"
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if without := Gate(gate); strings.Contains(without, "fleet_edges=") {
		t.Error("a fleet without edges has a list of them")
	}
}

// TestEdgesAtHub: the hub forwards all of them, those to the monitor too, and the monitor none.
func TestEdgesAtHub(t *testing.T) {
	t.Parallel()
	with := behindHub
	with.Edges = allowed()
	_, forwards, _ := strings.Cut(HubGate(with), "fleet_forwards='\n")
	if lines, _, _ := strings.Cut(forwards, "'"); strings.Count(lines, "\n") != 4 || !strings.Contains(lines, "a monitor 10.98.0.2 10.98.0.1 9090\n") {
		t.Errorf("the hub tries %q", lines)
	}
	if text := Gate(with); strings.Contains(text, "fleet_forwards='") || !strings.Contains(text, "fleet_edges='") {
		t.Error("the monitor's gate is to ask for edges, and to try none")
	}
}
