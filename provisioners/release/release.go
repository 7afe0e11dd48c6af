// Package release has the upstream releases that hosts run: the URLs and checksums of their archives.
package release

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// DefaultMirror is where the Prometheus project publishes its releases. A mirror has the same paths below another base.
const DefaultMirror = "https://github.com"

// Binaries is where a host finds what releases install.
const Binaries = "/usr/local/bin"

// Homes is where releases are, a folder each: NAME-VERSION.
const Homes = "/opt/promwire"

// Architectures are those that hosts may have, by Debian's (and Go's) names.
var Architectures = []string{"amd64", "arm64"}

// Release is one version of one program of the Prometheus project.
type Release struct {
	Name    string            // of the project and of its main binary, such as "node_exporter"
	Version string            // such as "1.12.1", without a leading v
	SHA256  map[string]string // hex digest of the archive, by architecture; a missing one can't be installed there
}

// Home is the folder where a host has the release.
func (r Release) Home() string { return Homes + "/" + r.Name + "-" + r.Version }

// URL is that of an architecture's archive. An empty mirror is DefaultMirror.
func (r Release) URL(mirror, arch string) string {
	if mirror == "" {
		mirror = DefaultMirror
	}
	return fmt.Sprintf("%s/prometheus/%s/releases/download/v%s/%s-%s.linux-%s.tar.gz",
		strings.TrimSuffix(mirror, "/"), r.Name, r.Version, r.Name, r.Version, arch)
}

var (
	version = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	digest  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check refuses a release that no host could install: a malformed version, no checksum at all, a malformed one, or one of an
// architecture that no host has.
func (r Release) Check() error {
	if !version.MatchString(r.Version) {
		return fmt.Errorf("%s: version %q is not like 1.2.3", r.Name, r.Version)
	}
	if len(r.SHA256) == 0 {
		return fmt.Errorf("%s %s: no sha256; name one for amd64, arm64 or both", r.Name, r.Version)
	}
	for _, arch := range slices.Sorted(maps.Keys(r.SHA256)) {
		if !slices.Contains(Architectures, arch) {
			return fmt.Errorf("%s %s: sha256 of %q: hosts are %s", r.Name, r.Version, arch, strings.Join(Architectures, " or "))
		}
		if !digest.MatchString(r.SHA256[arch]) {
			return fmt.Errorf("%s %s: sha256 of %s: %q is not 64 lower-case hex digits", r.Name, r.Version, arch, r.SHA256[arch])
		}
	}
	return nil
}
