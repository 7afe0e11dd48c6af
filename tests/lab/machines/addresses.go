package machines

import (
	"fmt"
	"net/netip"

	"github.com/promwire/promwire/tests/lab/cloud"
)

// How the lab's networks are divided. The first /27 of the /24, and the first /64 of the /48, are the operator's link; each
// region has the next one of both. In a region, the first address is the gateway's.
const (
	regionBits    = 27
	regionNetmask = "255.255.255.224"
	regionCount   = 7
	firstHost     = 2
	lastHost      = 30
)

// Machines behind a bastion share one private network. No other lab sees it, nor does the operator's machine.
var (
	privateNetwork = netip.MustParsePrefix("192.168.250.0/24")
	privateGateway = privateNetwork.Addr().Next()
)

// lastPrivate is the last host number of the private network.
const lastPrivate = 254

// place is where a machine's addresses come from.
type place struct {
	Private bool `json:"private,omitempty"` // in the private network; Region then says nothing
	Region  int  `json:"subnet"`            // number of the region's subnet, from 0
	Host    int  `json:"host"`              // number of the machine in its subnet
}

// region4 is a region's IPv4 subnet.
func (n Network) region4(region int) netip.Prefix {
	b := n.V4.Addr().As4()
	b[3] = byte((region + 1) << (32 - regionBits))
	return netip.PrefixFrom(netip.AddrFrom4(b), regionBits)
}

// region6 is a region's IPv6 subnet.
func (n Network) region6(region int) netip.Prefix {
	b := n.V6.Addr().As16()
	b[7] = byte(region + 1)
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

// gateway4 is what a region's machines route through.
func (n Network) gateway4(region int) netip.Addr { return n.region4(region).Addr().Next() }

// gateway6 is the same for IPv6.
func (n Network) gateway6(region int) netip.Addr { return n.region6(region).Addr().Next() }

// addresses are the machine's addresses at a place. A private machine has no IPv6.
func (n Network) addresses(p place, ipv6 bool) cloud.Addresses {
	if p.Private {
		b := privateNetwork.Addr().As4()
		b[3] = byte(p.Host)
		return cloud.Addresses{V4: netip.AddrFrom4(b), V4Netmask: "255.255.255.0", V4Gateway: privateGateway}
	}
	b := n.region4(p.Region).Addr().As4()
	b[3] += byte(p.Host)
	a := cloud.Addresses{V4: netip.AddrFrom4(b), V4Netmask: regionNetmask, V4Gateway: n.gateway4(p.Region)}
	if ipv6 {
		b := n.region6(p.Region).Addr().As16()
		b[15] = byte(p.Host)
		a.V6, a.V6Bits, a.V6Gateway = netip.AddrFrom16(b), 64, n.gateway6(p.Region)
	}
	return a
}

// allot finds a place for one more machine. A region has a subnet while it has machines.
func allot(records []record, region string, private bool) (place, error) {
	p := place{Private: private}
	last := lastPrivate
	if !private {
		number, err := regionNumber(records, region)
		if err != nil {
			return place{}, err
		}
		p.Region, last = number, lastHost
	}
	used := map[place]bool{}
	for _, r := range records {
		used[r.Place] = true
	}
	for p.Host = firstHost; p.Host <= last; p.Host++ {
		if !used[p] {
			return p, nil
		}
	}
	return place{}, fmt.Errorf("region %q is full: a region of the lab has %d machines at most", region, last-firstHost+1)
}

// regionNumber is the number of a region's subnet: its machines', or the first that nobody uses.
func regionNumber(records []record, region string) (int, error) {
	used := map[int]bool{}
	for _, r := range records {
		if r.Place.Private {
			continue
		}
		if r.Region == region {
			return r.Place.Region, nil
		}
		used[r.Place.Region] = true
	}
	for number := range regionCount {
		if !used[number] {
			return number, nil
		}
	}
	return 0, fmt.Errorf("no subnet for region %q: the lab has machines in %d regions at most", region, regionCount)
}
