package scripts

import (
	"net/netip"
	"testing"

	"github.com/promwire/promwire/provisioners/nftables"
)

// TestStillAdmitted: a new ruleset does not end what the monitor scrapes by the former one. Prometheus turns later, and may connect again
// before that.
func TestStillAdmitted(t *testing.T) {
	t.Parallel()
	rules := func(from string, ports ...int) string {
		r := nftables.Ruleset{SSHPort: 22, Tunnel: "promwire0", Scraped: ports, Monitor: []netip.Prefix{netip.MustParsePrefix(from)}}
		return "load <<'RULES'\n" + r.Render() + "RULES\n"
	}
	const monitor = "10.98.0.1/32"
	begin := listening + tunnelToOther + `
mkdir -p "$CONFIG_FOLDER"
arm() { :; }
proved() { :; }
load() { cat >"$PENDING"; trial; }
asked() { to=10.98.0.2/$1; dial other; }
`
	for name, c := range map[string]struct{ text, said string }{
		"another port":    {rules(monitor, 9100) + rules(monitor, 19100) + "serve 0 9100; asked 9100", "open\n"},
		"once more":       {rules(monitor, 9100) + rules(monitor, 19100) + rules(monitor, 19099, 19100) + "serve 0 9100; asked 9100", "open\n"},
		"it is confirmed": {rules(monitor, 9100) + rules(monitor, 19100) + `mv "$PENDING" "$PERMANENT"; again nft --file "$PERMANENT"; serve 0 9100; asked 9100`, "open\n"},
		"it ends": {rules(monitor, 9100) + rules(monitor, 19100) + "nft flush set inet promwire former_ports; serve 0 9100; asked 9100; nft list set inet promwire former_ports | grep -o 'flags timeout'",
			"closed\nflags timeout\n"},
		"each has its time":           {rules(monitor, 9100, 9121) + rules(monitor, 19100) + "nft list set inet promwire former_ports | grep -o '9[0-9]* timeout [^ ]*'", "9100 timeout 10m\n9121 timeout 10m\n"},
		"a port that was not scraped": {rules(monitor, 9200) + rules(monitor, 19100) + "serve 0 9100; asked 9100", "closed\n"},
		"another monitor":             {rules("10.98.0.7/32", 9100) + rules("10.98.0.7/32", 19100) + "serve 0 9100; asked 9100", "closed\n"},
		"nothing was scraped":         {rules(monitor) + rules(monitor, 9100) + "serve 0 9100; asked 9100; admitted $SCRAPED_SET", "open\n9100\n"},
		"nothing is scraped now":      {rules(monitor, 9100) + rules(monitor) + "serve 0 9100; asked 9100; admitted $SCRAPED_SET $FORMER_SET", "closed\n"},
	} {
		t.Run(name, func(t *testing.T) { check(t, begin+c.text, c.said, false) })
	}
}
