package house

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// TestTemplate: the project is a template for `pulumi new`. It asks only for what the program reads, and not for a fleet or a key of
// several lines, which nobody can type.
func TestTemplate(t *testing.T) {
	template, err := workspace.LoadTemplate(root)
	if err != nil {
		t.Fatal(err)
	}
	if template.Description == "" || template.Quickstart == "" {
		t.Errorf("it has no description, or no next steps: %+v", template)
	}
	var schema struct {
		Properties struct {
			Config struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(text(t, "stacks/settings/schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	if len(template.Config) == 0 {
		t.Error("it asks for nothing; this test checks nothing")
	}
	for key, asked := range template.Config {
		if _, read := schema.Properties.Config.Properties[key]; !read {
			t.Errorf("it asks for %s, which the schema of stack files does not have", key)
		}
		if key == "promwire:fleet" || key == "promwire:sshPrivateKey" {
			t.Errorf("it asks for %s, which is more than a line", key)
		}
		if !asked.Secret || asked.Description == "" {
			t.Errorf("%s: secret %v, description %q", key, asked.Secret, asked.Description)
		}
	}
}
