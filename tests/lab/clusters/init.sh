# The first process of a cluster's node, in fresh network, mount, PID, UTS and IPC namespaces: it makes the node's file system and
# runs all programs of the node, each again when it ends. Whoever ends this process ends all of them, pods too.
# shellcheck shell=bash
set -euo pipefail

# A cluster outlives whoever started it, and must not hold what that one had open: locks, pipes.
for descriptor in /proc/self/fd/*; do
	descriptor=${descriptor##*/}
	if ((descriptor > 2)); then
		exec {descriptor}>&-
	fi
done

# The node sees this machine's programs, read-only, and its own disk as /node. All else that it writes is in memory, and gone with it.
file_system() {
	mount -t tmpfs -o mode=755 node "$ROOT"
	local dir
	for dir in bin sbin lib lib32 lib64 libx32 usr etc; do
		if [[ -L /$dir ]]; then
			cp -P "/$dir" "$ROOT/$dir"
		elif [[ -d /$dir ]]; then
			mkdir "$ROOT/$dir"
			mount --bind "/$dir" "$ROOT/$dir"
			mount -o remount,bind,ro "$ROOT/$dir"
		fi
	done
	mkdir -p "$ROOT"/{dev,proc,sys,run/lock,run/netns,tmp,root,node,old,var/log,var/lib/kubelet}
	ln -s /run "$ROOT/var/run"
	mount --rbind /dev "$ROOT/dev"
	mount -t proc proc "$ROOT/proc"
	mount -t sysfs sysfs "$ROOT/sys"
	mount --rbind /sys/fs/cgroup "$ROOT/sys/fs/cgroup"
	mount --bind "$DISK" "$ROOT/node"
	# Pods' own folders are there as long as the pods.
	mount --bind "$DISK/kubelet" "$ROOT/var/lib/kubelet"
	mount --bind "$DISK/log" "$ROOT/var/log"
	# A file stands for each program until the program is mounted on it. PROGRAMS has a line for each: its name, its path.
	local program path
	while read -r program path; do
		: >"$DISK/programs/$program"
		mount --bind "$path" "$ROOT/node/programs/$program"
	done <<<"$PROGRAMS"
	cd "$ROOT"
	pivot_root . old
	umount --lazy /old
	mount --make-rshared /
}

# The kubelet sets these for the whole machine, if they aren't so: it is shown files where they are.
kernel() {
	mkdir /run/kernel
	local setting file
	for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
		kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
		file=/run/kernel/${setting//\//-}
		echo "${setting#*=}" >"$file"
		mount --bind "$file" "/proc/sys/${setting%=*}"
	done
}

# Who may speak to whom, except pods among themselves: that's the network plugin's part.
network() {
	sysctl --quiet net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=1
	if [[ -e /proc/sys/net/bridge ]]; then
		sysctl --quiet net.bridge.bridge-nf-call-iptables=1
	fi
	nft -f - <<-RULES
		table ip node {
			chain postrouting {
				type nat hook postrouting priority srcnat
				ip saddr $PODS oifname "eth0" masquerade
			}
			chain input {
				type filter hook input priority filter
				iifname "operator" ct state new tcp dport != $API_PORT drop
			}
			chain forward {
				type filter hook forward priority filter
				iifname "operator" drop
				oifname "operator" drop
			}
			chain output {
				type filter hook output priority filter
				oifname "operator" ct state new drop
			}
		}
	RULES
}

# keep PROGRAM COMMAND… runs a program again and again; what it says is in /node/log.
keep() {
	local program=$1
	shift
	while true; do
		"$@" >>"/node/log/$program.log" 2>&1 </dev/null || echo "$program ended with status $?"
		sleep 1
	done &
}

control_plane() {
	local peer=http://127.0.0.1:2380 store=http://127.0.0.1:2379
	keep etcd etcd --name=node --data-dir=/node/etcd --listen-client-urls=$store --advertise-client-urls=$store \
		--listen-peer-urls=$peer --initial-advertise-peer-urls=$peer --initial-cluster=node=$peer --unsafe-no-fsync
	keep kube-apiserver kube-apiserver --etcd-servers=$store --advertise-address="$ADDRESS" --secure-port="$API_PORT" \
		--tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
		--kubelet-client-certificate=pki/kubelet-client.crt --kubelet-client-key=pki/kubelet-client.key \
		--kubelet-certificate-authority=pki/ca.crt --kubelet-preferred-address-types=InternalIP \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file=pki/accounts.key \
		--service-account-signing-key-file=pki/accounts.key --service-cluster-ip-range="$SERVICES" \
		--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true
	keep kube-controller-manager kube-controller-manager --kubeconfig=pki/controller-manager.conf \
		--use-service-account-credentials --service-account-private-key-file=pki/accounts.key --root-ca-file=pki/ca.crt \
		--cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key --leader-elect=false
	keep kube-scheduler kube-scheduler --kubeconfig=pki/scheduler.conf --leader-elect=false
}

node() {
	keep containerd containerd --config=containerd.toml
	keep kubelet kubelet --config=kubelet.yaml --kubeconfig=pki/kubelet.conf --hostname-override="$NAME" --node-ip="$ADDRESS"
	keep kube-proxy kube-proxy --kubeconfig=pki/proxy.conf --proxy-mode=iptables --cluster-cidr="$PODS" \
		--hostname-override="$NAME" --conntrack-max-per-core=0
	if [[ $PLUGIN == calico ]]; then
		local -x KUBECONFIG=/node/pki/admin.conf FELIX_DATASTORETYPE=kubernetes FELIX_FELIXHOSTNAME=$NAME
		local -x FELIX_IPTABLESBACKEND=nft FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT FELIX_LOGFILEPATH=none
		local -x FELIX_IPV6SUPPORT=false FELIX_IPINIPENABLED=false FELIX_VXLANENABLED=false FELIX_WIREGUARDENABLED=false
		local -x FELIX_BPFENABLED=false FELIX_XDPENABLED=false FELIX_USAGEREPORTINGENABLED=false
		keep felix calico felix /node/felix.cfg
	fi
}

file_system
kernel
network
hostname "$NAME"
cd /node
export PATH=/node/programs:$PATH
control_plane
node
wait
