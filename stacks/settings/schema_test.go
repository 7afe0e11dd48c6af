package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/stacks/settings/document"
)

//go:generate go test . -run ^(TestSchema|TestReference)$ -update

// schemaFile is what editors read: each stack file's first line points at it.
const schemaFile = "schema.json"

var update = flag.Bool("update", false, "write "+schemaFile+" and the reference in "+referencePage)

func TestSchema(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; run `go generate ./stacks/settings`", schemaFile)
	}
}

// generate makes the schema of a whole stack file from the types in package document, their comments, and the defaults.
func generate(t *testing.T) []byte {
	t.Helper()
	var reflector jsonschema.Reflector
	if err := reflector.AddGoComments("github.com/promwire/promwire/stacks/settings", "document"); err != nil {
		t.Fatal(err)
	}
	fleet := reflector.Reflect(&document.Fleet{})
	addDefaults(t, fleet.Definitions)
	addExporters(t, fleet.Definitions)
	addShort(t, fleet.Definitions)

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(stackFile(fleet)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// addDefaults puts what defaults.go says beside the properties.
func addDefaults(t *testing.T, definitions jsonschema.Definitions) {
	t.Helper()
	for _, d := range []struct {
		definition, property string
		value                any
	}{
		{"Network", "cidr", defaultCIDR},
		{"Heartbeat", "interval", defaultHeartbeat},
		{"Network", "port", defaultPort},
		{"Network", "mtu", defaultMTU},
		{"SSH", "from", anywhere},
		{"Server", "user", defaultUser},
		{"Server", "port", defaultSSHPort},
		{"Monitor", "user", defaultUser},
		{"Monitor", "port", defaultSSHPort},
		{"Monitor", "size", defaultSize},
		{"Monitor", "image", defaultImage},
		{"Target", "user", defaultUser},
		{"Target", "port", defaultSSHPort},
		{"Target", "size", defaultSize},
		{"Target", "image", defaultImage},
		{"Prometheus", "scrapeInterval", defaultScrapeInterval},
		{"Retention", "time", defaultRetentionTime},
		{"Retention", "size", defaultRetentionSize},
		{"Limits", "samples", defaultSamples},
		{"Limits", "labels", defaultLabels},
		{"Limits", "labelNameLength", defaultLabelNameLength},
		{"Limits", "labelValueLength", defaultLabelValueLength},
		{"Limits", "bodySize", defaultBodySize},
		{"TLS", "validity", defaultValidity},
		{"TLS", "authorities", defaultAuthorities},
		{"Target", "transport", WireGuard},
		{"Target", "exporters", []string{exporter.Node}},
		{"Scrape", "path", exporter.DefaultPath},
		{"Cluster", "namespace", defaultNamespace},
		{"Cluster", "key", defaultKey},
		{"ClusterPushgateway", "form", defaultForm},
		{"ClusterLimits", "samples", defaultClusterSamples},
		{"ClusterLimits", "labels", defaultLabels},
		{"ClusterLimits", "labelNameLength", defaultLabelNameLength},
		{"ClusterLimits", "labelValueLength", defaultLabelValueLength},
		{"ClusterLimits", "bodySize", defaultClusterBody},
		{"ScrapedPods", "path", kubernetes.DefaultPath},
		{"ScrapedPods", "limit", defaultPods},
		{"Federate", "match", ownMatch},
		{"Images", "prometheus", defaultImages.Prometheus},
		{"Images", "pushgateway", defaultImages.Pushgateway},
		{"Images", "nginx", defaultImages.Nginx},
	} {
		property(t, definitions, d.definition, d.property).Default = d.value
	}
}

// addExporters puts the names of the exporters that promwire installs where stack files have them.
func addExporters(t *testing.T, definitions jsonschema.Definitions) {
	t.Helper()
	targets := exporter.ForTargets()
	withSecret := slices.DeleteFunc(slices.Clone(targets), func(name string) bool { return row(name).Secret == "" })
	property(t, definitions, "Target", "exporters").Items.Enum = anys(targets)
	property(t, definitions, "Target", "flags").PropertyNames = &jsonschema.Schema{Enum: anys(targets)}
	property(t, definitions, "Target", "secrets").PropertyNames = &jsonschema.Schema{Enum: anys(withSecret)}
	property(t, definitions, "Monitor", "flags").PropertyNames = &jsonschema.Schema{Enum: []any{exporter.Node, exporter.Blackbox}}
}

// addShort lets what is open be a text, too.
func addShort(t *testing.T, definitions jsonschema.Definitions) {
	t.Helper()
	short := &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(-[0-9]+)?/(tcp|udp)|proto [0-9]+|[A-Za-z][A-Za-z0-9]*)$`}
	for _, machine := range []string{"Monitor", "Target"} {
		open := property(t, definitions, machine, "open")
		open.Items = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{short, open.Items}}
	}
}

func anys(names []string) []any {
	var all []any
	for _, name := range names {
		all = append(all, name)
	}
	return all
}

func property(t *testing.T, definitions jsonschema.Definitions, definition, name string) *jsonschema.Schema {
	t.Helper()
	found, ok := definitions[definition].Properties.Get(name)
	if !ok {
		t.Fatalf("%s has no property %s", definition, name)
	}
	return found
}

// stackFile is the schema of the file around the fleet. Other keys are Pulumi's and its providers' business.
func stackFile(fleet *jsonschema.Schema) *jsonschema.Schema {
	secret := func(description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", Description: description}
	}
	config := jsonschema.NewProperties()
	config.Set(document.Root, &jsonschema.Schema{Ref: fleet.Ref})
	config.Set("promwire:sshPrivateKey", secret("The private SSH key to log in to the hosts with. Set it with "+setKey+"."))
	config.Set("digitalocean:token", secret("DigitalOcean's API token. Set it with `pulumi config set --secret digitalocean:token`."))
	config.Set(secretsPath, secret("The secrets that alertmanager.config and monitor.prometheus.remoteWrite read, by name. Set each with `pulumi config set --secret --path "+secretsPath+".NAME`."))
	top := jsonschema.NewProperties()
	top.Set("config", &jsonschema.Schema{Type: "object", Properties: config, Required: []string{document.Root}})
	return &jsonschema.Schema{
		// What editors' YAML support knows; nothing here needs a later draft.
		Version:     "http://json-schema.org/draft-07/schema#",
		Title:       "Stack file of promwire",
		Type:        "object",
		Properties:  top,
		Required:    []string{"config"},
		Definitions: fleet.Definitions,
	}
}
