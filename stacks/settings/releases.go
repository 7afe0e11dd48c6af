package settings

import (
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/stacks/settings/document"
)

// version is a release's number as Prometheus's projects write them, pre-releases such as 3.0.0-rc.1 included.
var version = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?$`)

// sumBytes is the size of a SHA-256 checksum.
const sumBytes = 32

func (c *checker) releases(r document.Releases) plan.Releases {
	mirror := c.mirror("releases.mirror", r.Mirror)
	c.pinned = map[string]release.Release{}
	for _, exporter := range []release.Release{
		c.release("nodeExporter", r.NodeExporter, release.NodeExporter),
		c.release("blackboxExporter", r.BlackboxExporter, release.BlackboxExporter),
	} {
		c.pinned[exporter.Name] = exporter
	}
	return plan.Releases{
		Mirror:      mirror,
		Prometheus:  c.release("prometheus", r.Prometheus, release.Prometheus),
		Pushgateway: c.release("pushgateway", r.Pushgateway, release.Pushgateway),

		Alertmanager: c.release("alertmanager", r.Alertmanager, release.Alertmanager),
	}
}

// mirror checks a base address. Plain http is enough, as what comes from there is checked by its sum.
func (c *checker) mirror(path, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		c.Add(path, "%q is not an address to download from; write it like https://mirror.example.com/github", text)
		return ""
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		c.Add(path, "must be a plain base address, without user, ? or #")
	}
	return strings.TrimRight(text, "/")
}

// release is the program's own, or another one whose checksums the stack file must bring along.
func (c *checker) release(key string, r document.Release, own release.Release) release.Release {
	path := "releases." + key
	sums := c.sums(path+".sha256", r.SHA256)
	pinned := or(r.Version, own.Version)
	switch {
	case strings.HasPrefix(pinned, "v"):
		c.Add(path+".version", "%q: leave out the v", pinned)
	case !version.MatchString(pinned):
		c.Add(path+".version", "%q is not a version; write it like 1.2.3", pinned)
	case r.Version == "" && len(sums) > 0:
		c.Add(path+".version", "missing: checksums belong to one version; write which")
	case pinned != own.Version && r.SHA256 == document.Sums{}:
		c.Add(path+".sha256", "missing: promwire knows only those of its own version; copy those of %s from the release's sha256sums.txt",
			pinned)
	}
	if len(sums) == 0 {
		sums = own.SHA256
	}
	return release.Release{Name: own.Name, Version: pinned, SHA256: sums}
}

func (c *checker) sums(path string, s document.Sums) map[string]string {
	sums := map[string]string{}
	for _, arch := range []struct{ name, sum string }{{"amd64", s.AMD64}, {"arm64", s.ARM64}} {
		if arch.sum == "" {
			continue
		}
		if b, err := hex.DecodeString(arch.sum); err != nil || len(b) != sumBytes {
			c.Add(path+"."+arch.name, "is not a SHA-256 checksum, which has %d hexadecimal digits", 2*sumBytes)
			continue
		}
		sums[arch.name] = strings.ToLower(arch.sum)
	}
	return sums
}
