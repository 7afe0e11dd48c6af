package alertmanager

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var own map[string]any
	if err := yaml.Unmarshal([]byte(text), &own); err != nil {
		t.Fatal(err)
	}
	return own
}

func TestComplete(t *testing.T) {
	c, err := Complete(parse(t, `
route: {receiver: ops, routes: [{receiver: night, matchers: [severity="warning"]}]}
global: {smtp_smarthost: "mail.example.net:25", smtp_from: fleet@example.net, smtp_auth_password_file: /etc/alertmanager/secrets/smtp}
receivers:
  - name: ops
    webhook_configs: [{url_file: /etc/alertmanager/secrets/pager}, {url_file: /etc/alertmanager/secrets/chat}]
    email_configs: [{to: ops@example.net}]
  - name: night
`), &Heartbeat{"deadman", time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"chat", "deadman", "pager", "smtp"}; !slices.Equal(c.Secrets, want) {
		t.Errorf("secrets %q", c.Secrets)
	}
	if words := strings.Join(c.Delivery.Words(), " "); words != "ops email=1 webhook=2" {
		t.Errorf("the delivery is %s", words)
	}
	var whole struct {
		Route struct {
			GroupBy []string `yaml:"group_by"`
			Routes  []struct {
				Receiver string
				Matchers []string
				Wait     string `yaml:"group_wait"`
				Interval string `yaml:"group_interval"`
				Repeat   string `yaml:"repeat_interval"`
			}
		}
		Inhibit []struct {
			Equal   []string
			Targets []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(c.Text), &whole); err != nil {
		t.Fatal(err)
	}
	if beat := whole.Route.Routes[1]; beat.Receiver != "promwire-heartbeat" || beat.Matchers[0] != `alertname="Watchdog"` || beat.Interval != "1m" || beat.Repeat != "30s" {
		t.Errorf("the heartbeat's route is %+v", beat)
	}
	if first := whole.Route.Routes[0]; len(whole.Route.Routes) != 3 || first.Receiver != "ops" || first.Matchers[0] != `alertname="PromwireTest"` || first.Wait != "0s" {
		t.Errorf("routes %+v", whole.Route.Routes)
	}
	if !slices.Equal(whole.Route.GroupBy, []string{"alertname", "region"}) || len(whole.Inhibit) != 2 || whole.Inhibit[0].Equal[0] != "name" ||
		!slices.Equal(whole.Inhibit[1].Targets, []string{`alertname="TargetDown"`, `cause="hub"`}) {
		t.Errorf("defaults %+v", whole)
	}
}

// TestTheirs: who groups and inhibits otherwise has it so.
func TestTheirs(t *testing.T) {
	own := parse(t, "route: {receiver: ops, group_by: [job]}\ninhibit_rules: []\nreceivers: [{name: ops}]")
	c, err := Complete(own, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.Text, "- job\n") || strings.Contains(c.Text, "- region\n") || !strings.Contains(c.Text, "inhibit_rules: []") {
		t.Errorf("got %s", c.Text)
	}
	if _, changed := own["route"].(map[string]any)["routes"]; changed {
		t.Error("what the operator wrote was changed")
	}
}

// TestRefused: what Alertmanager itself would not accept, and secrets in clear text, which its own types know.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no route", "receivers: [{name: ops}]", "route: missing"},
		{"no such receiver", "route: {receiver: ops}\nreceivers: [{name: other}]", `undefined receiver "ops" used in route`},
		{"a receiver of promwire's name", "route: {receiver: promwire-heartbeat}\nreceivers: [{name: promwire-heartbeat}, {name: promwire-heartbeat}]", "not unique"},
		{"a key with a typo", "route: {receiver: ops, grup_by: [job]}\nreceivers: [{name: ops}]", "field grup_by not found"},
		{"a webhook's URL", "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url: 'https://example.net/hook/s3cret'}]}]",
			"receivers[0].webhook_configs[0].url: is a secret, and the configuration is in the stack's state and in previews; " +
				"set it with `pulumi config set --secret --path promwire:secrets.NAME`, and write in its place the key that reads a file, such as " +
				"url_file: /etc/alertmanager/secrets/NAME"},
		{"a proxy's password", "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url_file: /x, http_config: {proxy_url: 'http://u:s3cret@p:1/'}}]}]",
			"receivers[0].webhook_configs[0].http_config.proxy_url: has a password in its URL"},
		{"a mailbox's password", "global: {smtp_smarthost: 'm:25', smtp_from: a@b, smtp_auth_password: s3cret}\nroute: {receiver: ops}\nreceivers: [{name: ops}]",
			"global.smtp_auth_password: is a secret"},
		{"a token of HTTP", "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url_file: /x, http_config: {authorization: {credentials: s3cret}}}]}]",
			"http_config.authorization.credentials: is a secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Complete(parse(t, c.text), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v has the secret", err)
			}
		})
	}
}
