package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/promwire/promwire"

// layers is the import table, from the top down: each folder, with all below it, may import those named here (itself only if
// it is named), and nothing else of the module.
var layers = []struct {
	folder string // ".": only main.go
	may    []string
}{
	{".", []string{"stacks"}},
	{"stacks/settings", []string{"stacks/settings", "provisioners"}},
	{"stacks/ledger", nil},
	{"stacks/outlook", []string{"provisioners"}},
	{"stacks", []string{"stacks/settings", "stacks/ledger", "stacks/outlook", "components", "provisioners"}},
	{"components", []string{"components", "provisioners"}},
	{"provisioners", []string{"provisioners"}},
	{"examples", []string{"stacks", "components", "provisioners", "tests/mocks"}}, // programs of a user
	{"tests", []string{".", "stacks", "components", "provisioners", "tests"}},
}

// reserved are packages that only one folder may import. Tests of the whole (tests/) and the programs of users (examples/) may import
// anything.
var reserved = []struct{ prefix, folder string }{
	{"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config", "stacks/settings"},
	{"github.com/pulumi/pulumi-command/", "components/remote"},
	{"github.com/pulumi/pulumi-digitalocean/", "components/cloud/digitalocean"},
	{"github.com/pulumi/pulumi-kubernetes/", "components/cluster/kubernetes"},
	{"k8s.io/", "components/cluster/preflight"},
}

// wings are folders of components that the other components may not import, except those named here. Only stacks knows clouds: a fleet
// uses one through an interface.
var wings = []struct {
	folder string   // with all below it
	by     []string // which of the components may import it, itself included
}{
	{"components/cluster", []string{"components/cluster", "components/fleet", "components/verification"}},
	{"components/cloud", []string{"components/cloud"}},
}

// pure are folders that turn values into values: no resources, no files, no network, no processes. Their tests may.
var (
	pure   = []string{"provisioners", "stacks/ledger", "stacks/outlook"}
	impure = []string{"github.com/pulumi/", "os", "os/", "net/http", "syscall", "golang.org/x/sys/"}
)

// file is one Go file's imports.
type file struct {
	path    string // from the repository's root
	imports []string
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// under says whether a path is in a folder or below it. The root is only its own files.
func under(p, folder string) bool {
	if folder == "." {
		return !strings.Contains(p, "/")
	}
	return p == folder || strings.HasPrefix(p, folder+"/")
}

func underAny(p string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return under(p, folder) })
}

// violations are the forbidden imports of one file, a sentence each.
func violations(f file) []string {
	var found []string
	for _, imported := range f.imports {
		if why := forbidden(f, imported); why != "" {
			found = append(found, fmt.Sprintf("%s imports %s: %s", f.path, imported, why))
		}
	}
	return found
}

func forbidden(f file, imported string) string {
	if own, ok := strings.CutPrefix(imported, module); ok && (own == "" || own[0] == '/') {
		return forbiddenOwn(f, path.Clean("./"+own))
	}
	if under(f.path, "tests") || under(f.path, "examples") {
		return ""
	}
	for _, r := range reserved {
		if matches(imported, r.prefix) && !under(f.path, r.folder) {
			return "only " + r.folder + " may"
		}
	}
	if !f.test() && underAny(f.path, pure) && slices.ContainsFunc(impure, func(p string) bool { return matches(imported, p) }) {
		return strings.Join(pure, " and ") + " are pure"
	}
	return ""
}

// forbiddenOwn checks an import of the module's own against the first row of the table that contains the file.
func forbiddenOwn(f file, imported string) string {
	for _, layer := range layers {
		if !under(f.path, layer.folder) {
			continue
		}
		if underAny(imported, layer.may) {
			return walled(f, imported)
		}
		return fmt.Sprintf("%s may import %v of the module", layer.folder, layer.may)
	}
	return "the folder is not in the import table"
}

// walled is why the wall of a wing forbids an import of the module's own; "" if none does.
func walled(f file, imported string) string {
	for _, wing := range wings {
		if under(f.path, "components") && under(imported, wing.folder) && !underAny(f.path, wing.by) {
			return fmt.Sprintf("of the components only %v may", wing.by)
		}
	}
	return ""
}

// matches says whether a package is the one named, or, if the name ends in a slash, below it.
func matches(imported, name string) bool {
	return imported == name || (strings.HasSuffix(name, "/") && strings.HasPrefix(imported, name))
}

