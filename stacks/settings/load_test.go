package settings

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.org/x/crypto/ssh"
)

const (
	droplet = `{"monitor": {"name": "monitor-1", "region": "tor1"}}`
	machine = `{"monitor": {"name": "monitor-1", "address": "198.51.100.1", "hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKbu2P8/Oqy8dsNDOG/1FfpKendsGchZUqpt7J1BhZZr"}, "ssh": {"from": ["198.51.100.0/24"]}}`
)

// newKey makes a key pair: a private key as ssh-keygen writes it, and its authorized_keys line.
func newKey(t *testing.T, passphrase string) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "operator@example.com")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "operator@example.com", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line)))
}

// TestSecrets: each that a configuration reads is there, and nothing else is; none is printed.
func TestSecrets(t *testing.T) {
	private, _ := newKey(t, "")
	alerts := strings.Replace(machine, "{", `{"alertmanager": {"config": {"route": {"receiver": "ops"}, "receivers": [{"name": "ops", "webhook_configs": `+
		`[{"url_file": "/etc/alertmanager/secrets/pager"}]}]}}, `, 1)
	writes := func(fleet, files string) string {
		return strings.Replace(fleet, `"name": "monitor-1"`, `"name": "monitor-1", "prometheus": {"remoteWrite": [`+
			`{"url": "https://store.example.net/write", "basic_auth": {"username": "fleet", "password_file": "/etc/prometheus/secrets/store"}`+files+`}]}`, 1)
	}
	written, both := writes(machine, ""), writes(alerts, `, "http_headers": {"X-Key": {"files": ["/etc/prometheus/secrets/pager"]}}`)
	for _, c := range []struct{ name, fleet, secrets, want string }{
		{"all there", alerts, `{"pager": "s3cret"}`, ""},
		{"none of both", machine, "", ""},
		{"missing", alerts, "", "alertmanager.config: reads /etc/alertmanager/secrets/pager, and there is no such secret; set it with " +
			"`pulumi config set --secret --path promwire:secrets.pager`"},
		{"nothing reads one", alerts, `{"pager": "a", "chat": "s3cret"}`, "promwire:secrets.chat: nothing reads it; write /etc/alertmanager/secrets/chat in alertmanager.config " +
			"or /etc/prometheus/secrets/chat in monitor.prometheus.remoteWrite, or remove it with `pulumi config rm --path promwire:secrets.chat`"},
		{"no Alertmanager", machine, `{"pager": "s3cret"}`, "promwire:secrets.pager: nothing reads it"},
		{"for Prometheus", written, `{"store": "s3cret"}`, ""},
		{"for Prometheus, missing", written, `{}`, "monitor.prometheus.remoteWrite: reads /etc/prometheus/secrets/store, and there is no such secret; set it with " +
			"`pulumi config set --secret --path promwire:secrets.store`"},
		{"for both", both, `{"store": "a", "pager": "s3cret"}`, ""},
		{"empty", alerts, `{"pager": " "}`, "promwire:secrets.pager: is empty; set it again"},
		{"a path", alerts, `{"pager": "a", "../x": "s3cret"}`, `promwire:secrets.../x: "../x" is not a valid name`},
		{"no text", alerts, `{"pager": {"a": "s3cret"}}`, "promwire:secrets: must be an object of texts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := loadWith(t, map[string]string{"promwire:fleet": c.fleet, "promwire:sshPrivateKey": private, "promwire:secrets": c.secrets},
				"promwire:sshPrivateKey", "promwire:secrets")
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if s.Alerting != nil && !maps.Equal(s.Alerting.Secrets, map[string]string{"pager": "s3cret"}) {
					t.Errorf("Alertmanager has %q", s.Alerting.Secrets)
				}
				if p := s.Monitor.Prometheus; len(p.Secrets) != len(p.RemoteWrite.Secrets) || p.Secrets["store"] == "" && len(p.Secrets) > 0 {
					t.Errorf("Prometheus has %q, and reads %q", p.Secrets, p.RemoteWrite.Secrets)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// noResources fails a test whose program makes any.
type noResources struct{ t *testing.T }

func (m noResources) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.t.Errorf("%s %s was made", args.TypeToken, args.Name)
	return args.Name, args.Inputs, nil
}

func (m noResources) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

// loadWith runs Load in a program of the stack "test" with a configuration.
func loadWith(t *testing.T, values map[string]string, secrets ...string) (*Settings, error) {
	t.Helper()
	var s *Settings
	var loaded error
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		s, loaded = Load(ctx)
		return nil
	}, pulumi.WithMocks("promwire", "test", noResources{t}), func(info *pulumi.RunInfo) {
		info.Config = values
		info.ConfigSecretKeys = secrets
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, loaded
}

// withoutToken clears the environment of cloud accounts.
func withoutToken(t *testing.T) {
	t.Helper()
	for _, variable := range tokenVariables {
		t.Setenv(variable, "")
	}
}

func TestLoad(t *testing.T) {
	withoutToken(t)
	private, public := newKey(t, "")
	s, err := loadWith(t, map[string]string{
		"promwire:fleet":         droplet,
		"promwire:sshPrivateKey": strings.TrimSpace(private), // as `pulumi config set` keeps it
		"digitalocean:token":     "dop_v1_x",
	}, "promwire:sshPrivateKey", "digitalocean:token")
	if err != nil {
		t.Fatal(err)
	}
	if s.SSHPrivateKey != private || s.SSHPublicKey != public {
		t.Errorf("the key changed on its way; public half %q, want %q", s.SSHPublicKey, public)
	}
	same(t, "the list of warnings", s.Warnings, []string{
		"ssh.from: SSH is open to the whole internet; list the networks that you connect from",
	})
}

func TestLoadWithoutCloud(t *testing.T) {
	withoutToken(t)
	private, _ := newKey(t, "")
	s, err := loadWith(t, map[string]string{"promwire:fleet": machine, "promwire:sshPrivateKey": private})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the list of warnings", s.Warnings, []string{
		"promwire:sshPrivateKey: is in clear text in the stack file; set it again with --secret",
	})
}

