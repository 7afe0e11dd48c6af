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

# A fresh network namespace and link for each boot: a rebooted machine must not find its old rules and links. A machine with a kernel of
# its own has them inside; what its network card sends comes out of a device of the router's.
connect() {
	ip -netns "$ROUTER" link delete "$LINK" 2>/dev/null || true
	ip netns delete "$NAMESPACE" 2>/dev/null || true
	if [[ -n $KERNEL ]]; then
		ip -netns "$ROUTER" tuntap add dev "$LINK" mode tap
	else
		ip netns add "$NAMESPACE"
		ip -netns "$ROUTER" link add "$LINK" type veth peer name eth0 netns "$NAMESPACE"
	fi
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

# mounted COMMAND…: runs one that sees the machine's root, mounted in a mount namespace of its own, see above.
mounted() {
	# shellcheck disable=SC2016 # the inner bash expands them
	unshare --mount -- bash -euc 'mount -t overlay promwire -o "$1" "$2"; shift 2; exec "$@"' mounted \
		"lowerdir=${KERNEL:+$KERNEL:}$IMAGE,upperdir=$UPPER,workdir=$WORK" "$ROOT" "$@"
}

# /proc/sys/net is as writable as on a real machine.
start() {
	mounted env SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --directory="$ROOT" --boot \
		--machine="$NAME" --hostname="$NAME" --register=no --keep-unit --settings=no --link-journal=no \
		--resolv-conf=off --timezone=off --console=read-only \
		--network-namespace-path="/run/netns/$NAMESPACE" --capability=CAP_NET_ADMIN --bind=/dev/net/tun \
		-- --show-status=auto
}

# prefer has this machine's kernel run the emulator before what is less urgent: the clock inside goes on while it waits for a processor, and
# what has a minute there for its work would have some seconds. Where sessions have priorities, those of processes hold only within one;
# see sched(7).
prefer() {
	renice --priority -8 $$ >/dev/null
	if [[ -e /proc/self/autogroup ]]; then
		echo -8 >"/proc/$$/autogroup"
	fi
}

# A machine with a kernel of its own boots from the image of a disk, and reboots without ending the emulator. There is no other user of
# the disk, so it need not be written at once: what the emulator has written survives it, as it survives a machine's reset.
# The processor is the emulator's own and has all that it can emulate: with svm=off, which would spare the kernel some modules, systemd's
# services and mounts fail in the machine (QEMU 7.2).
emulate() {
	if ! [[ -e $DISK ]]; then
		rm -f "$DISK.partial"
		truncate --size 8G "$DISK.partial"
		mounted mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0 -d "$ROOT" "$DISK.partial"
		mv "$DISK.partial" "$DISK"
	fi
	cd "$(dirname "$DISK")" # where the agent's socket belongs: its path could be too long for a socket's
	local options=(
		-nodefaults -no-user-config -display none
		-machine q35 -accel "tcg,thread=multi" -cpu max -m 1024
		-kernel "$KERNEL/vmlinuz" -initrd "$KERNEL/initrd.img"
		-append "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=1"
		-chardev "file,id=console,path=console.log,append=on" -serial chardev:console
		-drive "if=virtio,format=raw,cache=unsafe,discard=unmap,file=$DISK"
		-netdev "tap,id=net,ifname=$LINK,script=no,downscript=no" -device "virtio-net-pci,netdev=net,mac=$MAC,romfile="
		-device virtio-serial-pci -chardev "socket,id=agent,path=$AGENT,server=on,wait=off"
		-device "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"
		-device virtio-rng-pci
	)
	prefer
	exec nsenter --net="/run/netns/$ROUTER" -- qemu-system-x86_64 "${options[@]}"
}

if [[ -n $KERNEL ]]; then
	connect
	emulate
fi

status=133 # what systemd-nspawn says of a machine that wants to reboot
while ((status == 133)); do
	connect
	status=0
	start || status=$?
done
exit "$status"