func TestImports(t *testing.T) {
	paths, err := files(goFile)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(paths, "main.go") {
		t.Fatalf("main.go is not among the %d Go files found", len(paths))
	}
	for _, p := range paths {
		f, err := parse(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range violations(f) {
			t.Error(v)
		}
	}
}

func parse(p string) (file, error) {
	text, err := read(p)
	if err != nil {
		return file{}, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ImportsOnly)
	if err != nil {
		return file{}, err
	}
	f := file{path: p}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: %w", p, err)
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// TestTable makes sure that the check above would notice.
func TestTable(t *testing.T) {
	const (
		config  = "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
		command = "github.com/pulumi/pulumi-command/sdk/go/command/remote"
		sdk     = "github.com/pulumi/pulumi/sdk/v3/go/pulumi"
		core    = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
		cloud   = "github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
		client  = "k8s.io/client-go/kubernetes/typed/core/v1"
	)
	for _, test := range []struct {
		path, imported string
		allowed        bool
	}{
		{"main.go", module + "/stacks", true},
		{"main.go", module + "/components/fleet", false},
		{"main.go", module + "/tests/lab", false},
		{"stacks/run.go", module + "/stacks/settings", true},
		{"stacks/run.go", module + "/components/fleet", true},
		{"stacks/run.go", module + "/tests/mocks", false},
		{"stacks/run.go", module, false},
		{"stacks/run.go", config, false},
		{"stacks/run.go", command, false},
		{"stacks/run_test.go", module + "/tests/mocks", false},
		{"stacks/settings/load.go", config, true},
		{"stacks/settings/load.go", module + "/stacks/settings/document", true},
		{"stacks/settings/load.go", module + "/provisioners/release", true},
		{"stacks/settings/load.go", module + "/components/host", false},
		{"stacks/settings/load.go", module + "/stacks", false},
		{"stacks/settings/load.go", module + "/stacks/ledger", false},
		{"stacks/ledger/ledger.go", module + "/stacks/settings", false},
		{"stacks/ledger/ledger.go", sdk, false},
		{"components/host/host.go", module + "/components/remote", true},
		{"components/host/host.go", module + "/provisioners/plan", true},
		{"components/host/host.go", module + "/stacks/settings", false},
		{"components/host/host.go", sdk, true},
		{"components/host/host.go", config, false},
		{"components/host/host.go", command, false},
		{"components/host/host_test.go", command, false},
		{"components/remote/remote.go", command, true},
		{"components/remoteness/remote.go", command, false},
		{"components/cluster/kubernetes/pod.go", core, true},
		{"components/cluster/kubernetes/pod.go", client, false},
		{"components/cluster/cluster.go", core, false},
		{"components/cluster/cluster.go", "k8s.io/apimachinery/pkg/api/errors", false},
		{"components/cluster/preflight/preflight.go", client, true},
		{"components/cluster/preflight/preflight_test.go", "k8s.io/api/authorization/v1", true},
		{"components/cluster/preflight/preflight.go", core, false},
		{"components/cluster/cluster.go", module + "/components/monitor", true},
		{"components/fleet/fleet.go", module + "/components/cluster", true},
		{"components/monitor/monitor.go", module + "/components/cluster", false},
		{"components/target/target.go", module + "/components/cluster/tunnel", false},
		{"components/host/host_test.go", module + "/components/cluster/kubernetes", false},
		{"components/cloud/digitalocean/droplet.go", cloud, true},
		{"components/cloud/digitalocean/droplet.go", module + "/components/host", true},
		{"components/cloud/digitalocean/droplet.go", module + "/components/cluster", false},
		{"components/cloud/another/machine.go", cloud, false},
		{"components/host/host.go", cloud, false},
		{"components/fleet/fleet.go", cloud, false},
		{"stacks/cloud.go", cloud, false},
		{"stacks/cloud.go", module + "/components/cloud/digitalocean", true},
		{"components/fleet/fleet.go", module + "/components/cloud/digitalocean", false},
		{"components/host/host.go", module + "/components/cloud/digitalocean", false},
		{"components/cluster/cluster.go", module + "/components/cloud/digitalocean", false},
		{"provisioners/kubernetes/graph.go", "k8s.io/api/networking/v1", false},
		{"stacks/settings/clusters.go", module + "/provisioners/kubernetes", true},
		{"stacks/settings/clusters.go", module + "/components/cluster/kubernetes", false},
		{"tests/e2e/clusters_test.go", client, true},
		{"provisioners/plan/plan.go", module + "/provisioners/wireguard", true},
		{"provisioners/plan/plan.go", module + "/components/host", false},
		{"provisioners/plan/plan.go", sdk, false},
		{"provisioners/plan/plan.go", "os", false},
		{"provisioners/plan/plan.go", "os/exec", false},
		{"provisioners/plan/plan.go", "net/http", false},
		{"provisioners/plan/plan.go", "net/netip", true},
		{"provisioners/plan/plan_test.go", "os", true},
		{"provisioners/plan/plan_test.go", module + "/tests/golden", false},
		{"examples/fleet/main.go", module + "/stacks", true},
		{"examples/fleet/main.go", cloud, true},
		{"examples/fleet/main.go", module + "/tests/lab", false},
		{"stacks/run.go", module + "/examples/fleet", false},
		{"tests/lab/main.go", module + "/stacks", true},
		{"tests/lab/main.go", config, true},
		{"tests/lab/main.go", "github.com/promwire/promwired/x", true},
		{"tools/tool.go", module + "/stacks", false},
	} {
		found := violations(file{path: test.path, imports: []string{test.imported}})
		if (len(found) == 0) != test.allowed {
			t.Errorf("%s -> %s: %q, want allowed %v", test.path, test.imported, found, test.allowed)
		}
	}
}
