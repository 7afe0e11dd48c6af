package nftables

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Opening is what a host serves outside the fleet: TCP or UDP ports, or another protocol as a whole.
type Opening struct {
	Protocol    string         // "tcp", "udp", or the number of another IP protocol, such as "112"
	First, Last int            // ports of tcp or udp, 1 to 65535, First to Last; 0 for another protocol
	From        []netip.Prefix // who may connect; none: everybody
	Interface   string         // where from, such as docker0, or br-* for all that begin so; "": any but the tunnel's
}

// Port is the Opening of one port to everybody.
func Port(number int, protocol string) Opening {
	return Opening{Protocol: protocol, First: number, Last: number}
}

// String is what is open, as stack files have it: 443/tcp, 60000-61000/udp, or a protocol's number.
func (o Opening) String() string {
	if o.First == 0 {
		return o.Protocol
	}
	return o.ports() + "/" + o.Protocol
}

func (o Opening) ports() string {
	if o.First == o.Last {
		return strconv.Itoa(o.First)
	}
	return fmt.Sprintf("%d-%d", o.First, o.Last)
}

// Has says whether a port is among them.
func (o Opening) Has(number int, protocol string) bool {
	return o.Protocol == protocol && o.First <= number && number <= o.Last
}

// Opens says whether any opening has the port, whoever may connect to it.
func Opens(openings []Opening, number int, protocol string) bool {
	return slices.ContainsFunc(openings, func(o Opening) bool { return o.Has(number, protocol) })
}

// Check says what an opening must be, if it is none.
func (o Opening) Check() error {
	switch number, err := strconv.Atoi(o.Protocol); {
	case o.Protocol == "tcp" || o.Protocol == "udp":
		if o.First < 1 || o.Last > 65535 || o.First > o.Last {
			return fmt.Errorf("%s is not a port from 1 to 65535, or a range of them", o)
		}
	case err != nil || number < 1 || number > 255 || o.First != 0:
		return fmt.Errorf("%s is neither a port such as 443/tcp nor a protocol's number", o)
	}
	return nil
}

// compare orders openings by what they open, as text.
func (o Opening) compare(p Opening) int {
	return cmp.Or(strings.Compare(o.String(), p.String()), strings.Compare(o.Interface, p.Interface),
		strings.Compare(fmt.Sprint(o.From), fmt.Sprint(p.From)))
}

// sources are the matches for where an opening's packets come from: one for each family, if they come from some networks only.
func (o Opening) sources(outside string) []string {
	if o.Interface != "" {
		outside = fmt.Sprintf("iifname %q ", o.Interface)
	}
	if len(o.From) == 0 {
		return []string{outside}
	}
	var matches []string
	for _, family := range []struct {
		keyword string
		is      func(netip.Prefix) bool
	}{{"ip", is4}, {"ip6", is6}} {
		if from := distinct(o.From, family.is); len(from) > 0 {
			matches = append(matches, fmt.Sprintf("%s%s saddr { %s } ", outside, family.keyword, list(from)))
		}
	}
	return matches
}

// input is how the chain input matches what an opening admits.
func (o Opening) input() string {
	if o.First == 0 {
		return "meta l4proto " + o.Protocol
	}
	return fmt.Sprintf("%s dport %s", o.Protocol, o.ports())
}

// asked is how the chain published matches it: by the port that was asked for, whatever the packet has by now.
func (o Opening) asked() string {
	if o.First == 0 {
		return o.input()
	}
	return fmt.Sprintf("meta l4proto %s ct original proto-dst %s", o.Protocol, o.ports())
}

// redirected is how the chain input matches what the host passes on to another port of its own; "": there is no such thing.
func (o Opening) redirected() string {
	if o.First == 0 {
		return ""
	}
	return "ct status dnat " + o.asked()
}

func is4(p netip.Prefix) bool { return p.Addr().Is4() }

func is6(p netip.Prefix) bool { return p.Addr().Is6() }
