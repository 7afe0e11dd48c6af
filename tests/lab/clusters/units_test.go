package clusters

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/machines"
)

// TestPlan: no address of a cluster is another's, the operator's link's or a region's.
func TestPlan(t *testing.T) {
	network := machines.Network{V4: netip.MustParsePrefix("198.51.100.0/24"), OperatorV4: netip.MustParseAddr("198.51.100.1")}
	operator, first := netip.MustParsePrefix("198.51.100.0/30"), netip.MustParsePrefix("198.51.100.0/27")
	used := map[netip.Addr]bool{}
	var networks []netip.Prefix
	for number := range most {
		p := newPlan(network, number)
		for _, address := range []netip.Addr{p.node, p.operator, p.api} {
			if used[address] || operator.Contains(address) || !first.Contains(address) || address == netip.MustParseAddr("198.51.100.31") {
				t.Errorf("cluster %d has %s", number, address)
			}
			used[address] = true
		}
		if link := netip.PrefixFrom(p.operator, 31); link.Masked() != link || !link.Contains(p.api) {
			t.Errorf("cluster %d: %s and %s are not a /31", number, p.operator, p.api)
		}
		for _, own := range []netip.Prefix{p.pods, p.services} {
			for _, other := range networks {
				if own.Overlaps(other) {
					t.Errorf("cluster %d: %s overlaps %s", number, own, other)
				}
			}
			networks = append(networks, own)
		}
	}
	if dns := newPlan(network, 1).service(dnsService).String(); dns != "10.221.0.10" {
		t.Errorf("the second cluster's DNS is %s", dns)
	}
}

func TestFirst(t *testing.T) {
	dir := t.TempDir()
	kubelet, all := filepath.Join(dir, "kubelet"), filepath.Join(dir, "kubernetes")
	if _, err := first(kubelet, all); err == nil || !strings.Contains(err.Error(), kubelet) {
		t.Errorf("none is there: %v", err)
	}
	for _, want := range []string{all, kubelet} {
		if err := os.WriteFile(want, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := first(kubelet, all); err != nil || got != want {
			t.Errorf("got %q: %v, want %s", got, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{
		"a": true, "plain-2": true, "": false, "A": false, "-a": false, "a-": false, "a.b": false, "../a": false, strings.Repeat("a", 33): false,
	} {
		if clusterName.MatchString(name) != good {
			t.Errorf("%q: want %v", name, good)
		}
	}
}
