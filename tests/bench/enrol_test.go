package bench

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/scripts"
)

// enrolment is a monitor in mounts of its own, with a number of peers, that enrols one more. It prints how long that took, in microseconds.
// There is no tunnel: what WireGuard itself needs for a peer is not measured.
const enrolment = `set -euo pipefail
mount -t tmpfs none /mnt
cp -a /etc/alternatives /mnt
for folder in /etc /run /var/lib; do mount -t tmpfs none $folder; done
mv /mnt/alternatives /etc
printf 'root:x:0:0::/:/bin/bash\n' >/etc/passwd
printf 'root:x:0:\n' >/etc/group
%s
mkdir -p "$PARTS" "$TARGETS" "$STATE"
echo key >"$TUNNEL_KEY"
printf '[Interface]\nAddress = 10.98.0.1/16\n' >"$INTERFACE_PART"
key() { printf '%%042dA=' "$1"; }
manifest=
for ((n = 1; n <= %d; n++)); do
  printf '[Peer]\nPublicKey = %%s\nAllowedIPs = 10.98.%%d.%%d/32\n' "$(key $n)" $((n / 256)) $((n %% 256)) >"$PARTS/peer-node-$n.conf"
  echo '[{"labels": {"role": "target"}}]' >"$TARGETS/node-$n.node.json"
  manifest+="file $PARTS/peer-node-$n.conf"$'\n'"file $TARGETS/node-$n.node.json"$'\n'
done
begin monitor enrol
write_record "$manifest"
before=${EPOCHREALTIME/./}
remove_conflicts new "$(key 99999)" 10.98.255.9/32
put "$PARTS/peer-new.conf" 600 <<<$'[Peer]\nPublicKey = '"$(key 99999)"$'\nAllowedIPs = 10.98.255.9/32'
join_parts
scrape new.node http://10.98.255.9:9100/metrics <<<'[]'
scrape_only new node
echo $((${EPOCHREALTIME/./} - before)) >&3
`

// BenchmarkEnrol is what the monitor does for one target more, under the lock that all of them share, beside the number of its peers.
func BenchmarkEnrol(b *testing.B) {
	for _, peers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
				cmd := exec.CommandContext(ctx, "unshare", "--mount", "--net", "bash", "-s")
				cmd.Stdin = strings.NewReader(fmt.Sprintf(enrolment, scripts.Functions().Text(), peers))
				var said strings.Builder
				cmd.Stderr = &said
				out, err := cmd.Output()
				cancel()
				if err != nil {
					b.Fatalf("%v\n%s", err, said.String())
				}
				micros, err := strconv.Atoi(strings.TrimSpace(string(out)))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(micros)/1e3, "ms-enrol")
			}
		})
	}
}
