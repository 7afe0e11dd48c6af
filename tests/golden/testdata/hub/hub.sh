#!/usr/bin/env bash
# promwire: what the target hub-1 must be
set -euo pipefail

# (use.sh)

apply() {
use hub-1 converge VERSION
ask_first apply
ports node_exporter.service 10.98.0.3:9100 node_exporter.service '[fd98:1:2:3::3]:9100' promwire-fence-asked.socket 10.98.0.3:19098 promwire-fence-asked.socket '[fd98:1:2:3::3]:19098'
space 10 /etc
space 10 /var/lib
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
other_firewalls udp - - 51820
other_forwards 10.98.0.1 9100 19098
other_firewalls tcp promwire0 10.98.0.1 9100 19098
remove_temporary_key
close_unused_connections <<'END'
# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
END
identity_folder
not_monitor
dials_nobody
dir /etc/wireguard/promwire0.d 700
put /etc/wireguard/promwire0.d/interface.conf 600 <<'END'
[Interface]
Address = 10.98.0.3/24
Address = fd98:1:2:3::3/64
ListenPort = 51820
MTU = 1420
PostUp = echo 1 >/proc/sys/net/ipv4/conf/%i/forwarding
END
userspace
dir /etc/systemd/system/wg-quick@promwire0.service.d 755
with_sandbox put /etc/systemd/system/wg-quick@promwire0.service.d/promwire.conf 644 makes_tunnel <<'END'
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5
$SANDBOX
PrivateTmp=no
CapabilityBoundingSet=CAP_NET_ADMIN
RestrictAddressFamilies=AF_NETLINK
IPAddressDeny=any
ReadWritePaths=/proc/sys/net/ipv4/conf
END
reread wg-quick@promwire0.service
tunnel 1420 10.98.0.3/24 fd98:1:2:3::3/64
release node_exporter 1.2.3 64 <<'END'
amd64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
put /etc/sysusers.d/node_exporter.conf 644 <<'END'
u node_exporter - "Prometheus exporter of the host itself" /nonexistent /usr/sbin/nologin
END
user node_exporter
knows_flags node /opt/promwire/node_exporter-1.2.3/node_exporter --version --collector.textfile.directory=/var/lib/node_exporter/textfile
link_release node_exporter 1.2.3 node_exporter
dir /var/lib/node_exporter 755
dir /var/lib/node_exporter/textfile 755
with_sandbox put /etc/systemd/system/node_exporter.service 644 check_unit <<'END'
[Unit]
Description=Prometheus exporter of the host itself, for promwire's monitor only
StartLimitIntervalSec=0
Wants=node_exporter.socket
PartOf=node_exporter.socket

[Service]
User=node_exporter
Group=node_exporter
ExecStart=/usr/local/bin/node_exporter \
  --collector.textfile.directory=/var/lib/node_exporter/textfile \
  --web.systemd-socket
Restart=always
RestartSec=3
MemoryHigh=15%
MemoryMax=20%
$SANDBOX
RemoveIPC=yes
ProtectHome=read-only
ProtectProc=default
ProtectClock=no
SystemCallFilter=adjtimex
RestrictAddressFamilies=AF_NETLINK AF_UNIX
IPAddressDeny=any

[Install]
WantedBy=multi-user.target
END
put /etc/systemd/system/node_exporter.socket 644 check_unit <<'END'
[Unit]
Description=Where node_exporter.service is scraped

[Socket]
ListenStream=10.98.0.3:9100
ListenStream=[fd98:1:2:3::3]:9100
FreeBind=yes
TriggerLimitIntervalSec=0
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.3/32
IPAddressAllow=fd98:1:2:3::3/128
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128

[Install]
WantedBy=sockets.target
END
from_library fence put /usr/local/lib/promwire/fence 755 bash -n
record file /var/lib/node_exporter/textfile/promwire_fence.prom
with_sandbox put /etc/systemd/system/promwire-fence.service 644 check_unit <<'END'
[Unit]
Description=Try to reach what a target of promwire must not reach
After=wg-quick@promwire0.service

[Service]
Type=oneshot
ExecStartPre=!/bin/rm -f /var/lib/node_exporter/textfile/promwire_fence.prom.new
ExecStart=/usr/local/lib/promwire/fence 254 9100,19098 10.98.0.0/24,10.98.0.3,10.98.0.1 fd98:1:2:3::/64,fd98:1:2:3::3,fd98:1:2:3::1
ExecStartPost=!/bin/mv /var/lib/node_exporter/textfile/promwire_fence.prom.new /var/lib/node_exporter/textfile/promwire_fence.prom
StandardOutput=append:/var/lib/node_exporter/textfile/promwire_fence.prom.new
TimeoutStartSec=60
LogLevelMax=notice
ReadWritePaths=/var/lib/node_exporter/textfile
StandardError=journal
DynamicUser=yes
User=promwire-fence
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
$SANDBOX
UMask=0022
SystemCallFilter=capset
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.0/24
IPAddressAllow=fd98:1:2:3::/64
END
put /etc/systemd/system/promwire-fence.timer 644 check_unit <<'END'
[Unit]
Description=Try regularly to reach what a target of promwire must not reach

[Timer]
OnActiveSec=1s
OnUnitActiveSec=15s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
with_sandbox put /etc/systemd/system/promwire-fence-asked@.service 644 check_unit <<'END'
[Unit]
Description=Tell promwire's monitor what this target reaches
CollectMode=inactive-or-failed

[Service]
ExecStart=/usr/local/lib/promwire/fence 254 9100,19098 10.98.0.0/24,10.98.0.3,10.98.0.1 fd98:1:2:3::/64,fd98:1:2:3::3,fd98:1:2:3::1
StandardInput=socket
StandardOutput=socket
RuntimeMaxSec=60
LogLevelMax=notice
StandardError=journal
DynamicUser=yes
User=promwire-fence
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
$SANDBOX
SystemCallFilter=capset
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.0/24
IPAddressAllow=fd98:1:2:3::/64
END
put /etc/systemd/system/promwire-fence-asked.socket 644 check_unit <<'END'
[Unit]
Description=Where promwire's monitor asks what this target reaches

[Socket]
Accept=yes
MaxConnections=2
Backlog=4
TriggerLimitIntervalSec=0
FreeBind=yes
ListenStream=10.98.0.3:19098
ListenStream=[fd98:1:2:3::3]:19098
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.3/32
IPAddressAllow=fd98:1:2:3::3/128
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128

[Install]
WantedBy=sockets.target
END
reread promwire-fence.service
dir /etc/systemd/system/nftables.service.d 755
put /etc/systemd/system/nftables.service.d/promwire.conf 644 <<'END'
[Service]
ExecStartPost=-/usr/sbin/nft -f /etc/promwire/firewall.nft
ExecReload=-/usr/sbin/nft -f /etc/promwire/firewall.nft
ExecStopPost=-/usr/sbin/nft -f /etc/promwire/firewall.nft
END
reread nftables.service
dir /etc/promwire 755
with_sandbox put /etc/systemd/system/promwire-firewall.service 644 check_unit <<'END'
[Unit]
Description=Firewall of promwire
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service
Conflicts=shutdown.target
ConditionPathExists=/etc/promwire/firewall.nft

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/promwire/firewall.nft
$SANDBOX
PrivateTmp=no
CapabilityBoundingSet=CAP_NET_ADMIN
RestrictAddressFamilies=AF_NETLINK
IPAddressDeny=any

[Install]
WantedBy=sysinit.target
END
reread promwire-firewall.service
firewall 08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f <<'END'
#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	comment "08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f"
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	set scraped_ports {
		type inet_service
		elements = { 9100, 19098 }
	}

	# What the monitor scraped before an update.
	set former_ports {
		type inet_service
		flags timeout
	}

	set passed {
		type ipv4_addr . inet_service
		elements = { 10.98.0.2 . 9100, 10.98.0.2 . 19098 }
	}

	# What was passed on before an update.
	set former_passed {
		type ipv4_addr . inet_service
		flags timeout
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
		iifname != "promwire0" ip saddr { 198.51.100.0/24 } tcp dport 2222 counter name operator accept
		tcp dport 2222 drop

		# Neighbours, routers and multicast of IPv6 (RFC 4890), before conntrack, which does not follow them.
		ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept

		ct state invalid drop
		ct state established,related accept

		# Path MTU discovery and its like; ping.
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmp type echo-request limit rate 10/second burst 20 packets accept
		icmpv6 type echo-request limit rate 10/second burst 20 packets accept

		# Answers of DHCP servers, which come from or go to addresses that conntrack does not know.
		udp sport 67 udp dport 68 accept
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept

		iifname "promwire0" ip saddr 10.98.0.1 tcp dport @scraped_ports accept
		iifname "promwire0" ip6 saddr fd98:1:2:3::1 tcp dport @scraped_ports accept
		iifname "promwire0" ip saddr 10.98.0.1 tcp dport @former_ports accept
		iifname "promwire0" ip6 saddr fd98:1:2:3::1 tcp dport @former_ports accept
		iifname != "promwire0" udp dport 51820 accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state new ct status dnat jump published
		iifname "promwire0" oifname "promwire0" ct state established,related accept
		iifname "promwire0" oifname "promwire0" ip saddr 10.98.0.1 ip daddr . tcp dport @passed accept
		iifname "promwire0" oifname "promwire0" ip saddr 10.98.0.1 ip daddr . tcp dport @former_passed accept
		iifname "promwire0" drop
		oifname "promwire0" drop
	}

	# Bridges that do not lead to containers only: a file beside this one names them.
	set uplinks {
		type ifname
	}

	# What the host passes on to a container, a namespace or a virtual machine, by the port that was asked for.
	chain published {
		meta iifkind "bridge" iifname != @uplinks accept
		meta iifkind "veth" iifname "cali*" accept
		drop
	}

	chain output {
		type filter hook output priority filter; policy accept;
		oifname "lo" meta skuid 1000-60000 ip saddr . tcp sport { 10.98.0.3 . 9100, 10.98.0.3 . 19098 } drop
		oifname "lo" meta skuid 1000-60000 ip6 saddr . tcp sport { fd98:1:2:3::3 . 9100, fd98:1:2:3::3 . 19098 } drop
		oifname "lo" tcp dport 19098 tcp flags & (syn | ack) == syn reject with tcp reset
		oifname "promwire0" meta skuid 1000-60000 tcp sport { 9100, 19098 } drop
		oifname "promwire0" meta skuid 1000-60000 tcp flags & (syn | ack) == syn reject with tcp reset
	}
}
include "/etc/promwire/uplinks*.nft"
END
forwarding
service node_exporter.socket
service node_exporter.service /usr/local/bin/node_exporter
answers http://10.98.0.3:9100/ node_exporter.service
prune node_exporter 1.2.3
packaged_exporters
relays '10.98.0.3 fd98:1:2:3::3'
relays_only
remove_unit promwire-certificate.socket
service promwire-fence-asked.socket
ports_held
service promwire-fence.timer
remove_unit promwire-lookup.service
from_library watch put /usr/local/lib/promwire/watch 755 bash -n
record file /var/lib/node_exporter/textfile/promwire_watch.prom
with_sandbox put /etc/systemd/system/promwire-watch.service 644 check_unit <<'END'
[Unit]
Description=Heal what promwire made on this host

