// Package plan says what one host must be: its packages, files, units and rules, as one bash script that a host runs to become
// so. The scripts are read on standard input by `bash -s -- apply`, as root; `bash -s -- undo` removes what Bootstrap and
// Enrol made. Each is safe to repeat, prints one line of JSON, and fails with "promwire: HOST: VERB: why; what to do".
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/version"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Verbs of the scripts.
const (
	apply = "apply" // make it so
	undo  = "undo"  // remove it
	// update is apply where it was applied before; replace announces an apply that Pulumi will follow by the undo of the former one.
	update  = "update"
	replace = "replace"
	// confirm makes permanent what apply left on trial: the firewall. It comes over a connection of its own.
	confirm = "confirm"
)

// Plan is what one host must be. The zero Plan is empty.
type Plan struct {
	host  string
	role  string // as prometheus.RoleMonitor
	rules nftables.Ruleset
	steps []call
}

// Script is the script that makes the host what the plan says (converge): applied with the Library in front, and then confirmed without it.
// Its one line of output is the receipt:
// {"host":"…","scripts":"…","changed":["…"],"versions":{"…":"…"},"firewall":"…"}; what need not change is not touched.
func (p Plan) Script() (string, error) {
	if p.Empty() {
		return "", errors.New("plan: this one is empty; make one with Monitor or Target")
	}
	begin := []call{use(p.host, "converge"), do("ask_first", apply)}
	end := []call{do("remove_former_identity"), do("installed", "promwire", version.Release), do("still_on_trial", p.rules.Digest()), do("keep_receipt", p.rules.Digest())}
	return script(fmt.Sprintf("what the %s %s must be", p.role, p.host), head,
		function{apply, join(begin, p.steps, end)},
		function{confirm, []call{
			use(p.host, confirm),
			do("confirm_firewall", p.rules.Digest()),
			do("read_links"),
			do("kept_receipt", p.rules.Digest()),
		}}), nil
}

// Empty says whether this is the zero Plan.
func (p Plan) Empty() bool { return len(p.steps) == 0 }

// Monitor plans the monitor.
func Monitor(v MonitorValues) (Plan, error) {
	if err := v.check(); err != nil {
		return Plan{}, fmt.Errorf("plan of monitor %q: %w", v.Host, err)
	}
	p := Plan{host: v.Host, role: prometheus.RoleMonitor, rules: nftables.Ruleset{
		SSHPort: v.SSH.Port, SSHFrom: v.SSH.From, Tunnel: wireguard.Name, Open: v.Open, Rules: v.rules(),
	}}
	if v.Clusters { // people use a cluster's API through `ssh -L`
		p.rules.Dialed = []int{kubernetes.APIPort}
	}
	all := v.exporters()
	p.rules.Local = places(v.listeners())
	p.steps = join(
		[]call{ports(v.listeners()...)},
		p.system(join(
			p.survey(v.InUse, slices.Concat(openings("udp", v.listens()...), openings("tcp", v.Closed()...))),
			v.othersAdmit(),
			edgesAdmitted(v.Admits),
		)),
		install(v.Releases.Mirror, v.Releases.Prometheus, prometheusMB, prometheus.Name, "promtool"),
		[]call{do("not_target")},
		tunnel(v.Tunnel, v.end()),
		all.files(v.Releases.Mirror),
		prometheusUser(),
		v.certificates(),
		all.packages(),
		v.pushgatewayFiles(),
		v.alertmanagerFiles(),
		v.prometheusFiles(),
		p.firewall(),
		v.forwarding(),
		all.run(),
		v.pushgatewayRuns(),
		v.alertmanagerRuns(),
		v.prometheusRuns(),
		[]call{portsHeld()},
		v.pushgatewayEnds(),
		v.alertmanagerEnds(),
		v.remoteWriteEnds(),
		v.blackboxEnds(),
		v.namesCauses(),
		looksAfter(v.Tunnel.prefixes(), v.end().Forwarding),
		[]call{former(all.former()...)},
	)
	return p, nil
}

