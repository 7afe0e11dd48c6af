package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
	"github.com/promwire/promwire/tests/lab/setup"
)

// BenchmarkAnsible is a fleet of existing machines made by promwire and by a playbook (in the folder ansible), one after the other, each on
// machines that have just booted: what `pulumi up` costs beside what an owner of a fleet may have now. promwire comes first, so what the first
// one warms helps the playbook. PROMWIRE_BENCH_TARGETS has other sizes, with commas between them.
func BenchmarkAnsible(b *testing.B) {
	lab := openLab(b)
	if err := setup.Ensure(b.Context(), lab.Folder, os.Stderr, setup.Ansible); err != nil {
		b.Fatal(err)
	}
	var rounds []round
	for _, targets := range sizesOr(b, 3, 15) {
		ok := b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			for b.Loop() {
				r := round{targets: targets}
				r.promwire = compete(b, lab, targets, &pulumi{b: b, lab: lab})
				r.ansible = compete(b, lab, targets, newPlaybook(b, lab))
				r.report(b)
				rounds = append(rounds, r)
			}
		})
		if !ok {
			break // the next would start from what this one left
		}
	}
	writeRounds(os.Stdout, rounds)
}

// tool makes fleets.
type tool interface {
	// run makes machines a fleet: the monitor, and the targets behind it. Those named are all that is new; none: nothing is.
	run(ctx context.Context, fleet []machines.Machine, added ...string) error
	// unchanged is an error if the last run changed anything.
	unchanged() error
	// end removes what the tool keeps on the operator's machine. It may be called again.
	end()
}

// pulumi is promwire on the stack of existing machines.
type pulumi struct {
	b       *testing.B
	lab     *fixture.Lab
	said    *stamps
	edit    operator.Edit
	changes map[string]int
}

func (p *pulumi) run(ctx context.Context, fleet []machines.Machine, _ ...string) error {
	p.edit = func(document map[string]any) {
		document["monitor"] = entry(fleet[0])
		document["monitor"].(map[string]any)["prometheus"] = map[string]any{"scrapeInterval": "5s"}
		list := make([]any, len(fleet)-1)
		for i, m := range fleet[1:] {
			list[i] = entry(m)
		}
		document["targets"] = list
	}
	p.said = newStamps()
	result, err := p.lab.Operator.Up(ctx, "existing", operator.Options{Progress: p.said, Edit: p.edit})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.said)
	}
	p.changes = *result.Summary.ResourceChanges
	p.said.write(os.Stdout, fmt.Sprintf("%d targets, %v", len(fleet)-1, p.changes))
	return nil
}

// entry is a machine as a stack file has it.
func entry(m machines.Machine) map[string]any {
	return map[string]any{
		"name": m.Name, "region": m.Region, "address": m.V4.String(), "port": 22, "user": m.User, "hostKey": ed25519Key(m),
	}
}

func ed25519Key(m machines.Machine) string {
	for _, key := range m.HostKeys {
		if strings.HasPrefix(key, "ssh-ed25519 ") {
			return key
		}
	}
	return ""
}

func (p *pulumi) unchanged() error {
	for kind, count := range p.changes {
		if kind != "same" && count > 0 {
			return fmt.Errorf("an update that should change nothing: %v", p.changes)
		}
	}
	return nil
}

func (p *pulumi) end() {
	said := newStamps()
	if _, err := p.lab.Operator.Destroy(p.b.Context(), "existing", operator.Options{Progress: said, Edit: p.edit}); err != nil {
		p.b.Fatalf("%v\n%s", err, said)
	}
}

// playbook is Ansible.
type playbook struct {
	b      *testing.B
	lab    *fixture.Lab
	folder string // the inventory, the cache of facts, and all that Ansible keeps
	output []byte
}

// newPlaybook has a short folder, because the paths of sockets may have no more than 108 bytes.
func newPlaybook(b *testing.B, lab *fixture.Lab) *playbook {
	folder, err := os.MkdirTemp("", "ansible-") //nolint:usetesting // b.TempDir has the benchmark's long name
	if err != nil {
		b.Fatal(err)
	}
	p := &playbook{b: b, lab: lab, folder: folder}
	b.Cleanup(p.end) // also of a run that failed
	return p
}

