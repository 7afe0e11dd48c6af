package plan

import (
	"net/netip"

	"github.com/promwire/promwire/provisioners/watch"
)

// looksAfter is what heals the host between updates. It starts last, when there is something to look after. The addresses are the host's
// own in the tunnel; none: it is outside the tunnel. forwarding says whether it passes on packets of the tunnel.
func looksAfter(addresses []netip.Prefix, forwarding bool) []call {
	return []call{
		putText("watch", watch.Path, "755", "bash", "-n"),
		do("record", "file", watch.Metrics),
		unit(watch.Service, watch.Unit(addresses, forwarding)),
		unit(watch.Timer, watch.TimerUnit()),
		do("reread", watch.Service),
		do("service", watch.Timer),
	}
}