func TestLoadTokenFromEnvironment(t *testing.T) {
	private, _ := newKey(t, "")
	for _, variable := range tokenVariables {
		t.Run(variable, func(t *testing.T) {
			withoutToken(t)
			t.Setenv(variable, "dop_v1_x")
			values := map[string]string{"promwire:fleet": droplet, "promwire:sshPrivateKey": private}
			if _, err := loadWith(t, values, "promwire:sshPrivateKey"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	withoutToken(t)
	private, public := newKey(t, "")
	locked, _ := newKey(t, "correct horse")
	const (
		noFleet = "promwire:fleet: missing: the stack file has no settings of the fleet; begin with a copy of stacks/Pulumi.prod.yaml"
		noKey   = "promwire:sshPrivateKey: missing: promwire logs in to the hosts with it; set it with `pulumi config set --secret promwire:sshPrivateKey < ~/.ssh/id_ed25519`"
		noToken = "digitalocean:token: missing: the fleet has droplets; set it with `pulumi config set --secret digitalocean:token`, or in DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN"
		badKey  = "promwire:sshPrivateKey: is not a private key in OpenSSH's or PEM format; set it from its file, so that no line is lost, with `pulumi config set --secret promwire:sshPrivateKey < ~/.ssh/id_ed25519`"
		pubKey  = "promwire:sshPrivateKey: is a public key; set the private one, from the file without .pub, with `pulumi config set --secret promwire:sshPrivateKey < ~/.ssh/id_ed25519`"
		lockKey = "promwire:sshPrivateKey: has a passphrase, and an update cannot ask for it; make a key for promwire with `ssh-keygen -t ed25519 -N '' -f ~/.ssh/promwire`, and set it with `pulumi config set --secret promwire:sshPrivateKey < ~/.ssh/id_ed25519`"
	)
	for name, test := range map[string]struct {
		fleet, key, token string
		want              []string
	}{
		"nothing":        {want: []string{noFleet, noKey}},
		"all at once":    {fleet: `{"monitor": {"name": "m_1", "region": "tor1"}}`, want: []string{`monitor.name: "m_1" is not a valid host name: use lower-case letters, digits and hyphens, no hyphen at either end`, noKey, noToken}},
		"no token":       {fleet: droplet, key: private, want: []string{noToken}},
		"blank token":    {fleet: droplet, key: private, token: " ", want: []string{noToken}},
		"no key":         {fleet: machine, want: []string{noKey}},
		"public key":     {fleet: machine, key: public, want: []string{pubKey}},
		"passphrase":     {fleet: machine, key: locked, want: []string{lockKey}},
		"one line":       {fleet: machine, key: strings.ReplaceAll(private, "\n", " "), want: []string{badKey}},
		"cut off":        {fleet: machine, key: private[:len(private)/2], want: []string{badKey}},
		"bytes swapped":  {fleet: machine, key: strings.Replace(private, "b3BlbnNzaC1rZXktdjE", "b3BlbnNzaC1rZXktdjI", 1), want: []string{badKey}},
		"not even a key": {fleet: machine, key: "hunter2", want: []string{badKey}},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{}
			for key, value := range map[string]string{
				"promwire:fleet": test.fleet, "promwire:sshPrivateKey": test.key, "digitalocean:token": test.token,
			} {
				if value != "" {
					values[key] = value
				}
			}
			_, err := loadWith(t, values)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			same(t, "the error", lines, append([]string{"the settings of stack test are wrong, and nothing was touched:"}, test.want...))
			leaks(t, err.Error(), test.key)
		})
	}
}

// leaks fails the test if a text has any line of a key.
func leaks(t *testing.T, text, key string) {
	t.Helper()
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); line != "" && strings.Contains(text, line) {
			t.Errorf("the error quotes the key: %s", line)
		}
	}
}
