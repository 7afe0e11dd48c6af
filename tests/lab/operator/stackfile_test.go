package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/tests/lab/folder"
)

const stackText = `config:
  promwire:fleet:
    ssh: {from: [10.1.1.0/24]}
    monitor: {name: m, region: tor1}
    targets:
      - {name: old, address: 10.1.1.1, user: someone, port: 2222, hostKey: theirs, region: cellar}
      - {name: inner, address: 10.1.1.2, hostKey: theirs, bastion: {address: 10.1.1.9, hostKey: theirs}}
      - {name: unknown, address: 10.1.1.3, hostKey: theirs}
`

// newOperator is an operator without a CLI, whose checkout has the one stack "try".
func newOperator(t *testing.T, text string) *Operator {
	t.Helper()
	source := t.TempDir()
	f := folder.Folder{Source: source, Run: filepath.Join(t.TempDir(), "run")}
	write(t, filepath.Join(source, "Pulumi.yaml"), "name: promwire\nruntime: go\nstackConfigDir: stacks\n")
	write(t, filepath.Join(source, "stacks", "Pulumi.try.yaml"), text)
	o := &Operator{folder: f, lab: Lab{
		API: "http://127.0.0.1:1", Token: "token", Mirror: "http://198.51.100.1:2", From: []string{"198.51.100.1/32"},
		Releases: map[string]Release{"prometheus": {Version: "3.0.0", SHA256: map[string]string{"amd64": "ab"}}},
		Machines: map[string]Machine{
			"old": {Address: "198.51.100.40", Port: 22, User: "admin", HostKey: "ssh-ed25519 A"},
			"inner": {Address: "192.168.250.2", Port: 22, User: "root", HostKey: "ssh-ed25519 B",
				Bastion: &Machine{Address: "198.51.100.41", Port: 22, User: "jump", HostKey: "ssh-ed25519 C"}},
		},
	}}
	var err error
	if o.seal, err = openSeal(filepath.Join(o.dir(), "passphrase")); err != nil {
		t.Fatal(err)
	}
	if o.Key, o.AuthorizedKey, err = Key(f); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestStackFileIsFilledIn(t *testing.T) {
	o := newOperator(t, stackText)
	if err := o.prepare("try", Options{
		Edit: func(fleet map[string]any) { fleet["network"] = map[string]any{"mtu": 1300} }, Secrets: map[string]string{"pager": "s3cret"},
	}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Config map[string]any `yaml:"config"`
		Salt   string         `yaml:"encryptionsalt"`
	}
	file := filepath.Join(o.work("try"), "stacks", "Pulumi.try.yaml")
	if err := yaml.Unmarshal([]byte(read(t, file)), &got); err != nil {
		t.Fatal(err)
	}
	want := `{monitor: {name: m, region: tor1}, network: {mtu: 1300}, ssh: {from: [198.51.100.1/32, 198.51.100.41/32]},
releases: {mirror: "http://198.51.100.1:2", prometheus: {sha256: {amd64: ab}, version: 3.0.0}}, targets: [
{name: old, address: 198.51.100.40, user: admin, port: 22, hostKey: ssh-ed25519 A, region: cellar},
{name: inner, address: 192.168.250.2, user: root, port: 22, hostKey: ssh-ed25519 B,
 bastion: {address: 198.51.100.41, user: jump, port: 22, hostKey: ssh-ed25519 C}},
{name: unknown, address: 10.1.1.3, hostKey: theirs}]}`
	if got, want := canonical(t, got.Config["promwire:fleet"]), canonical(t, parse(t, want)); got != want {
		t.Errorf("the fleet is\n%s\nwant\n%s", got, want)
	}
	if got.Config["digitalocean:apiEndpoint"] != "http://127.0.0.1:1" {
		t.Errorf("the API is at %v", got.Config["digitalocean:apiEndpoint"])
	}
	for key, want := range map[string]string{"digitalocean:token": "token", "promwire:sshPrivateKey": string(o.Key)} {
		secret, _ := got.Config[key].(map[string]any)["secure"].(string)
		if text, err := o.seal.crypter.DecryptValue(t.Context(), secret); err != nil || text != want {
			t.Errorf("%s is %q: %v", key, text, err)
		}
	}
	secret, _ := got.Config["promwire:secrets"].(map[string]any)["pager"].(map[string]any)["secure"].(string)
	if text, err := o.seal.crypter.DecryptValue(t.Context(), secret); err != nil || text != "s3cret" {
		t.Errorf("promwire:secrets.pager is %q: %v", text, err)
	}
	if read(t, filepath.Join(o.folder.Source, "stacks", "Pulumi.try.yaml")) != stackText {
		t.Error("the checkout's own file has changed")
	}
	for _, file := range []string{file, filepath.Join(o.dir(), "passphrase"), KeyFile(o.folder)} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s is %v: %v", file, info.Mode(), err)
		}
	}
}

func TestStackFileRefusals(t *testing.T) {
	for _, c := range []struct{ name, text, stack, want string }{
		{"no such stack", stackText, "other", `there is no stack "other": no stacks/Pulumi.other.yaml`},
		{"no YAML", "config: [", "try", "fill in stacks/Pulumi.try.yaml: yaml: "},
		{"no fleet", "config: {}", "try", "promwire:fleet is not an object"},
		{"nothing", "", "try", "promwire:fleet is not an object"},
		{"a fleet that is text", "config: {promwire:fleet: x}", "try", "promwire:fleet is not an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := newOperator(t, c.text).prepare(c.stack, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestExisting(t *testing.T) {
	for _, c := range []struct{ name, targets, want string }{
		{"none", `[{name: a, region: lon1}]`, `[]`},
		{"one", `[{name: a, address: 10.1.1.1, user: u, region: r}]`, `[{name: a, region: r, user: u, bastion: ""}]`},
		{"defaults", `[{name: a, address: 10.1.1.1}]`, `[{name: a, region: existing, user: root, bastion: ""}]`},
		{
			"a bastion of its own comes first",
			`[{name: a, region: r, address: 10.1.1.1, bastion: {address: 10.1.1.9, user: j}}, {name: b, region: r, address: 10.1.1.2, bastion: {address: 10.1.1.9}}]`,
			`[{name: bastion, region: r, user: j, bastion: ""}, {name: a, region: r, user: root, bastion: bastion}, {name: b, region: r, user: root, bastion: bastion}]`,
		},
		{
			"another target is the bastion",
			`[{name: a, region: r, address: 10.1.1.1, bastion: {address: 10.1.1.2}}, {name: b, region: r, address: 10.1.1.2}]`,
			`[{name: b, region: r, user: root, bastion: ""}, {name: a, region: r, user: root, bastion: b}]`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOperator(t, "config: {promwire:fleet: {monitor: {name: m}, targets: "+c.targets+"}}")
			got, err := o.Existing("try")
			if err != nil {
				t.Fatal(err)
			}
			if got == nil {
				got = []Existing{}
			}
			if got, want := canonical(t, got), canonical(t, parse(t, c.want)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// canonical is a value as YAML with sorted keys.
func canonical(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	text, err = yaml.Marshal(parse(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
