# Boots one machine, again and again while it reboots itself, and ends with it. The lab runs it in the machine's own cgroup:
# whoever ends that one ends all of the machine, and its mounts go with their namespace.
# shellcheck shell=bash
set -euo pipefail

# A machine outlives whoever started it, and must not hold what that one had open: locks, pipes.
for descriptor in /proc/self/fd/*; do
	descriptor=${descriptor##*/}
	if ((descriptor > 2)); then
		exec {descriptor}>&-
	fi
done

# systemd keeps its own hierarchy where the controllers are those of cgroup v1.
if [[ -n $GROUP ]]; then
	echo $$ >"$GROUP/cgroup.procs"
fi

# A fresh network namespace and link for each boot: a rebooted machine must not find its old rules and links.
connect() {
	ip -netns "$ROUTER" link delete "$LINK" 2>/dev/null || true
	ip netns delete "$NAMESPACE" 2>/dev/null || true
	ip netns add "$NAMESPACE"
	ip -netns "$ROUTER" link add "$LINK" type veth peer name eth0 netns "$NAMESPACE"
	# Neighbours of the region are behind the router, which answers in their place.
	nsenter --net="/run/netns/$ROUTER" -- sysctl --quiet \
		"net.ipv4.conf.$LINK.proxy_arp=1" "net.ipv4.neigh.$LINK.proxy_delay=0"
	ip -netns "$ROUTER" address add fe80::1/64 dev "$LINK" nodad
	ip -netns "$ROUTER" link set "$LINK" up
	local address
	for address in $ROUTES; do
		ip -netns "$ROUTER" route add "$address" dev "$LINK"
	done
}

# The machine's root is mounted in a mount namespace of its own, see above. /proc/sys/net is as writable as on a real machine.
start() {
	# shellcheck disable=SC2016 # the inner bash expands them
	unshare --mount -- bash -euc 'mount -t overlay promwire -o "$1" "$2"; shift 2; exec "$@"' start \
		"lowerdir=$IMAGE,upperdir=$UPPER,workdir=$WORK" "$ROOT" \
		env SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --directory="$ROOT" --boot \
		--machine="$NAME" --hostname="$NAME" --register=no --keep-unit --settings=no --link-journal=no \
		--resolv-conf=off --timezone=off --console=read-only \
		--network-namespace-path="/run/netns/$NAMESPACE" --capability=CAP_NET_ADMIN --bind=/dev/net/tun \
		-- --show-status=auto
}

status=133 # what systemd-nspawn says of a machine that wants to reboot
while ((status == 133)); do
	connect
	status=0
	start || status=$?
done
exit "$status"
