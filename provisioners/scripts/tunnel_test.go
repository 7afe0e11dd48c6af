package scripts

import "testing"

// TestTunnel: what the tunnel's configuration and its service become.
func TestTunnel(t *testing.T) {
	t.Parallel()
	const parts = `
mkdir -p "$PARTS"
echo '[Interface]' >"$INTERFACE_PART"; echo key >"$TUNNEL_KEY"
peer() { printf '# the monitor\n[Peer]\nEndpoint = %s\n' "$1" >"$PARTS/peer-monitor.conf"; }
getent() { [ "$*" = "ahosts monitor.example.com" ] && [ -e /mnt/dns ] && cat /mnt/dns; }
joined() { (join_parts) && grep Endpoint "$TUNNEL_CONFIG"; }
systemctl() { :; }
dialed() { mkdir -p $UNIT_FOLDER; put $UNIT_FOLDER/$LOOKUP 644 <<<text; CHANGED=(); looks_up_nothing; ls $UNIT_FOLDER | grep lookup || echo none; }
tried() { [[ $1 != link ]] || [ -e /mnt/kernel ]; }
ip() { tried "$@"; }
`
	for _, c := range []struct{ name, text, said string }{
		{"a name becomes an address", "printf '198.51.100.2 STREAM monitor\n2001:db8::2 STREAM\n' >/mnt/dns; peer monitor.example.com:51820; joined", "Endpoint = 198.51.100.2:51820\n"},
		{"an IPv6 one", "echo '2001:db8::2 STREAM monitor' >/mnt/dns; peer monitor.example.com:51820; joined", "Endpoint = [2001:db8::2]:51820\n"},
		{"an address stays", "peer 198.51.100.7:51820; joined; peer '[2001:db8::a]:51820'; joined", "Endpoint = 198.51.100.7:51820\nEndpoint = [2001:db8::a]:51820\n"},
		{"a name that nobody knows", "peer monitor.example.com:51820; joined || ls $TUNNEL_CONFIG",
			"the endpoint monitor.example.com can't be looked up; check the name, and this host's DNS"},
		{"a hub goes, and another one has come", "printf '198.51.100.2 STREAM\n' >/mnt/dns; peer monitor.example.com:51820; dialed", "promwire-lookup.service\n"},
		{"a hub goes, and another one has come at an address", "peer 198.51.100.7:51820; dialed", "none\n"},
		{"a hub goes", "dialed", "none\n"},
		{"no peers", "joined || cat $TUNNEL_CONFIG", "[Interface]\nPrivateKey = key\n"},
		{"a kernel without WireGuard", `userspace; grep -c 'net/tun' "$USERSPACE_DROP_IN"; ours "$USERSPACE_DROP_IN" && echo ours`, "1\nours\n"},
		{"one that got it while wireguard-go runs", `userspace; : >/mnt/kernel; mkdir /run/wireguard; : >"/run/wireguard/$INTERFACE.sock"; userspace; ls "$USERSPACE_DROP_IN"`,
			"promwire.userspace.conf\n"},
		{"a kernel with WireGuard", `userspace; : >/mnt/kernel; userspace; ls "$USERSPACE_DROP_IN"`, "No such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, parts+c.text+" || true", c.said, false)
		})
	}
}
