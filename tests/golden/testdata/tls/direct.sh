#!/usr/bin/env bash
# promwire: what the target node-1 must be
set -euo pipefail

# (use.sh)

apply() {
use node-1 converge VERSION
ask_first apply
ports node_exporter-tls.service 198.51.100.98:19100 prometheus-postgres-exporter.service 198.51.100.98:19187 promwire-relay-18080.socket 198.51.100.98:18080 promwire-certificate.socket 198.51.100.98:19099
space 10 /etc
space 10 /var/lib
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
other_firewalls tcp - 198.51.100.34 18080 19100 19187 19099
remove_temporary_key
close_unused_connections <<'END'
# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
END
identity_folder
not_monitor
only_dials
own_address 198.51.100.98
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
with_sandbox put /etc/systemd/system/node_exporter-tls.service 644 check_unit <<'END'
[Unit]
Description=Prometheus exporter of the host itself, for promwire's monitor only
StartLimitIntervalSec=0
Wants=node_exporter-tls.socket
PartOf=node_exporter-tls.socket

[Service]
User=node_exporter
Group=promwire
ExecStart=/usr/local/bin/node_exporter \
  --collector.textfile.directory=/var/lib/node_exporter/textfile \
  --web.config.file=/etc/promwire/tls/web.yml \
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
put /etc/systemd/system/node_exporter-tls.socket 644 check_unit <<'END'
[Unit]
Description=Where node_exporter-tls.service is scraped

[Socket]
ListenStream=198.51.100.98:19100
FreeBind=yes
TriggerLimitIntervalSec=0
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=198.51.100.98/32
IPAddressAllow=198.51.100.34/32

[Install]
WantedBy=sockets.target
END
refuse_owners_exporter prometheus-postgres-exporter.service prometheus-postgres-exporter
dir /etc/systemd/system/prometheus-postgres-exporter.service.d 755
with_sandbox put /etc/systemd/system/prometheus-postgres-exporter.service.d/promwire.conf 644 <<'END'
[Unit]
StartLimitIntervalSec=0
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=
EnvironmentFile=
ExecStart=/usr/bin/prometheus-postgres-exporter \
  --web.config.file=/etc/promwire/tls/web.yml \
  --web.listen-address=198.51.100.98:19187
SupplementaryGroups=promwire
Environment="DATA_SOURCE_NAME=user=prometheus host=/run/postgresql dbname=postgres"
Restart=always
RestartSec=3
MemoryHigh=15%
MemoryMax=20%
$SANDBOX
ProtectProc=default
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=198.51.100.98/32
IPAddressAllow=198.51.100.34/32

[Install]
WantedBy=multi-user.target
END
reread prometheus-postgres-exporter.service
put /etc/sysusers.d/promwire.conf 644 <<'END'
g promwire -
END
group promwire
trust <<'END'
-----BEGIN CERTIFICATE-----
1
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
2
-----END CERTIFICATE-----
END
certify node-1 1700000000 2592000 <<'END'
-----BEGIN CERTIFICATE-----
host
-----END CERTIFICATE-----
END
put /etc/promwire/tls/web.yml 440:root:promwire <<'END'
tls_server_config:
  cert_file: /etc/promwire/tls/certificate.pem
  key_file: /etc/promwire/tls/key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: /etc/promwire/tls/authorities.pem
  client_allowed_sans:
    - scraper.promwire.internal
  min_version: TLS13
END
packages prometheus-postgres-exporter
reread prometheus-postgres-exporter.service
packages stunnel4
dir /etc/promwire 755
put /etc/promwire/relay-18080.conf 644 <<'END'
; Logs of level warning go to the journal.
foreground = yes
syslog = no
debug = warning
cert = /etc/promwire/tls/certificate.pem
key = /etc/promwire/tls/key.pem
CAfile = /etc/promwire/tls/authorities.pem
verifyChain = yes
checkHost = scraper.promwire.internal
sslVersionMin = TLSv1.3
; Seconds: a handshake, a connection to the service, a connection that nobody uses.
TIMEOUTbusy = 10
TIMEOUTconnect = 5
TIMEOUTidle = 600
failover = prio
connect = 127.0.0.1:8080
connect = ::1:8080
connect = 198.51.100.98:8080
END
with_sandbox put /etc/systemd/system/promwire-relay-18080@.service 644 check_unit <<'END'
[Unit]
Description=Lead promwire's monitor, by its certificate, to port 8080 of this host
CollectMode=inactive-or-failed
PartOf=promwire-relay-18080.socket

[Service]
ExecStart=/usr/bin/stunnel4 /etc/promwire/relay-18080.conf
StandardInput=socket
StandardOutput=socket
StandardError=journal
SyslogLevel=warning
LogLevelMax=notice
DynamicUser=yes
User=promwire-relay
SupplementaryGroups=promwire
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
$SANDBOX
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=198.51.100.98/32
END
put /etc/systemd/system/promwire-relay-18080.socket 644 check_unit <<'END'
[Unit]
Description=Lead promwire's monitor, by its certificate, to port 8080 of this host

[Socket]
Accept=yes
MaxConnections=64
MaxConnectionsPerSource=16
TriggerLimitIntervalSec=0
FreeBind=yes
ListenStream=198.51.100.98:18080
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=198.51.100.98/32
IPAddressAllow=198.51.100.34/32

[Install]
WantedBy=sockets.target
END
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
firewall 6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202 <<'END'
#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	comment "6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202"
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	set scraped_ports {
		type inet_service
		elements = { 18080, 19099, 19100, 19187 }
	}

	# What the monitor scraped before an update.
	set former_ports {
		type inet_service
		flags timeout
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
		ip saddr { 198.51.100.0/24 } tcp dport 2222 counter name operator accept
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

		ip saddr 198.51.100.34 tcp dport @scraped_ports accept
		ip saddr 198.51.100.34 tcp dport @former_ports accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state new ct status dnat jump published
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
		oifname "lo" meta skuid 1000-60000 ip saddr . tcp sport { 198.51.100.98 . 19100, 198.51.100.98 . 19187 } drop
	}
}
include "/etc/promwire/uplinks*.nft"
END
service node_exporter-tls.socket
service node_exporter-tls.service /usr/local/bin/node_exporter
listens http://198.51.100.98:19100/ node_exporter-tls.service
prune node_exporter 1.2.3
service prometheus-postgres-exporter.service /usr/bin/prometheus-postgres-exporter /etc/systemd/system/prometheus-postgres-exporter.service.d/promwire.conf
listens http://198.51.100.98:19187/ prometheus-postgres-exporter.service
packaged_exporters prometheus-postgres-exporter.service
service promwire-relay-18080.socket /etc/promwire/relay-18080.conf /etc/systemd/system/promwire-relay-18080@.service
speaks_tls https://198.51.100.98:18080/ promwire-relay-18080.socket
relays_only 8080 18080
from_library receive put /usr/local/lib/promwire/receive 755 bash -n
with_sandbox put /etc/systemd/system/promwire-certificate@.service 644 check_unit <<'END'
[Unit]
Description=Install a renewed certificate of this host
CollectMode=inactive-or-failed