[Service]
Type=oneshot
ExecStart=/usr/local/lib/promwire/watch /var/lib/node_exporter/textfile/promwire_watch.prom 10.98.0.3/24 fd98:1:2:3::3/64
TimeoutStartSec=3min
SyslogLevel=notice
LogLevelMax=notice
ReadWritePaths=/var/lib/promwire /var/lib/node_exporter/textfile /etc/promwire /proc/sys/net/ipv4/conf
RuntimeDirectory=promwire
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
$SANDBOX
UMask=0022
CapabilityBoundingSet=CAP_NET_ADMIN
RestrictAddressFamilies=AF_NETLINK AF_UNIX
IPAddressDeny=any
END
put /etc/systemd/system/promwire-watch.timer 644 check_unit <<'END'
[Unit]
Description=Heal regularly what promwire made on this host

[Timer]
OnActiveSec=1s
OnUnitActiveSec=20s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
reread promwire-watch.service
service promwire-watch.timer
stop_later node_exporter-tls.socket node_exporter-tls.service
remove_former_identity
installed promwire 0.2.0-dev
still_on_trial 08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f
keep_receipt 08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f
}

confirm() {
use hub-1 confirm VERSION
confirm_firewall 08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f
read_links
kept_receipt 08af0e535634635d583d4f9e063795f0f450f65ad176b7864c5a6fc313ae5b5f
}

case ${1-} in
apply) apply </dev/null ;;
confirm) confirm </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
