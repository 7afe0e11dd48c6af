package machines

import (
	"net/netip"
	"testing"

	"github.com/promwire/promwire/tests/lab/cloud"
)

func TestSeedNetwork(t *testing.T) {
	v4 := cloud.Addresses{
		V4: netip.MustParseAddr("198.51.100.34"), V4Netmask: "255.255.255.224", V4Gateway: netip.MustParseAddr("198.51.100.33"),
	}
	both := v4
	both.V6, both.V6Bits, both.V6Gateway = netip.MustParseAddr("fd00:1:2:1::2"), 64, netip.MustParseAddr("fd00:1:2:1::1")
	const first = "[Match]\nName=eth0\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nIPv6DuplicateAddressDetection=0\nAddress=198.51.100.34/27\nGateway=198.51.100.33\n"
	cases := []struct {
		name      string
		addresses cloud.Addresses
		want      string
	}{
		{"IPv4", v4, first},
		{"both", both, first + "Address=fd00:1:2:1::2/128\nGateway=fe80::1\n"},
	}
	for _, c := range cases {
		if got := (seed{addresses: c.addresses}).network(); got != c.want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

// TestSeedFiles makes sure that user data, which can hold keys, is readable only for root, and that no two machines have one instance ID.
func TestSeedFiles(t *testing.T) {
	s := seed{name: "x", userData: "secret"}
	one, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	if file := one[seedFolder+"user-data"]; file.text != "secret" || file.mode != 0o600 {
		t.Errorf("user data: %+v", file)
	}
	if one[seedFolder+"meta-data"] == two[seedFolder+"meta-data"] {
		t.Error("two machines of one name are one instance to cloud-init")
	}
}