// listens are the UDP ports at which the ends of the tunnel reach the monitor; none if they meet at a hub.
func (v MonitorValues) listens() []int {
	if v.Hub != "" {
		return nil
	}
	return []int{v.Tunnel.Port}
}

// end is the monitor's end of the tunnel.
func (v MonitorValues) end() wireguard.Interface {
	if v.Hub != "" {
		return wireguard.Interface{}
	}
	return wireguard.Interface{ListenPort: v.Tunnel.Port, Forwarding: len(v.Forward) > 0}
}

// othersAdmit refuses a monitor whose other firewall keeps the ends out, or drops what it forwards between them.
func (v MonitorValues) othersAdmit() []call {
	if v.Hub != "" {
		return nil
	}
	calls := otherFirewalls("udp", "", netip.Addr{}, v.listens()...)
	for _, e := range v.Forward {
		calls = append(calls, otherForwards(e.From, e.Port))
	}
	return calls
}

// rules are what the monitor admits.
func (v MonitorValues) rules() []nftables.Rule {
	var listen []nftables.Rule
	if ports := v.listens(); len(ports) > 0 {
		listen = []nftables.Rule{{Way: nftables.Outside, Protocol: "udp", Ports: ports}}
	}
	return slices.Concat(listen, v.pushRules(), admitted(v.Admits), nftables.Forward(v.Forward))
}

// forwarding makes the monitor forward packets between ends of the tunnel.
func (v MonitorValues) forwarding() []call {
	if len(v.Forward) == 0 {
		return nil
	}
	return []call{do("forwarding")}
}

// exporters are the monitor's own. Only Prometheus on the same host asks the blackbox exporter, so that one listens on loopback.
func (v MonitorValues) exporters() exporters {
	var all exporters
	for _, c := range v.Exporters {
		i := exporter.Instance{Choice: c, Own: v.Tunnel.Addresses, Monitor: v.Tunnel.Addresses, TLS: v.TLS.Enabled(), Tunnel: true}
		if c.Name == exporter.Blackbox {
			i = exporter.Instance{Choice: c, Own: []netip.Addr{loopback}}
		}
		all = append(all, i)
	}
	return all
}

// loopback is where the blackbox exporter listens.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// blackboxEnds removes a blackbox exporter that has nothing to probe any more.
func (v MonitorValues) blackboxEnds() []call {
	if len(v.Probes) > 0 {
		return nil
	}
	return []call{do("remove_release", "blackbox_exporter", exporter.BlackboxConfig)}
}

// Target plans a target.
func Target(v TargetValues) (Plan, error) {
	if err := v.check(); err != nil {
		return Plan{}, fmt.Errorf("plan of target %q: %w", v.Host, err)
	}
	place := v.place()
	p := Plan{host: v.Host, role: prometheus.RoleTarget, rules: nftables.Ruleset{
		SSHPort: v.SSH.Port, SSHFrom: v.SSH.From,
		Open:    v.Open,
		Rules:   slices.Concat(v.hubRules(), admitted(v.Admits)),
		Scraped: v.onlyMonitor(), Monitor: wireguard.Hosts(place.Monitor), Passed: v.hubPasses(),
	}}
	all := v.exporters()
	if place.Tunnel { // people push to the Pushgateway from here
		p.rules.Tunnel, p.rules.Dialing, p.rules.Serving = wireguard.Name, v.Hub == nil, append(all.serving(), fence.Port)
		p.rules.Asked = fence.Port
		p.rules.Ends, p.rules.Edges = v.others(), v.dials()
	}
	p.rules.Local = places(append(all.listeners(), v.fenceListeners()...))
	p.steps = join(
		[]call{ports(v.listeners()...)},
		p.system(join(
			p.survey(v.InUse, append(openings("tcp", v.onlyMonitor()...), v.hubOpenings()...)),
			v.hubAdmitted(),
			otherFirewalls("tcp", p.rules.Tunnel, place.Monitor[0], v.onlyMonitor()...),
			edgesAdmitted(v.Admits),
		)),
		v.formerRole(),
		v.tunnel(),
		all.files(v.Releases.Mirror),
		v.certificates(),
		all.packages(),
		v.relayFiles(),
		v.fenceFiles(),
		p.firewall(),
		v.hubForwards(),
		all.run(),
		v.relaysRun(),
		v.receiver(),
		v.fenceAsked(),
		[]call{portsHeld()},
		v.fenceRuns(),
		v.lookup(),
		looksAfter(v.inTunnel(), v.Hub != nil),
		[]call{former(append(all.former(), v.formerRelays()...)...)},
	)
	return p, nil
}

