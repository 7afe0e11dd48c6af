#!/usr/bin/env bash
# Makes the machines of a stack machines in use, each in its own way: real programs, as their owner would install and configure them.
# Arguments: the machine's name; its address and the other one's for VRRP.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

install_packages() { apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@" >/dev/null; }

# firewalld admits SSH, and what promwire asks for; Docker, which tells firewalld of its bridges, publishes a port beside it. The owner has
# Prometheus of Debian's package, with a database and files of his.
prepare_monitor-1() {
	install_packages busybox-static crun curl docker.io firewalld nftables prometheus
	# cloud-init of Debian 12 waits for the network before sysinit.target, and the network waits for firewalld, which starts after that. systemd
	# breaks the cycle at boot by leaving one of them out, which may be firewalld.
	touch /etc/cloud/cloud-init.disabled
	systemctl stop cloud-init-hotplugd.socket
	systemctl daemon-reload # its target is no longer wanted, as after the next boot
	echo '# of the owner' >>/etc/prometheus/prometheus.yml
	echo 'ARGS="--web.listen-address=127.0.0.1:9090"' >/etc/default/prometheus
	systemctl restart prometheus
	firewall-cmd --quiet --permanent --add-port=51820/udp
	firewall-cmd --quiet --reload
	runs_docker
	chgrp prometheus /etc/prometheus
	chmod 750 /etc/prometheus
	echo 'groups: []' | install -m 640 -g prometheus /dev/stdin /etc/prometheus/own.yml
}

# Another VPN whose key a group may read, a table of nftables, a shop, its metrics, and one of two that share an address.
prepare_web-1() {
	install_packages keepalived nftables wireguard-go wireguard-tools
	chown root:systemd-network /etc/wireguard
	chmod 750 /etc/wireguard
	wg genkey | install -m 640 -g systemd-network /dev/stdin /etc/wireguard/office0.key
	cat >/etc/systemd/system/office-vpn.service <<-'END'
		[Service]
		Environment=WG_PROCESS_FOREGROUND=1
		ExecStartPre=/sbin/runuser -u systemd-network -- test -r /etc/wireguard/office0.key
		ExecStart=/usr/bin/wireguard-go office0
		ExecStartPost=/bin/sh -c 'until wg show office0; do sleep 0.1; done; \
			wg set office0 listen-port 51900 private-key /etc/wireguard/office0.key && ip address add 10.97.1.1/24 dev office0 && ip link set office0 up'
		[Install]
		WantedBy=multi-user.target
	END
	install -d -m 750 /etc/systemd/system/shop.service.d
	cat >/etc/systemd/system/shop.service <<-'END'
		[Service]
		DynamicUser=yes
		ExecStart=/usr/bin/python3 -m http.server --directory /usr/local/share/shop 80
		[Install]
		WantedBy=multi-user.target
	END
	printf '[Service]\nExecStart=\nExecStart=/usr/bin/python3 -m http.server --directory /usr/local/share/shop 8443\n' >/etc/systemd/system/shop.service.d/port.conf
	install -d /usr/local/share/shop /var/lib/node_exporter/textfile
	echo 'what the shop says' >/usr/local/share/shop/index.html
	echo 'shop_stock 3' >/var/lib/node_exporter/textfile/shop.prom
	cat >/etc/nftables.conf <<-'END'
		#!/usr/sbin/nft -f
		table inet shop
		delete table inet shop
		table inet shop {
			chain input {
				type filter hook input priority 10; policy accept;
				tcp dport 8444 counter drop
			}
		}
	END
	systemctl daemon-reload
	systemctl enable --quiet --now nftables office-vpn shop
	shares_address 50 "$@"
}

# Docker with a published port, fail2ban with somebody banned, and the other one of the two that share an address.
prepare_db-1() {
	install_packages busybox-static crun docker.io fail2ban keepalived nftables python3-systemd
	printf '[sshd]\nenabled = true\nbackend = systemd\nbantime = -1\n' >/etc/fail2ban/jail.d/own.local
	systemctl restart fail2ban
	until fail2ban-client set sshd banip 203.0.113.9; do sleep 0.2; done
	runs_docker
	shares_address 100 "$@"
	runuser -u admin -- sudo true # which leaves a note in the folder of the user at the first time
}

# ufw admits SSH, containers to one port, and what comes through promwire's tunnel. Docker publishes ports beside it.
prepare_cache-1() {
	install_packages busybox-static crun docker-cli docker.io nftables ufw
	ufw allow ssh
	ufw allow in on docker0 to any port 8082 proto tcp
	ufw allow in on promwire0 # the last one, as after it is admitted again
	ufw --force enable
	# Now its settings of the kernel are those of every later boot, where they come before the links.
	systemctl restart ufw
	sysctl --quiet net.ipv{4,6}.conf.docker0.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0
	runs_docker
}

# runs_docker makes Docker run a container, the shop, that publishes port 8080.
runs_docker() {
	# A machine of the lab may have no keyrings, and no cgroups of its own.
	cat >/usr/local/bin/runtime <<-'END'
		#!/bin/bash
		for word; do
			shift
			set -- "$@" "$word"
			[ "$word" != create ] || set -- "$@" --no-new-keyring
		done
		exec crun --cgroup-manager=disabled "$@"
	END
	chmod +x /usr/local/bin/runtime
	echo '{"default-runtime": "lab", "runtimes": {"lab": {"path": "/usr/local/bin/runtime"}}}' >/etc/docker/daemon.json
	systemctl restart docker
	image=$(mktemp --directory)
	install -D /bin/busybox "$image/bin/busybox"
	echo 'what a container says' >"$image/index.html"
	tar -C "$image" -c . | docker import - container
	rm -r "$image"
	docker run --detach --name shop --restart always --publish 8080:80 container /bin/busybox httpd -f -h /
}

# shares_address PRIORITY OWN OTHER: by VRRP, which is protocol 112. Who hears nothing of the other has the address itself.
shares_address() {
	cat >/etc/keepalived/keepalived.conf <<-END
		vrrp_instance shop {
			interface eth0
			virtual_router_id 51
			priority $1
			advert_int 1
			unicast_src_ip $2
			unicast_peer {
				$3
			}
			virtual_ipaddress {
				10.97.0.9/32 dev lo
			}
		}
	END
	systemctl enable --quiet keepalived
	systemctl restart keepalived
}

name=$1
shift
"prepare_$name" "$@"
