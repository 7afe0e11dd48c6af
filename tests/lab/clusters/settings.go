package clusters

import (
	"fmt"
	"net/netip"
)

// apiPort is the API server's, on both links.
const apiPort = 6443

// Files of the node, which sees its disk there.
const (
	onNode        = "/node/"
	containerdRun = "/run/containerd/containerd.sock"
)

// credential is what a client or server of the cluster is known by.
type credential struct {
	file      string // in pki, without its ending
	user      string
	groups    []string
	names     []string
	addresses []netip.Addr
}

// credentials are those of every user in the cluster that RBAC's own roles name, of the API server as server and as the
// kubelet's client, and of the administrator.
func credentials(n node) []credential {
	masters := []string{"system:masters"}
	return []credential{
		{file: "admin", user: "admin", groups: masters},
		{file: "kubelet-client", user: "kube-apiserver", groups: masters},
		{file: "controller-manager", user: "system:kube-controller-manager"},
		{file: "scheduler", user: "system:kube-scheduler"},
		{file: "proxy", user: "system:kube-proxy"},
		{
			file: "kubelet", user: "system:node:" + n.Name, groups: []string{"system:nodes"},
			names: []string{n.Name}, addresses: []netip.Addr{n.plan.node},
		},
		{
			file: "apiserver", user: "kube-apiserver",
			names:     []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"},
			addresses: []netip.Addr{n.plan.node, n.api, n.service(1), netip.AddrFrom4([4]byte{127, 0, 0, 1})},
		},
	}
}

// containerd is its configuration. The kernel lets nobody lower what a container's OOM score starts from, so it's not asked to.
func containerd(n node) string {
	return fmt.Sprintf(`version = 2
root = "/node/containerd"
state = "/run/containerd"

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/node/programs"
  conf_dir = "/node/cni"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`, containerdRun, n.pause)
}

// kubelet is its configuration; see KubeletConfiguration of kubelet.config.k8s.io/v1beta1.
func kubelet(n node) map[string]any {
	type object = map[string]any
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": object{
			"anonymous": object{"enabled": false}, "webhook": object{"enabled": true},
			"x509": object{"clientCAFile": onNode + "pki/ca.crt"},
		},
		"authorization": object{"mode": "Webhook"},
		"tlsCertFile":   onNode + "pki/kubelet.crt", "tlsPrivateKeyFile": onNode + "pki/kubelet.key",
		"containerRuntimeEndpoint": "unix://" + containerdRun,
		"cgroupDriver":             "cgroupfs", "cgroupRoot": n.group, "cgroupsPerQOS": true, "failCgroupV1": false,
		"enforceNodeAllocatable": []string{"pods"},
		"clusterDNS":             []netip.Addr{n.service(dnsService)}, "clusterDomain": "cluster.local",
		"resolvConf": onNode + "resolv.conf", "failSwapOn": false, "oomScoreAdj": 0,
		// How soon pods have a changed ConfigMap. (In other clusters that takes a minute or more.)
		"syncFrequency": "5s",
		// The disk is the operator's machine's, and how full that is is not the cluster's business.
		"imageGCHighThresholdPercent": 100,
		"evictionHard": object{
			"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "memory.available": "50Mi",
		},
	}
}

// network is the configuration of the pods' network; see the specification of CNI.
func network(n node) map[string]any {
	type object = map[string]any
	ipam := object{"type": "host-local", "ranges": [][]object{{{"subnet": n.pods}}}, "routes": []object{{"dst": "0.0.0.0/0"}}}
	first := object{"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true, "ipam": ipam}
	if n.Plugin == Calico {
		first = object{
			"type": "calico", "log_level": "warning", "log_file_path": onNode + "log/cni.log",
			"datastore_type": "kubernetes", "nodename": n.Name, "nodename_file_optional": true, "mtu": 1500, "ipam": ipam, "policy": object{"type": "k8s"},
			"kubernetes": object{"kubeconfig": onNode + "pki/admin.conf"},
		}
	}
	ports := object{"type": "portmap", "snat": true, "capabilities": object{"portMappings": true}}
	return object{"cniVersion": "0.3.1", "name": "pods", "plugins": []object{first, ports}}
}

// dnsService is the number of the DNS's address among the services', and the API's is 1.
const dnsService = 10
