package release

import (
	"strings"
	"testing"
)

var sum = strings.Repeat("0f", 32)

func TestURL(t *testing.T) {
	r := Release{Name: "node_exporter", Version: "1.2.3"}
	const path = "/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-arm64.tar.gz"
	for mirror, want := range map[string]string{
		"":                            "https://github.com" + path,
		"http://198.51.100.1:8080":    "http://198.51.100.1:8080" + path,
		"https://mirror.example/get/": "https://mirror.example/get" + path,
	} {
		if got := r.URL(mirror, "arm64"); got != want {
			t.Errorf("mirror %q: %s, want %s", mirror, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Release
		want string // "": accepted
	}{
		{"both", Release{"x", "1.2.3", map[string]string{"amd64": sum, "arm64": sum}}, ""},
		{"one", Release{"x", "1.2.3-rc.1", map[string]string{"arm64": sum}}, ""},
		{"a leading v", Release{"x", "v1.2.3", map[string]string{"amd64": sum}}, "version"},
		{"no version", Release{"x", "", map[string]string{"amd64": sum}}, "version"},
		{"a path", Release{"x", "1.2.3/../..", map[string]string{"amd64": sum}}, "version"},
		{"no sum", Release{"x", "1.2.3", nil}, "no sha256"},
		{"half a sum", Release{"x", "1.2.3", map[string]string{"amd64": sum[:40]}}, "sha256 of amd64"},
		{"capitals", Release{"x", "1.2.3", map[string]string{"amd64": strings.ToUpper(sum)}}, "sha256 of amd64"},
		{"another machine", Release{"x", "1.2.3", map[string]string{"riscv64": sum}}, `sha256 of "riscv64"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.r.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestPinned: what this package pins can be installed on all architectures.
func TestPinned(t *testing.T) {
	for _, r := range []Release{NodeExporter, BlackboxExporter, Prometheus, Pushgateway} {
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		for _, arch := range Architectures {
			if r.SHA256[arch] == "" {
				t.Errorf("%s %s: no sha256 for %s", r.Name, r.Version, arch)
			}
		}
	}
}