// formerRole ends what only a monitor or, unless it is one, a hub has.
func (v TargetValues) formerRole() []call {
	if v.Hub != nil {
		return []call{do("not_monitor")}
	}
	return []call{do("not_monitor"), do("only_dials")}
}

// inTunnel are the target's addresses in the tunnel; none for a direct one.
func (v TargetValues) inTunnel() []netip.Prefix {
	if v.Direct != nil {
		return nil
	}
	return v.Tunnel.prefixes()
}

// lookup is for an endpoint that is a name, whose address may change.
func (v TargetValues) lookup() []call {
	if v.Direct != nil || v.Hub != nil {
		return lookup("")
	}
	return lookup(v.Monitor.Endpoint)
}

// lookup is for one endpoint; "": none is dialed.
func lookup(endpoint string) []call {
	name, _, _ := net.SplitHostPort(endpoint) // check has seen it
	if _, err := netip.ParseAddr(name); endpoint == "" || err == nil {
		return []call{do("remove_unit", wireguard.Lookup)}
	}
	return []call{unit(wireguard.Lookup, wireguard.LookupUnit(name)), do("reread", wireguard.Lookup)}
}

// place is where the target is scraped, and by whom: what all its exporters have in common.
func (v TargetValues) place() exporter.Instance {
	if v.Direct != nil {
		return exporter.Instance{Own: []netip.Addr{v.Direct.Listen}, Monitor: []netip.Addr{v.Direct.Monitor}, TLS: true}
	}
	return exporter.Instance{Own: v.Tunnel.Addresses, Monitor: v.Monitor.Addresses, TLS: v.TLS.Enabled(), Tunnel: true}
}

func (v TargetValues) exporters() exporters {
	var all exporters
	for _, c := range v.Exporters {
		i := v.place()
		i.Choice = c
		all = append(all, i)
	}
	return all
}

// Scraped are the TCP ports that only the monitor may reach, wherever the target is scraped.
func (v TargetSpec) Scraped() []int {
	ports := exporter.Ports(exporter.Endpoints(v.Exporters, v.Scrape, v.TLS.Enabled()))
	if v.TLS.Enabled() {
		ports = append(ports, certificate.ReceivePort)
	}
	return ports
}

// Passed are the TCP ports at which the monitor reaches a target in the tunnel: a hub passes them on.
func (v TargetSpec) Passed() []int { return append(v.Scraped(), fence.Port) }

// tunnel is the target's end of it; nothing for a direct target.
func (v TargetValues) tunnel() []call {
	if v.Direct != nil {
		return []call{do("own_address", v.Direct.Listen.String())}
	}
	if v.Hub != nil {
		return v.hubTunnel()
	}
	return tunnel(v.Tunnel, wireguard.Interface{}, wireguard.Peer{
		Name: cmp.Or(v.Monitor.Name, "the monitor"), PublicKey: v.Monitor.PublicKey, Endpoint: v.Monitor.Endpoint,
		AllowedIPs: wireguard.Hosts(slices.Concat(v.Monitor.Addresses, v.others())), Keepalive: wireguard.Keepalive,
	})
}

