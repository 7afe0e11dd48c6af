package scripts

import "testing"

// TestRelays: a relay that nobody wants any more leaves no file, and one that speaks no TLS is named.
func TestRelays(t *testing.T) {
	t.Parallel()
	const (
		units = "systemctl() { printf '%s\\n' \"$*\" >>/mnt/called; }\nmkdir -p /etc/systemd/system /etc/promwire; cd /etc/systemd/system\n" +
			"for file in promwire-relay-18080.socket promwire-relay-18080@.service promwire-relay-19121.socket promwire-relay-19121@.service " +
			"promwire-relay-9121.socket promwire-relay-9121.service; do put \"$PWD/$file\" 644 <<<x; done\n" +
			"for port in 18080 19121; do put /etc/promwire/relay-$port.conf 644 <<<x; done\n"
		left = "; ls /etc/systemd/system /etc/promwire | xargs; grep -c relay \"$STATE/manifest\""
		lo   = "ip link set lo up; openssl req -x509 -config <(printf '[req]\\ndistinguished_name = d\\n[d]\\n') -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=a -keyout /mnt/k -out /mnt/c 2>/dev/null\n"
	)
	for _, c := range []struct {
		name, text, said string
		fails            bool
	}{
		{"relays_only of those that are there", units + "relays_only 8080 18080 9121 19121" + left,
			"/etc/promwire: relay-18080.conf relay-19121.conf /etc/systemd/system: promwire-relay-18080.socket promwire-relay-18080@.service " +
				"promwire-relay-19121.socket promwire-relay-19121@.service promwire-relay-9121.service promwire-relay-9121.socket\n8\n", false},
		{"relays_only removes the others", units + "relays_only 9121 19121" + left,
			"/etc/promwire: relay-19121.conf /etc/systemd/system: promwire-relay-19121.socket promwire-relay-19121@.service " +
				"promwire-relay-9121.service promwire-relay-9121.socket\n5\n", false},
		{"relays_only compares whole numbers", units + "relays_only 1 80 8080 9121 19121; echo left: $(ls /etc/promwire)", "left: relay-19121.conf\n", false},
		{"relays_only of nothing", "relays_only; echo done", "done\n", false},
		{"retire removes what belongs to a relay", units + "retire promwire-relay-18080.socket; retire promwire-relay-9121.socket" + left,
			"/etc/promwire: relay-19121.conf /etc/systemd/system: promwire-relay-19121.socket promwire-relay-19121@.service\n3\n", false},
		{"retire stops a relay first", units + "retire promwire-relay-18080.socket; cat /mnt/called", "disable --quiet --now promwire-relay-18080.socket\n", false},
		{"undo of a socket with a template", units + "undo_unit promwire-relay-18080.socket; cat /mnt/called", "--now promwire-relay-18080.socket\nreset-failed promwire-relay-18080.socket\n", false},
		{"undo of a socket with a service", units + "undo_unit promwire-relay-9121.socket; cat /mnt/called", "--now promwire-relay-9121.socket promwire-relay-9121.service\n", false},
		{"retire of another unit", units + "put /etc/systemd/system/a.service 644 <<<x; retire a.service; ls | grep -c service", "3\n", false},
		{"speaks_tls of a server that wants a certificate", lo +
			"openssl s_server -accept 127.0.0.1:4433 -Verify 1 -verify_return_error -www -tls1_3 -cert /mnt/c -key /mnt/k >/dev/null 2>&1 &\n" +
			"speaks_tls https://127.0.0.1:4433/ a.socket; kill $!; echo done", "done\n", false},
		{"speaks_tls of one that ends connections", "journalctl() { echo reason; }; sleep() { :; }; curl() { printf 0.000000; return 35; }\n" +
			"speaks_tls https://127.0.0.1:4433/ a.socket", "reason\npromwire: host: verb: a.socket does not speak TLS at https://127.0.0.1:4433/", true},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.text, c.said, c.fails) })
	}
}
