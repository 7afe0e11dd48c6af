#!/usr/bin/env bash
# promwire: what the monitor watcher must be
set -euo pipefail

# (use.sh)

apply() {
use watcher converge VERSION
ask_first apply
ports node_exporter.service 10.98.0.1:9100 node_exporter.service '[fd98:1:2:3::1]:9100' blackbox_exporter.service 127.0.0.1:9115 prometheus.service 127.0.0.1:9090 prometheus.service 10.98.0.1:9090 prometheus.service '[fd98:1:2:3::1]:9090' pushgateway.service 10.98.0.1:9091 pushgateway.service '[fd98:1:2:3::1]:9091' alertmanager.service 127.0.0.1:9093
space 10 /etc
space 10 /var/lib
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
other_firewalls udp - - 51820
other_forwards 10.98.0.2 5432
other_edge 10.98.0.2 9090
remove_temporary_key
close_unused_connections <<'END'
# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
END
identity_folder
release prometheus 3.2.1 640 <<'END'
amd64 https://github.com/prometheus/prometheus/releases/download/v3.2.1/prometheus-3.2.1.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/prometheus/releases/download/v3.2.1/prometheus-3.2.1.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
link_release prometheus 3.2.1 prometheus promtool
not_target
dir /etc/wireguard/promwire0.d 700
put /etc/wireguard/promwire0.d/interface.conf 600 <<'END'
[Interface]
Address = 10.98.0.1/22
Address = fd98:1:2:3::1/64
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
tunnel 1420 10.98.0.1/22 fd98:1:2:3::1/64
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
ListenStream=10.98.0.1:9100
ListenStream=[fd98:1:2:3::1]:9100
FreeBind=yes
TriggerLimitIntervalSec=0
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128

[Install]
WantedBy=sockets.target
END
release blackbox_exporter 1.2.3 64 <<'END'
amd64 https://github.com/prometheus/blackbox_exporter/releases/download/v1.2.3/blackbox_exporter-1.2.3.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/blackbox_exporter/releases/download/v1.2.3/blackbox_exporter-1.2.3.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
put /etc/sysusers.d/blackbox_exporter.conf 644 <<'END'
u blackbox_exporter - "Prometheus exporter of what others see of a URL by HTTP, TCP and ICMP, and of its certificate" /nonexistent /usr/sbin/nologin
END
user blackbox_exporter
knows_flags blackbox /opt/promwire/blackbox_exporter-1.2.3/blackbox_exporter --version --config.file=/etc/promwire/blackbox.yml --web.external-url=http://127.0.0.1:9115/
link_release blackbox_exporter 1.2.3 blackbox_exporter
dir /etc/promwire 755
put /etc/promwire/blackbox.yml 644 <<'END'
modules:
  http: {prober: http, timeout: 9s, http: {preferred_ip_protocol: ip4}}
  tcp: {prober: tcp, timeout: 9s, tcp: {preferred_ip_protocol: ip4}}
  tls: {prober: tcp, timeout: 9s, tcp: {preferred_ip_protocol: ip4, tls: true}}
  icmp: {prober: icmp, timeout: 9s, icmp: {preferred_ip_protocol: ip4}}
END
with_sandbox put /etc/systemd/system/blackbox_exporter.service 644 check_unit <<'END'
[Unit]
Description=Prometheus exporter of what others see of a URL by HTTP, TCP and ICMP, and of its certificate, for promwire's monitor only
StartLimitIntervalSec=0
Wants=blackbox_exporter.socket
PartOf=blackbox_exporter.socket

[Service]
User=blackbox_exporter
Group=blackbox_exporter
ExecStart=/usr/local/bin/blackbox_exporter \
  --config.file=/etc/promwire/blackbox.yml \
  --web.external-url=http://127.0.0.1:9115/ \
  --web.systemd-socket
Restart=always
RestartSec=3
MemoryHigh=15%
MemoryMax=20%
$SANDBOX
RemoveIPC=yes
CapabilityBoundingSet=CAP_NET_RAW
AmbientCapabilities=CAP_NET_RAW
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX

[Install]
WantedBy=multi-user.target
END
put /etc/systemd/system/blackbox_exporter.socket 644 check_unit <<'END'
[Unit]
Description=Where blackbox_exporter.service is scraped

[Socket]
ListenStream=127.0.0.1:9115
FreeBind=yes
TriggerLimitIntervalSec=0
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=127.0.0.1/32

[Install]
WantedBy=sockets.target
END
put /etc/sysusers.d/prometheus.conf 644 <<'END'
u prometheus - "Prometheus" /nonexistent /usr/sbin/nologin
END
user prometheus
dir /etc/prometheus 755
remove_unit promwire-renew.timer
release pushgateway 1.1.1 64 <<'END'
amd64 https://github.com/prometheus/pushgateway/releases/download/v1.1.1/pushgateway-1.1.1.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/pushgateway/releases/download/v1.1.1/pushgateway-1.1.1.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
link_release pushgateway 1.1.1 pushgateway
put /etc/sysusers.d/pushgateway.conf 644 <<'END'
u pushgateway - "Pushgateway" /nonexistent /usr/sbin/nologin
END
user pushgateway
pushers backup report
with_sandbox put /etc/systemd/system/pushgateway.service 644 check_unit <<'END'
[Unit]
Description=Pushgateway, for batch jobs on hosts in the tunnel
Documentation=https://github.com/prometheus/pushgateway
StartLimitIntervalSec=0
BindsTo=wg-quick@promwire0.service
After=wg-quick@promwire0.service

[Service]
User=pushgateway
Group=pushgateway
ExecStart=/usr/local/bin/pushgateway \
  --web.config.file=/etc/pushgateway/web.yml \
  --persistence.file=/var/lib/pushgateway/metrics \
  --web.listen-address=10.98.0.1:9091 \
  --web.listen-address=[fd98:1:2:3::1]:9091
Restart=always
RestartSec=3
StateDirectory=pushgateway
StateDirectoryMode=0750
MemoryHigh=15%
MemoryMax=20%
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.0/22
IPAddressAllow=fd98:1:2:3::/64
$SANDBOX

[Install]
WantedBy=multi-user.target wg-quick@promwire0.service
END
release alertmanager 0.3.1 160 <<'END'
amd64 https://github.com/prometheus/alertmanager/releases/download/v0.3.1/alertmanager-0.3.1.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/alertmanager/releases/download/v0.3.1/alertmanager-0.3.1.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
link_release alertmanager 0.3.1 alertmanager amtool
put /etc/sysusers.d/alertmanager.conf 644 <<'END'
u alertmanager - "Alertmanager" /nonexistent /usr/sbin/nologin
END
user alertmanager
dir /etc/alertmanager 755
dir /var/lib/alertmanager 750 alertmanager
alertmanager_login
put /etc/alertmanager/alertmanager.yml 640:root:alertmanager amtool check-config <<'END'
global:
    smtp_from: fleet@example.net
    smtp_smarthost: mail.example.net:587
inhibit_rules:
    - equal:
        - name
      source_matchers:
        - alertname="TargetDown"
        - job="node"
        - role="target"
      target_matchers:
        - alertname!="TargetDown"
    - source_matchers:
        - alertname="HubDown"
      target_matchers:
        - alertname="TargetDown"
        - cause="hub"
receivers:
    - email_configs:
        - auth_password_file: /etc/alertmanager/secrets/mail
          auth_username: fleet
          to: ops@example.net
      name: ops
      webhook_configs:
        - url_file: /etc/alertmanager/secrets/pager
    - name: promwire-heartbeat
      webhook_configs:
        - send_resolved: false
          url_file: /etc/alertmanager/secrets/deadman
route:
    group_by:
        - alertname
        - region
    receiver: ops
    routes:
        - group_by:
            - alertname
            - run
          group_interval: 10s
          group_wait: 0s
          matchers:
            - alertname="PromwireTest"
          receiver: ops
        - group_by:
            - alertname
          group_interval: 1m
          group_wait: 0s
          matchers:
            - alertname="Watchdog"
          receiver: promwire-heartbeat
          repeat_interval: 30s
END
with_sandbox put /etc/systemd/system/alertmanager.service 644 check_unit <<'END'
[Unit]
Description=Alertmanager, of a fleet that nobody else can reach
Documentation=https://prometheus.io/docs/alerting/latest/alertmanager/
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
User=alertmanager
Group=alertmanager
ExecStart=/usr/local/bin/alertmanager \
  --config.file=/etc/alertmanager/alertmanager.yml \
  --web.config.file=/etc/alertmanager/web.yml \
  --storage.path=/var/lib/alertmanager \
  --web.listen-address=127.0.0.1:9093 \
  --cluster.listen-address= \
  --enable-feature=receiver-name-in-metrics \
  --web.external-url=https://example.net/alerts \
  --web.route-prefix=/
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=3
StateDirectory=alertmanager
StateDirectoryMode=0750
MemoryHigh=15%
MemoryMax=20%
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
$SANDBOX

[Install]
WantedBy=multi-user.target
END
web no ''
dir /etc/prometheus/rules.d 755
dir /etc/prometheus/targets.d 755
targets_by_job
dir /etc/prometheus/clusters.d 755
dir /var/lib/prometheus 750 prometheus
from_library history put /usr/local/lib/promwire/history 755 bash -n
page VERSION
from_library rules muted Healed RebootRequired -- put /etc/prometheus/rules.d/promwire.yml 644 promtool check rules
put /etc/prometheus/rules.d/promwire-heartbeat.yml 644 promtool check rules <<'END'
groups:
  - name: promwire-heartbeat
    rules:
      - alert: Watchdog
        expr: max_over_time(up{job="prometheus", role="monitor"}[60s]) == 1
        labels:
          severity: none
        annotations:
          summary: "Scraping, rules and alerting work"
END
put /etc/prometheus/rules.d/own-shop.yml 644 promtool check rules <<'END'
groups:
  - name: shop
    rules:
      - {record: shop:up, expr: sum(up)}
END
rules_only /etc/prometheus/rules.d/own-shop.yml
retention fit 8GB put /etc/prometheus/prometheus.yml 644 promtool check config <<'END'
global:
  scrape_interval: 15s
  scrape_timeout: 10s
  evaluation_interval: 15s
  sample_limit: 50000
  label_limit: 64
  label_name_length_limit: 256
  label_value_length_limit: 4096
  body_size_limit: 16MB
  extra_scrape_metrics: true

alerting:
  alertmanagers:
    - basic_auth: {username: admin, password_file: /etc/prometheus/tls/alertmanager.password}
      static_configs:
        - targets: ['127.0.0.1:9093']

storage:
  tsdb:
    retention:
      time: 15d
      size: 8GB

remote_write:
  - {"basic_auth":{"password_file":"/etc/prometheus/secrets/store","username":"fleet"},"url":"https://store.example.net/api/v1/write"}

rule_files:
  - /etc/prometheus/rules.d/*.yml

scrape_config_files:
  - /etc/prometheus/clusters.d/*.yml

scrape_configs:
  - job_name: node
    follow_redirects: false
    file_sd_configs:
      - files: ['/etc/prometheus/targets.d/*.node.json']
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: postgres
    follow_redirects: false
    file_sd_configs:
      - files: ['/etc/prometheus/targets.d/*.postgres.json']
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: redis
    follow_redirects: false
    file_sd_configs:
      - files: ['/etc/prometheus/targets.d/*.redis.json']
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: shop
    follow_redirects: false
    file_sd_configs:
      - files: ['/etc/prometheus/targets.d/*.shop.json']
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: prometheus
    follow_redirects: false
    static_configs:
      - targets: ['127.0.0.1:9090']
        labels: {"azone":"1","name":"watcher","region":"tor1","role":"monitor","team":"it's \"ours\""}
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: pushgateway
    honor_labels: false
    follow_redirects: false
    basic_auth:
      username: "prometheus"
      password_file: /etc/prometheus/tls/pushgateway.password
    static_configs:
      - targets: ['10.98.0.1:9091']
        labels: {"azone":"1","name":"watcher","region":"tor1","role":"monitor","team":"it's \"ours\""}
    relabel_configs:
      - source_labels: [name]
        target_label: instance
    metric_relabel_configs:
      - source_labels: [exported_job, exported_exported_job]
        regex: '(|backup|report);'
        action: keep
      - source_labels: [__name__]
        regex: 'promwire[_:].*'
        action: drop

  - job_name: alertmanager
    follow_redirects: false
    basic_auth: {username: admin, password_file: /etc/prometheus/tls/alertmanager.password}
    static_configs:
      - targets: ['127.0.0.1:9093']
        labels: {"azone":"1","name":"watcher","region":"tor1","role":"monitor","team":"it's \"ours\""}
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: blackbox
    follow_redirects: false
    metrics_path: /probe
    static_configs:
      - targets: ['127.0.0.1:9115']
        labels: {"__param_module":"http","__param_target":"https://shop.example.net/health?a='b'","instance":"https://shop.example.net/health?a='b'","name":"watcher"}
      - targets: ['127.0.0.1:9115']
        labels: {"__param_module":"tcp","__param_target":"198.51.100.7:5432","instance":"tcp://198.51.100.7:5432","name":"watcher"}
      - targets: ['127.0.0.1:9115']
        labels: {"__param_module":"tls","__param_target":"mail.example.net:993","instance":"tls://mail.example.net:993","name":"watcher"}
      - targets: ['127.0.0.1:9115']
        labels: {"__param_module":"icmp","__param_target":"2001:db8::1","instance":"icmp://[2001:db8::1]","name":"watcher"}
END
with_sandbox put /etc/systemd/system/prometheus.service 644 check_unit <<'END'
[Unit]
Description=Prometheus, of a fleet that nobody else can reach
Documentation=https://prometheus.io/docs/
Wants=wg-quick@promwire0.service
After=wg-quick@promwire0.service
StartLimitIntervalSec=0

[Service]
User=prometheus
Group=prometheus
ExecStart=/usr/local/bin/prometheus \
  --config.file=/etc/prometheus/prometheus.yml \
  --storage.tsdb.path=/var/lib/prometheus \
  --web.user-assets=/etc/prometheus/page \
  --scrape.discovery-reload-interval=1s \
  --rules.alert.resend-delay=15s \
  --web.external-url=https://example.net/prometheus \
  --web.route-prefix=/ \
  --web.listen-address=127.0.0.1:9090 \
  --web.listen-address=10.98.0.1:9090 \
  --web.listen-address=[fd98:1:2:3::1]:9090
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=3
TimeoutStopSec=120
LimitNOFILE=65536
ReadWritePaths=/var/lib/prometheus
MemoryHigh=75%
MemoryMax=80%
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
$SANDBOX

[Install]
WantedBy=multi-user.target
END
scrape _monitor.node http://10.98.0.1:9100/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.1:9100"
    ],
    "labels": {
      "azone": "1",
      "name": "watcher",
      "region": "tor1",
      "role": "monitor",
      "team": "it's \"ours\""
    }
  }
]
END
scrape_only _monitor node
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
firewall abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963 <<'END'
#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	comment "abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963"
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
		iifname != "promwire0" ip saddr { 192.168.7.9/32, 198.51.100.0/24 } tcp dport 22 counter name operator accept
		iifname != "promwire0" ip6 saddr { 2001:db8:5::/48 } tcp dport 22 counter name operator accept
		tcp dport 22 drop

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

		iifname != "promwire0" udp dport 51820 accept
		iifname "promwire0" ip saddr 10.98.0.0/22 tcp dport 9091 accept
		iifname "promwire0" ip6 saddr fd98:1:2:3::/64 tcp dport 9091 accept
		iifname "promwire0" ip saddr 10.98.0.2 tcp dport 9090 accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state new ct status dnat jump published
		iifname "promwire0" oifname "promwire0" ct state established,related accept
		iifname "promwire0" oifname "promwire0" ip saddr 10.98.0.2 ip daddr 10.98.0.3 tcp dport 5432 accept
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
		oifname "lo" meta skuid 1000-60000 ip saddr . tcp sport { 10.98.0.1 . 9090, 10.98.0.1 . 9091, 10.98.0.1 . 9100, 127.0.0.1 . 9090, 127.0.0.1 . 9093, 127.0.0.1 . 9115 } drop
		oifname "lo" meta skuid 1000-60000 ip6 saddr . tcp sport { fd98:1:2:3::1 . 9090, fd98:1:2:3::1 . 9091, fd98:1:2:3::1 . 9100 } drop
		oifname "promwire0" meta skuid 1000-60000 tcp flags & (syn | ack) == syn reject with tcp reset
	}
}
include "/etc/promwire/uplinks*.nft"
END
forwarding
service node_exporter.socket
service node_exporter.service /usr/local/bin/node_exporter
answers http://10.98.0.1:9100/ node_exporter.service
prune node_exporter 1.2.3
service blackbox_exporter.socket
service blackbox_exporter.service /usr/local/bin/blackbox_exporter /etc/promwire/blackbox.yml
answers http://127.0.0.1:9115/ blackbox_exporter.service
prune blackbox_exporter 1.2.3
packaged_exporters
service pushgateway.service /usr/local/bin/pushgateway
pushgateway_answers 10.98.0.1:9091
prune pushgateway 1.1.1
service alertmanager.service /usr/local/bin/alertmanager /etc/alertmanager/web.yml
reload alertmanager.service /etc/alertmanager/alertmanager.yml
alertmanager_answers
prune alertmanager 0.3.1
service prometheus.service /usr/local/bin/prometheus
answers http://127.0.0.1:9090/-/healthy prometheus.service
reload_prometheus
prune prometheus 3.2.1
ports_held
from_library causes put /usr/local/lib/promwire/causes 755 bash -n
record file /var/lib/node_exporter/textfile/promwire_causes.prom
with_sandbox put /etc/systemd/system/promwire-causes.service 644 check_unit <<'END'
[Unit]
Description=Find out why targets of promwire do not answer
After=prometheus.service

[Service]
Type=oneshot
User=prometheus
Group=prometheus
ExecStartPre=!/bin/rm -f /var/lib/node_exporter/textfile/promwire_causes.prom.new
ExecStart=/usr/local/lib/promwire/causes /var/lib/node_exporter/textfile/promwire_causes.prom http://127.0.0.1:9090
ExecStartPost=!/bin/mv /var/lib/node_exporter/textfile/promwire_causes.prom.new /var/lib/node_exporter/textfile/promwire_causes.prom
StandardOutput=append:/var/lib/node_exporter/textfile/promwire_causes.prom.new
StandardError=journal
TimeoutStartSec=90
SyslogLevel=notice
LogLevelMax=notice
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
ReadWritePaths=/var/lib/node_exporter/textfile
$SANDBOX
UMask=0022
END
put /etc/systemd/system/promwire-causes.timer 644 check_unit <<'END'
[Unit]
Description=Find out regularly why targets of promwire do not answer

[Timer]
OnActiveSec=10s
OnUnitInactiveSec=20s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
reread promwire-causes.service
service promwire-causes.timer
from_library watch put /usr/local/lib/promwire/watch 755 bash -n
record file /var/lib/node_exporter/textfile/promwire_watch.prom
with_sandbox put /etc/systemd/system/promwire-watch.service 644 check_unit <<'END'
[Unit]
Description=Heal what promwire made on this host

[Service]
Type=oneshot
ExecStart=/usr/local/lib/promwire/watch /var/lib/node_exporter/textfile/promwire_watch.prom 10.98.0.1/22 fd98:1:2:3::1/64
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
stop_later node_exporter-tls.socket node_exporter-tls.service blackbox_exporter-tls.socket blackbox_exporter-tls.service
remove_former_identity
installed promwire 0.2.0-dev
still_on_trial abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963
keep_receipt abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963
}

confirm() {
use watcher confirm VERSION
confirm_firewall abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963
read_links
kept_receipt abb87a673c09672105a21d4d8e55af1d42efc5439ab033084203a00fc74f2963
}

case ${1-} in
apply) apply </dev/null ;;
confirm) confirm </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