// Disk space for an archive and its contents, in MB, with a margin.
const (
	exporterMB   = 64
	prometheusMB = 640
)

func join(parts ...[]call) []call {
	var all []call
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

const hangUp = `# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
`

// packages are what the scripts call. If all are installed, apt is not called.
var packages = []string{"packages", "curl", "ca-certificates", "iproute2", "nftables", "openssl", "wireguard-tools"}

// system is what every host has, before anything else. It looks at what is there before it puts any file.
func (p Plan) system(look []call) []call {
	return join(
		[]call{
			do("space", "10", "/etc"),
			do("space", "10", "/var/lib"),
			do(packages...),
		},
		look,
		[]call{
			do("remove_temporary_key"),
			{words: []string{"close_unused_connections"}, input: hangUp},
			do("identity_folder"),
		},
	)
}

// survey refuses to cut off what a host in use serves beside what is open and what the fleet has there.
func (p Plan) survey(inUse bool, fleet []nftables.Opening) []call {
	if !inUse {
		return nil
	}
	words := []string{"survey"}
	for _, o := range slices.Concat(openings("tcp", p.rules.SSHPort), fleet, p.rules.Open) {
		words = append(words, o.String())
	}
	return []call{do(words...)}
}

// otherFirewalls refuses a host where another firewall drops what the fleet needs: new connections from an address, through an
// interface. The zero values are any.
func otherFirewalls(protocol, through string, from netip.Addr, numbers ...int) []call {
	words := []string{"other_firewalls", protocol, cmp.Or(through, "-"), "-"}
	if from.IsValid() {
		words[3] = from.String()
	}
	for _, number := range numbers {
		words = append(words, strconv.Itoa(number))
	}
	return []call{do(words...)}
}

func openings(protocol string, numbers ...int) []nftables.Opening {
	var all []nftables.Opening
	for _, number := range numbers {
		all = append(all, nftables.Port(number, protocol))
	}
	return all
}

// tunnel is the host's end of it, with the peers of the plan.
func tunnel(t Tunnel, i wireguard.Interface, peers ...wireguard.Peer) []call {
	i.MTU, i.Addresses = t.MTU, t.prefixes()
	parts := []call{
		do("dir", wireguard.Parts, "700"),
		put(wireguard.InterfacePart, "600", i.Render()),
	}
	for _, peer := range peers {
		parts = append(parts, put(wireguard.PeerPart("monitor"), "600", peer.Render()))
	}
	up := []string{"tunnel", strconv.Itoa(t.MTU)}
	for _, address := range i.Addresses {
		up = append(up, address.String())
	}
	return join(
		parts,
		[]call{do("userspace")},
		dropIn(wireguard.Unit, i.DropIn(), "makes_tunnel"),
		[]call{do(up...)},
	)
}

// firewall is loaded on trial just before the services that it protects start. Its unit is enabled by Confirm.
func (p Plan) firewall() []call {
	return join(
		dropIn(nftables.Distribution, nftables.DropIn()),
		[]call{
			do("dir", folders.Config, "755"),
			unit(nftables.Service, nftables.Unit()),
			do("reread", nftables.Service),
			{words: []string{"firewall", p.rules.Digest()}, input: p.rules.Render()},
		})
}

// user is a system user.
func user(name, description string) []call {
	return []call{
		put(systemd.Users+"/"+name+".conf", "644", systemd.User(name, description)),
		do("user", name),
	}
}

// dropIn is a drop-in for a unit that is not ours.
func dropIn(unit, text string, check ...string) []call {
	folder := systemd.DropInFolder(unit)
	return []call{
		do("dir", folder, "755"),
		put(folder+"/"+systemd.DropIn, "644", text, check...),
		do("reread", unit),
	}
}

// unit is a unit file.
func unit(name, text string) call {
	return put(systemd.Units+"/"+name, "644", text, "check_unit")
}
