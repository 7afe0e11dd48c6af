package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
)

// tool is a program that the lab builds from a Go module of its own, whose go.mod and go.sum pin everything.
type tool struct {
	name    string // the binary in folder.Bin
	module  string // folder of the module, below tests/lab
	path    string // import path of the main package
	tags    string // build tags, comma separated
	version string // the variable that the linker sets to the version: "import/path.Name", or empty
	link    string // more of what the linker gets, or empty
}

// tools are the real programs.
var tools = []tool{
	{
		name: "pulumi", module: "toolchain/pulumi", path: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		// Without it the Automation API can't parse what `pulumi version` says.
		version: "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
	},
	// remove_all_sd leaves the clouds' service discoveries out, which are most of what there is to compile. Clusters have Kubernetes's.
	prometheusTool("prometheus", "prometheus", "remove_all_sd,enable_kubernetes_sd"),
	prometheusTool("promtool", "prometheus", "remove_all_sd,enable_kubernetes_sd"),
	{
		name: "node_exporter", module: "toolchain/node_exporter", path: "github.com/prometheus/node_exporter",
		version: "github.com/prometheus/common/version.Version",
	},
	{
		name: "pushgateway", module: "toolchain/pushgateway", path: "github.com/prometheus/pushgateway",
		version: "github.com/prometheus/common/version.Version",
	},
	alertmanagerTool("alertmanager"),
	alertmanagerTool("amtool"),
	{
		name: "blackbox_exporter", module: "toolchain/blackbox_exporter", path: "github.com/prometheus/blackbox_exporter",
		version: "github.com/prometheus/common/version.Version",
	},
}

// plugins are the stand-ins of Pulumi's provider plugins.
var plugins = []tool{
	{name: "pulumi-resource-command", module: "plugins", path: "./command"},
	{name: "pulumi-resource-digitalocean", module: "plugins", path: "./digitalocean"},
	{name: "pulumi-resource-kubernetes", module: "plugins", path: "./kubernetes"},
}

// imageTools are the programs that clusters' images have and nothing else of the lab needs.
var imageTools = []tool{
	{name: "coredns", module: "toolchain/coredns", path: "."},
	{name: "wireproxy", module: "toolchain/wireproxy", path: "github.com/pufferffish/wireproxy/cmd/wireproxy", version: "main.version"},
}

// prometheusTool is a program of Prometheus's own module.
func prometheusTool(name, module, tags string) tool {
	return tool{
		name: name, module: "toolchain/" + module, path: "github.com/prometheus/prometheus/cmd/" + name,
		tags: tags, version: "github.com/prometheus/common/version.Version",
	}
}

// alertmanagerTool is a program of Alertmanager's module.
func alertmanagerTool(name string) tool {
	return tool{
		name: name, module: "toolchain/alertmanager", path: "github.com/prometheus/alertmanager/cmd/" + name,
		version: "github.com/prometheus/common/version.Version",
	}
}

func ensureTools(ctx context.Context, f folder.Folder, log io.Writer) error {
	return ensureBuilt(ctx, f, log, tools)
}

func ensurePeers(ctx context.Context, f folder.Folder, log io.Writer) error {
	return ensureBuilt(ctx, f, log, []tool{{name: "peers", module: "toolchain/peers", path: "."}})
}

func ensurePlugins(ctx context.Context, f folder.Folder, log io.Writer) error {
	return ensureBuilt(ctx, f, log, plugins)
}

// ensureBuilt builds the tools whose key is another than the one their binary was built with.
func ensureBuilt(ctx context.Context, f folder.Folder, log io.Writer, tools []tool) error {
	for _, t := range tools {
		key, err := t.key(ctx, f)
		if err != nil {
			return err
		}
		binary, err := filepath.Abs(filepath.Join(f.Bin(), t.name)) // it is built from its module's own folder
		if err != nil {
			return err
		}
		if stamped(binary, key) {
			continue
		}
		fmt.Fprintf(log, "building %s\n", t.name)
		start := time.Now()
		if err := t.build(ctx, f, binary); err != nil {
			return err
		}
		if err := stamp(binary, key); err != nil {
			return err
		}
		fmt.Fprintf(log, "built %s in %s\n", t.name, time.Since(start).Round(time.Second))
	}
	return nil
}

