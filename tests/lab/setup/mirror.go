package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Release is one archive of the lab's mirror.
type Release struct {
	Name    string            `json:"name"`    // such as "node_exporter"
	Version string            `json:"version"` // without "v", such as "1.12.1"
	SHA256  map[string]string `json:"sha256"`  // Go's name of the architecture to the archive's sum, hexadecimal
}

// Releases says what the mirror holds, sorted by name. It is an error if Ensure has not made the Mirror.
func Releases(f folder.Folder) ([]Release, error) {
	text, err := os.ReadFile(releasesFile(f))
	if err != nil {
		return nil, fmt.Errorf("list the lab's release archives: %w; make them with setup.Ensure", err)
	}
	var releases []Release
	if err := json.Unmarshal(text, &releases); err != nil {
		return nil, fmt.Errorf("list the lab's release archives: %s: %w", releasesFile(f), err)
	}
	return releases, nil
}

// MirrorFolder is what the lab's mirror serves: below it archives have the paths that they have upstream, that is
// /prometheus/NAME/releases/download/vVERSION/NAME-VERSION.linux-ARCH.tar.gz.
func MirrorFolder(f folder.Folder) string { return filepath.Join(f.Cache, "mirror") }

func releasesFile(f folder.Folder) string { return filepath.Join(f.Cache, "releases.json") }

// archive says what upstream puts into a release's archive.
type archive struct {
	name     string
	binaries []string          // from folder.Bin; the first tells the version
	files    map[string]string // name in the archive to path in the module's source
}

// archives are the releases that the lab mirrors.
var archives = []archive{
	{
		name: "node_exporter", binaries: []string{"node_exporter"},
		files: map[string]string{"LICENSE": "LICENSE", "NOTICE": "NOTICE"},
	},
	{
		name: "prometheus", binaries: []string{"prometheus", "promtool"},
		files: map[string]string{
			"LICENSE": "LICENSE", "NOTICE": "NOTICE",
			"prometheus.yml": "documentation/examples/prometheus.yml",
		},
	},
	{
		name: "pushgateway", binaries: []string{"pushgateway"},
		files: map[string]string{"LICENSE": "LICENSE", "NOTICE": "NOTICE"},
	},
	{
		name: "alertmanager", binaries: []string{"alertmanager", "amtool"},
		files: map[string]string{"LICENSE": "LICENSE", "NOTICE": "NOTICE", "alertmanager.yml": "doc/examples/simple.yml"},
	},
	{
		name: "blackbox_exporter", binaries: []string{"blackbox_exporter"},
		files: map[string]string{"LICENSE": "LICENSE", "NOTICE": "NOTICE", "blackbox.yml": "blackbox.yml"},
	},
}

// ensureMirror packs the archives. They hold what the toolchain built, for this machine's architecture: the lab's machines
// have no other.
func ensureMirror(ctx context.Context, f folder.Folder, log io.Writer) error {
	if err := ensureTools(ctx, f, log); err != nil {
		return err
	}
	var releases []Release
	for _, a := range archives {
		release, err := a.ensure(ctx, f, log)
		if err != nil {
			return fmt.Errorf("pack %s: %w", a.name, err)
		}
		releases = append(releases, release)
	}
	text, err := json.MarshalIndent(releases, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(releasesFile(f), append(text, '\n'))
}

// ensure packs the archive unless it is there, packed from the same binaries.
func (a archive) ensure(ctx context.Context, f folder.Folder, log io.Writer) (Release, error) {
	module, err := a.module(ctx, f)
	if err != nil {
		return Release{}, err
	}
	version := module.release()
	top := fmt.Sprintf("%s-%s.linux-%s", a.name, version, runtime.GOARCH)
	path := filepath.Join(MirrorFolder(f), "prometheus", a.name, "releases", "download", "v"+version, top+".tar.gz")
	key, err := a.key(f)
	if err != nil {
		return Release{}, err
	}
	if !stamped(path, key) {
		fmt.Fprintf(log, "packing %s %s\n", a.name, version)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return Release{}, err
		}
		if err := pack(path, top, a.members(f, module)); err != nil {
			return Release{}, err
		}
		if err := stamp(path, key); err != nil {
			return Release{}, err
		}
	}
	sum, err := sumFile(path)
	return Release{Name: a.name, Version: version, SHA256: map[string]string{runtime.GOARCH: sum}}, err
}

// module is the Go module that the archive's binaries were built from.
func (a archive) module(ctx context.Context, f folder.Folder) (upstream, error) {
	for _, t := range tools {
		if t.name == a.binaries[0] {
			return t.upstream(ctx, f)
		}
	}
	return upstream{}, fmt.Errorf("no tool builds %s", a.binaries[0])
}

// key is a digest of the keys of the archive's binaries.
func (a archive) key(f folder.Folder) (string, error) {
	digest := sha256.New()
	for _, name := range a.binaries {
		key, err := os.ReadFile(stampFile(filepath.Join(f.Bin(), name)))
		if err != nil {
			return "", err
		}
		digest.Write(key)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// member is one file of an archive.
type member struct {
	source string
	mode   int64
}

// members maps names in the archive to files.
func (a archive) members(f folder.Folder, module upstream) map[string]member {
	members := map[string]member{}
	for _, name := range a.binaries {
		members[name] = member{source: filepath.Join(f.Bin(), name), mode: 0o755}
	}
	for name, source := range a.files {
		members[name] = member{source: filepath.Join(module.dir, filepath.FromSlash(source)), mode: 0o644}
	}
	return members
}