func (p *playbook) run(ctx context.Context, fleet []machines.Machine, added ...string) error {
	if err := p.writeInventory(fleet); err != nil {
		return err
	}
	source, err := filepath.Abs("ansible")
	if err != nil {
		return err
	}
	args := []string{"--inventory", p.path("inventory.json"), filepath.Join(source, "site.yml")}
	if len(added) > 0 {
		args = append(args, "--limit", strings.Join(append([]string{"monitor"}, added...), ","))
	}
	cmd := exec.CommandContext(ctx, "ansible-playbook", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "SSH_AUTH_SOCK=",
		"ANSIBLE_CONFIG="+filepath.Join(source, "ansible.cfg"), "ANSIBLE_HOME="+p.folder,
		"ANSIBLE_SSH_CONTROL_PATH_DIR="+p.path("cp"), "ANSIBLE_CACHE_PLUGIN_CONNECTION="+p.path("facts"))
	if p.output, err = cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ansible-playbook: %w\n%s", err, p.output)
	}
	return p.disconnect()
}

func (p *playbook) path(name string) string { return filepath.Join(p.folder, name) }

// disconnect ends the connections that ControlPersist keeps, so that each run begins without any, as one of another day does.
func (p *playbook) disconnect() error {
	sockets, err := filepath.Glob(p.path("cp/*"))
	for _, socket := range sockets {
		said, failed := exec.Command("ssh", "-o", "ControlPath="+socket, "-O", "exit", "any").CombinedOutput()
		if _, gone := os.Stat(socket); failed != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("end the connection %s: %w: %s", socket, failed, said))
		}
	}
	return err
}

// writeInventory gives each host its address in the tunnel, by its place: those that are added later come last.
func (p *playbook) writeInventory(fleet []machines.Machine) error {
	hosts, known := make([]map[string]any, len(fleet)), ""
	for i, m := range fleet {
		hosts[i] = map[string]any{"ansible_host": m.V4.String(), "ansible_user": m.User, "tunnel": fmt.Sprintf("10.97.0.%d", i+1)}
		known += fmt.Sprintf("%s %s\n", m.V4, ed25519Key(m))
	}
	targets := map[string]any{}
	for i, m := range fleet[1:] {
		targets[m.Name] = hosts[i+1]
	}
	variables, err := p.releases()
	if err != nil {
		return err
	}
	variables["ssh_from"] = []string{p.lab.Machines.Network().OperatorV4.String()}
	variables["ansible_ssh_private_key_file"] = operator.KeyFile(p.lab.Folder)
	variables["ansible_ssh_common_args"] = "-o IdentitiesOnly=yes -o GlobalKnownHostsFile=none -o UserKnownHostsFile=" + p.path("known_hosts")
	text, err := json.MarshalIndent(map[string]any{"all": map[string]any{
		"vars": variables,
		"children": map[string]any{
			"monitor": map[string]any{"hosts": map[string]any{fleet[0].Name: hosts[0]}},
			"targets": map[string]any{"hosts": targets},
		},
	}}, "", "  ")
	return errors.Join(err, os.WriteFile(p.path("inventory.json"), text, 0o600), os.WriteFile(p.path("known_hosts"), []byte(known), 0o600))
}

// releases are the very ones that promwire installs, from the same mirror.
func (p *playbook) releases() (map[string]any, error) {
	served, err := setup.Releases(p.lab.Folder)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{}
	for _, r := range served {
		top := fmt.Sprintf("%s-%s.linux-%s", r.Name, r.Version, runtime.GOARCH)
		variables[r.Name] = map[string]string{
			"name": r.Name, "sha256": r.SHA256[runtime.GOARCH], "folder": "/opt/" + top,
			"url": fmt.Sprintf("%s/prometheus/%s/releases/download/v%s/%s.tar.gz", p.lab.Endpoint.Mirror, r.Name, r.Version, top),
		}
	}
	return variables, nil
}

// recap is a host's line at the end, of one where something changed.
var recap = regexp.MustCompile(`(?m)^\S+ +: ok=\d+ +changed=[1-9].*$`)

func (p *playbook) unchanged() error {
	if changed := recap.FindAll(p.output, -1); changed != nil {
		return fmt.Errorf("a playbook that should change nothing:\n%s", p.output)
	}
	return nil
}

func (p *playbook) end() {
	if err := errors.Join(p.disconnect(), os.RemoveAll(p.folder)); err != nil {
		p.b.Error(err)
	}
}