[Service]
ExecStart=/usr/local/lib/promwire/receive
StandardInput=socket
StandardOutput=socket
StandardError=journal
RuntimeMaxSec=30
ReadWritePaths=/etc/promwire/tls /var/lib/promwire /var/lib/node_exporter/textfile
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
RuntimeDirectory=promwire
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
$SANDBOX
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE
SystemCallFilter=@chown
END
put /etc/systemd/system/promwire-certificate.socket 644 check_unit <<'END'
[Unit]
Description=Renewed certificates of this host, from promwire's monitor

[Socket]
Accept=yes
MaxConnections=4
FreeBind=yes
ListenStream=198.51.100.98:19099
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=198.51.100.98/32
IPAddressAllow=198.51.100.34/32

[Install]
WantedBy=sockets.target
END
service promwire-certificate.socket
ports_held
remove_unit promwire-fence.timer
remove /var/lib/node_exporter/textfile/promwire_fence.prom
remove_unit promwire-fence-asked.socket
remove_unit promwire-lookup.service
from_library watch put /usr/local/lib/promwire/watch 755 bash -n
record file /var/lib/node_exporter/textfile/promwire_watch.prom
with_sandbox put /etc/systemd/system/promwire-watch.service 644 check_unit <<'END'
[Unit]
Description=Heal what promwire made on this host

[Service]
Type=oneshot
ExecStart=/usr/local/lib/promwire/watch /var/lib/node_exporter/textfile/promwire_watch.prom
TimeoutStartSec=3min
SyslogLevel=notice
LogLevelMax=notice
ReadWritePaths=/var/lib/promwire /var/lib/node_exporter/textfile /etc/promwire
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
stop_later node_exporter.socket node_exporter.service promwire-relay-8080.socket
remove_former_identity
installed promwire 0.2.0-dev
still_on_trial 6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202
keep_receipt 6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202
}

confirm() {
use node-1 confirm VERSION
confirm_firewall 6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202
read_links
kept_receipt 6a2250fb38b8d63d1335682e9e5d7b4b75a441a205d610fb30f8e740c049d202
}

case ${1-} in
apply) apply </dev/null ;;
confirm) confirm </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
