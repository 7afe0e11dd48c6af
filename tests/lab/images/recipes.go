package images

import (
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/promwire/promwire/tests/lab/setup"
)

// recipe says how one image is made.
type recipe struct {
	name   string
	parts  []setup.Part // what its layers take from the set-up
	layers []func(kitchen) (tree, error)
	config v1.Config
}

// recipes are the images, sorted by name. Paths, users and entry points are those of the upstream images, so that the
// program's pods run with either.
var recipes = []recipe{
	{
		name: "coredns", parts: []setup.Part{setup.Images},
		layers: []func(kitchen) (tree, error){tool("coredns", "/coredns")},
		config: v1.Config{Entrypoint: []string{"/coredns"}}, // as root, for port 53
	},
	{
		name:   "kube-state-metrics",
		layers: []func(kitchen) (tree, error){own("kubestate", "/kube-state-metrics")},
		config: v1.Config{Entrypoint: []string{"/kube-state-metrics"}, User: nobody},
	},
	{
		name: "nginx", parts: []setup.Part{setup.Packages},
		layers: []func(kitchen) (tree, error){base, nginx},
		config: v1.Config{Entrypoint: []string{"nginx", "-g", "daemon off;"}, User: nobody},
	},
	{
		name:   "pause",
		layers: []func(kitchen) (tree, error){own("pause", "/pause")},
		config: v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"},
	},
	{
		name: "prometheus", parts: []setup.Part{setup.Packages, setup.Tools},
		layers: []func(kitchen) (tree, error){
			base, busybox, tool("prometheus", "/bin/prometheus"), tool("promtool", "/bin/promtool"), writable("/prometheus"),
		},
		config: v1.Config{
			Entrypoint: []string{"/bin/prometheus"}, User: nobody, WorkingDir: "/prometheus",
			Cmd: []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
		},
	},
	{
		name: "pushgateway", parts: []setup.Part{setup.Packages, setup.Tools},
		layers: []func(kitchen) (tree, error){base, busybox, tool("pushgateway", "/bin/pushgateway"), writable("/pushgateway")},
		config: v1.Config{Entrypoint: []string{"/bin/pushgateway"}, User: nobody, WorkingDir: "/pushgateway"},
	},
	{
		name:   "reflect",
		layers: []func(kitchen) (tree, error){own("reflect", "/reflect")},
		config: v1.Config{Entrypoint: []string{"/reflect"}, User: nobody},
	},
	{
		name: "wireproxy", parts: []setup.Part{setup.Images},
		layers: []func(kitchen) (tree, error){tool("wireproxy", "/usr/bin/wireproxy")},
		config: v1.Config{
			Entrypoint: []string{"/usr/bin/wireproxy"}, User: nobody, Cmd: []string{"--config", "/etc/wireproxy/config"},
		},
	},
}

// nobody is the images' user, in digits: otherwise the kubelet can't check that it isn't root.
const nobody = "65534:65534"

// base is what programs expect of any system.
func base(kitchen) (tree, error) {
	return tree{
		"/etc/passwd": {text: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"},
		"/etc/group":  {text: "root:x:0:\nnobody:x:65534:\n"},
		"/" + "tmp":   {folder: true, mode: 0o1777},
	}, nil
}

// tool is a program that the set-up built.
func tool(name, path string) func(kitchen) (tree, error) {
	return func(k kitchen) (tree, error) {
		return tree{path: {file: filepath.Join(k.folder.Bin(), name), mode: 0o755}}, nil
	}
}

// writable is a folder that nobody owns, the user of the images.
func writable(path string) func(kitchen) (tree, error) {
	return func(kitchen) (tree, error) { return tree{path: {folder: true, mode: 0o755, owner: 65534}}, nil }
}
