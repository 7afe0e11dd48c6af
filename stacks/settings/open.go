package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireguard"
	"github.com/promwire/promwire/stacks/settings/document"
)

// protocols are the numbers of IP protocols that a machine may speak beside TCP and UDP, by the names that people use for them.
var protocols = map[string]int{
	"igmp": 2, "ipip": 4, "ipv6": 41, "sit": 41, "gre": 47, "esp": 50, "ah": 51, "eigrp": 88, "ospf": 89, "etherip": 97, "pim": 103,
	"vrrp": 112, "l2tp": 115, "sctp": 132,
}

var (
	// portRange is a port or a range of ports, of TCP or UDP.
	portRange = regexp.MustCompile(`^([0-9]{1,5})(?:-([0-9]{1,5}))?/(tcp|udp)$`)
	// protocolNumber is how a protocol without a name is written.
	protocolNumber = regexp.MustCompile(`^proto ([0-9]{1,3})$`)
	// networkInterface is what Linux takes as a name, as far as nft does, or a beginning of names and a star.
	networkInterface = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}\*?$`)
)

// open is what a machine serves for others. What promwire itself closes can't be among it.
func (c *checker) open(path string, list []document.Opening, sshPort int, exporters []exporter.Choice) []nftables.Opening {
	var open []nftables.Opening
	for i, o := range list {
		at := document.Index(path, i)
		opening, ok := c.opening(at, o)
		if !ok || c.closed(at, opening, sshPort, exporters) {
			continue
		}
		opening.From = c.sources(at+".from", o.From)
		opening.Interface = c.networkInterface(at+".interface", o.Interface)
		open = append(open, opening)
	}
	return open
}

// opening is what one entry opens, without where from.
func (c *checker) opening(at string, o document.Opening) (nftables.Opening, bool) {
	switch {
	case o.Port != "" && o.Protocol != "":
		c.Add(at, "has a port and a protocol; write one entry for each")
	case o.Port == "" && o.Protocol == "":
		c.Add(at, "has neither a port nor a protocol; write port: 443/tcp, or protocol: vrrp")
	case o.Port != "":
		if opening, ok := parsePorts(o.Port); ok {
			return opening, true
		}
		c.Add(at, "%q is not a port; write it like 443/tcp, 53/udp or 60000-61000/udp", o.Port)
	default:
		if opening, ok := parseProtocol(o.Protocol); ok {
			return opening, true
		}
		c.Add(at, "%q is neither a port nor a protocol; write it like 443/tcp, 60000-61000/udp, vrrp, or proto 112 by its number", o.Protocol)
	}
	return nftables.Opening{}, false
}

func parsePorts(text string) (nftables.Opening, bool) {
	found := portRange.FindStringSubmatch(text)
	if found == nil {
		return nftables.Opening{}, false
	}
	first, _ := strconv.Atoi(found[1])
	last := first
	if found[2] != "" {
		last, _ = strconv.Atoi(found[2])
	}
	opening := nftables.Opening{Protocol: found[3], First: first, Last: last}
	return opening, opening.Check() == nil
}

// parseProtocol reads a protocol's name or number. TCP and UDP have ports, ICMP is admitted as far as hosts need it.
func parseProtocol(text string) (nftables.Opening, bool) {
	number := protocols[strings.ToLower(text)]
	if found := protocolNumber.FindStringSubmatch(text); found != nil {
		number, _ = strconv.Atoi(found[1])
	}
	switch number {
	case 1, 6, 17, 58:
		return nftables.Opening{}, false
	}
	opening := nftables.Opening{Protocol: strconv.Itoa(number)}
	return opening, opening.Check() == nil
}

// closed reports ports that nobody may open: SSH's, and those that only the monitor reaches.
func (c *checker) closed(at string, o nftables.Opening, sshPort int, exporters []exporter.Choice) bool {
	if o.Has(sshPort, "tcp") {
		c.Add(at, "%s is SSH's port; ssh.from lists who may use it", within(o, sshPort))
		return true
	}
	closed := guarded(exporters)
	if strings.HasPrefix(at, "monitor.") {
		closed[prometheus.Port] = "Prometheus"
	}
	for port := o.First; port <= o.Last; port++ {
		if closed[port] != "" && o.Has(port, "tcp") {
			c.Add(at, "%s is the port of %s, which only the monitor may reach; leave it out", within(o, port), closed[port])
			return true
		}
	}
	return false
}

// within names a port, and the range where it stands.
func within(o nftables.Opening, port int) string {
	if o.First == o.Last {
		return o.String()
	}
	return fmt.Sprintf("%d, in %s,", port, o)
}

func (c *checker) sources(path string, list []string) []netip.Prefix {
	if list != nil && len(list) == 0 {
		c.Add(path, "the list is empty, so nobody could connect; list networks, or leave the key out for everybody")
	}
	var from []netip.Prefix
	for i, text := range list {
		if prefix, ok := c.prefix(document.Index(path, i), text); ok {
			from = append(from, prefix)
		}
	}
	return from
}

func (c *checker) networkInterface(path, name string) string {
	begin, many := strings.CutSuffix(name, "*")
	tunnel := wireguard.Name
	switch {
	case name == "":
	case !networkInterface.MatchString(name) || len(name) > 16:
		c.Add(path, "%q is not the name of an interface; write it as ip link shows it, such as docker0, or br-* for all that begin so", name)
	case many && strings.HasPrefix(tunnel, begin), name == tunnel:
		c.Add(path, "%s is the tunnel, where nothing but the fleet's own connections is admitted; leave it out", name)
	}
	return name
}
