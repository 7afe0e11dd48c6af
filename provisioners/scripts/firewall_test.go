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

// TestStillPassed: neither does one of a hub.
func TestStillPassed(t *testing.T) {
	t.Parallel()
	rules := func(places ...string) string {
		r := nftables.Ruleset{SSHPort: 22, Tunnel: "promwire0", Monitor: []netip.Prefix{netip.MustParsePrefix("10.98.0.1/32")}}
		for _, p := range places {
			r.Passed = append(r.Passed, netip.MustParseAddrPort(p))
		}
		return "load <<'RULES'\n" + r.Render() + "RULES\n"
	}
	const begin = `
mkdir -p "$CONFIG_FOLDER"
arm() { :; }
proved() { :; }
load() { cat >"$PENDING"; trial; }
former() { nft list set inet promwire former_passed | grep -oE '10[0-9.]+ . [0-9]+ timeout [^ ]*' || echo none; }
`
	for name, c := range map[string]struct{ text, said string }{
		"another port": {rules("10.98.0.3:9100", "10.98.0.3:19098", "10.98.0.12:9100") + rules("10.98.0.3:19100") + "former",
			"10.98.0.3 . 9100 timeout 10m\n10.98.0.12 . 9100 timeout 10m\n10.98.0.3 . 19098 timeout 10m\n"},
		"once more": {rules("10.98.0.3:9100") + rules("10.98.0.3:19100") + rules("10.98.0.3:19200") + "former",
			"10.98.0.3 . 9100 timeout 10m\n10.98.0.3 . 19100 timeout 10m\n"},
		"it is confirmed": {rules("10.98.0.3:9100") + rules("10.98.0.3:19100") + `mv "$PENDING" "$PERMANENT"; again nft --file "$PERMANENT"; former`,
			"10.98.0.3 . 9100 timeout 10m\n"},
		"it was no hub":       {rules() + rules("10.98.0.3:9100") + "former", "none\n"},
		"it is none any more": {rules("10.98.0.3:9100") + rules() + "former 2>/dev/null", "none\n"},
	} {
		t.Run(name, func(t *testing.T) { check(t, begin+c.text, c.said, false) })
	}
}