// build compiles the tool beside the place where it belongs, and moves it there.
func (t tool) build(ctx context.Context, f folder.Folder, binary string) error {
	flags, err := t.flags(ctx, f)
	if err != nil {
		return err
	}
	partial := binary + ".partial"
	args := append([]string{"go", "build", "-o", partial}, flags...)
	if _, err := run(ctx, command{dir: t.dir(f), env: goEnvironment, args: append(args, t.path)}); err != nil {
		return fmt.Errorf("build %s: %w", t.name, err)
	}
	return os.Rename(partial, binary)
}

// flags are the arguments of `go build`. Symbols are left out: nobody debugs these binaries, and machines copy them.
func (t tool) flags(ctx context.Context, f folder.Folder) ([]string, error) {
	link := "-s -w"
	if t.version != "" {
		module, err := t.upstream(ctx, f)
		if err != nil {
			return nil, err
		}
		link += " -X " + t.version + "=" + module.release()
	}
	if t.link != "" {
		link += " " + t.link
	}
	flags := []string{"-ldflags", link}
	if t.tags != "" {
		flags = append(flags, "-tags", t.tags)
	}
	return flags, nil
}

// goEnvironment is how tools are built: static, and only from their own module.
var goEnvironment = []string{"CGO_ENABLED=0", "GOWORK=off"}

// dir is where the tool's module lies.
func (t tool) dir(f folder.Folder) string {
	return filepath.Join(f.Source, "tests", "lab", filepath.FromSlash(t.module))
}

// upstream is a module as `go list` found it.
type upstream struct {
	version string // the module's, such as v1.12.1
	dir     string // where its source lies, read-only
}

// upstream finds the module that has the tool's main package.
func (t tool) upstream(ctx context.Context, f folder.Folder) (upstream, error) {
	out, err := run(ctx, command{
		dir: t.dir(f), env: goEnvironment,
		args: []string{"go", "list", "-f", "{{.Module.Version}}\n{{.Module.Dir}}", t.path},
	})
	if err != nil {
		return upstream{}, err
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return upstream{version: version, dir: dir}, nil
}

// release is the version as the program calls itself: what its VERSION file says (Prometheus's module v0.315.0 is release
// 3.15.0), or the module's version where there is none.
func (u upstream) release() string {
	if text, err := os.ReadFile(filepath.Join(u.dir, "VERSION")); err == nil {
		return strings.TrimSpace(string(text))
	}
	return u.version
}

// key is a digest of all that the binary depends on: flags, compiler, architecture, and every file of the tool's module
// (go.sum stands for the sources of the others).
func (t tool) key(ctx context.Context, f folder.Folder) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("missing go, which builds %s: install Go and put it on the PATH", t.name)
	}
	compiler, err := run(ctx, command{dir: t.dir(f), env: goEnvironment, args: []string{"go", "env", "GOVERSION"}})
	if err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	digest := sha256.New()
	fmt.Fprintf(digest, "%+v %s %s\n", t, strings.TrimSpace(compiler), runtime.GOARCH)
	if err := hashFiles(digest, os.DirFS(t.dir(f))); err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// hashFiles feeds the names and contents of all files to a digest. fs.WalkDir goes in lexical order.
func hashFiles(digest io.Writer, files fs.FS) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(digest, "%s %d\n%s\n", path, len(text), text)
		return err
	})
}

// stampFile is where the key of a built thing stands.
func stampFile(path string) string { return path + ".key" }

// stamped reports whether the thing at path is there and was built with this key.
func stamped(path, key string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	old, err := os.ReadFile(stampFile(path))
	return err == nil && string(old) == key
}

// stamp records the key of what was just built. A build that ends between the two is simply done again.
func stamp(path, key string) error { return writeFile(stampFile(path), []byte(key)) }

// writeFile writes a file beside its place and moves it there, so that nobody ever reads half of it.
func writeFile(path string, text []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, text, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
