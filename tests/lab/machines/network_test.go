package machines

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range list {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestPick(t *testing.T) {
	cases := []struct {
		name  string
		taken []netip.Prefix
		want  string
		err   string
	}{
		{"nothing taken", nil, "198.51.100.0/24", ""},
		{"others taken", prefixes("192.0.2.0/24", "10.0.0.0/8"), "198.51.100.0/24", ""},
		{"an address in it", prefixes("198.51.100.77/32"), "198.18.0.0/24", ""},
		{"a network around it", prefixes("198.51.0.0/16"), "198.18.0.0/24", ""},
		{"another lab", prefixes("198.51.100.0/24", "198.18.0.0/24"), "198.18.1.0/24", ""},
		{"a part of the next", prefixes("198.51.100.0/24", "198.18.0.128/25", "198.18.1.0/30"), "198.18.2.0/24", ""},
		{"all", prefixes("198.0.0.0/8"), "", "198.51.100.0/24 to 198.18.255.0/24 overlaps a route"},
	}
	for _, c := range cases {
		got, err := pick(candidates(), c.taken)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, %v; want the error %q", c.name, got, err, c.err)
		case c.err == "" && (err != nil || got.String() != c.want):
			t.Errorf("%s: got %v, %v; want %s", c.name, got, err, c.want)
		}
	}
}

func TestUniqueLocal(t *testing.T) {
	a, b := uniqueLocal(), uniqueLocal()
	if a == b || a != a.Masked() || a.Bits() != 48 || !netip.MustParsePrefix("fd00::/8").Overlaps(a) {
		t.Errorf("got %s and %s", a, b)
	}
}

// TestSubnets makes sure that no two of the lab's subnets overlap, and all are inside its networks.
func TestSubnets(t *testing.T) {
	n := newNetwork(netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("fd00:1:2::/48"))
	all := prefixes("198.51.100.0/30", "fd00:1:2::/64")
	if !all[0].Contains(n.OperatorV4) || !all[1].Contains(n.OperatorV6) {
		t.Errorf("operator at %s and %s", n.OperatorV4, n.OperatorV6)
	}
	for region := range regionCount {
		all = append(all, n.region4(region), n.region6(region))
	}
	for i, a := range all {
		if !n.V4.Contains(a.Addr()) && !n.V6.Contains(a.Addr()) {
			t.Errorf("%s is outside the lab", a)
		}
		if i := slices.IndexFunc(all[i+1:], a.Overlaps); i >= 0 {
			t.Errorf("%s overlaps another subnet", a)
		}
	}
}

func TestAddresses(t *testing.T) {
	n := newNetwork(netip.MustParsePrefix("198.18.3.0/24"), netip.MustParsePrefix("fd00:1:2::/48"))
	a := n.addresses(place{Region: 6, Host: 30}, true)
	if a.V4.String() != "198.18.3.254" || a.V4Gateway.String() != "198.18.3.225" || a.V4Netmask != "255.255.255.224" ||
		a.V6.String() != "fd00:1:2:7::1e" || a.V6Gateway.String() != "fd00:1:2:7::1" || a.V6Bits != 64 {
		t.Errorf("last machine of the last region: %+v", a)
	}
	if a := n.addresses(place{Host: 2}, false); a.V6.IsValid() || a.V6Gateway.IsValid() || a.V6Bits != 0 {
		t.Errorf("IPv6 that nobody asked for: %+v", a)
	}
	if a := n.addresses(place{Private: true, Host: 2}, true); a.V4.String() != "192.168.250.2" || a.V6.IsValid() {
		t.Errorf("private: %+v", a)
	}
}

func TestAllot(t *testing.T) {
	at := func(region string, p place) record { return record{Machine: Machine{Region: region}, Place: p} }
	full := []record{}
	for host := firstHost; host <= lastHost; host++ {
		full = append(full, at("lon1", place{Host: host}))
	}
	everywhere := []record{}
	for region := range regionCount {
		everywhere = append(everywhere, at(string(rune('a'+region)), place{Region: region, Host: 2}))
	}
	cases := []struct {
		name    string
		records []record
		region  string
		private bool
		want    place
		err     string
	}{
		{"first", nil, "lon1", false, place{Host: 2}, ""},
		{"second of a region", []record{at("lon1", place{Host: 2})}, "lon1", false, place{Host: 3}, ""},
		{"a gap", []record{at("lon1", place{Host: 3})}, "lon1", false, place{Host: 2}, ""},
		{"second region", []record{at("lon1", place{Host: 2})}, "sfo3", false, place{Region: 1, Host: 2}, ""},
		{"a region that is empty again", []record{at("sfo3", place{Region: 1, Host: 2})}, "lon1", false, place{Host: 2}, ""},
		{"private", []record{at("lon1", place{Host: 2})}, "lon1", true, place{Private: true, Host: 2}, ""},
		{"beside private ones", []record{at("lon1", place{Private: true, Host: 2})}, "sfo3", false, place{Host: 2}, ""},
		{"full region", full, "lon1", false, place{}, `region "lon1" is full`},
		{"beside a full region", full, "sfo3", false, place{Region: 1, Host: 2}, ""},
		{"too many regions", everywhere, "new", false, place{}, `no subnet for region "new"`},
	}
	for _, c := range cases {
		got, err := allot(c.records, c.region, c.private)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %+v, %v; want the error %q", c.name, got, err, c.err)
		case c.err == "" && (err != nil || got != c.want):
			t.Errorf("%s: got %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}
