package operator

import (
	"path/filepath"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

const clustersText = `config:
  promwire:fleet:
    clusters:
      - {name: b, mode: dark, kubeconfig: {context: second}}
      - {name: a, mode: gateway, kubeconfig: {context: first}}
      - {name: same, mode: dark, kubeconfig: {context: first}}
      - {name: theirs, mode: dark, kubeconfig: {path: theirs.yaml, context: first-of-theirs}}
      - {name: secret, mode: dark, kubeconfig: {contents: {secure: abc}, context: in-there}}
      - {name: current, mode: dark}
    images: {reflect: "registry.example.com/reflect@sha256:00", nginx: "registry.example.com/nginx@sha256:00"}
`

func TestClusters(t *testing.T) {
	o := newOperator(t, clustersText)
	got, err := o.Clusters("try")
	if err != nil || !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("got %q: %v", got, err)
	}
	if _, err := o.Clusters("nowhere"); err == nil {
		t.Error("a stack that is not there has clusters")
	}
}

// TestClustersAreFilledIn: the lab's kubeconfig stands where KUBECONFIG would hold, also for a cluster of a single run.
func TestClustersAreFilledIn(t *testing.T) {
	o := newOperator(t, clustersText)
	o.lab.Kubeconfig = "/lab/kubeconfig"
	o.lab.Images = map[string]string{"reflect": "lab/reflect@sha256:11", "wireproxy": "lab/wireproxy@sha256:22"}
	err := o.prepare("try", Options{Edit: func(fleet map[string]any) {
		more := map[string]any{"name": "more", "kubeconfig": map[string]any{"context": "third"}}
		fleet["clusters"] = append(fleet["clusters"].([]any)[1:], more)
	}})
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Config struct {
			Fleet map[string]any `yaml:"promwire:fleet"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(o.work("try"), "stacks", "Pulumi.try.yaml"))), &document); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"clusters": `[{name: a, mode: gateway, kubeconfig: {context: first, path: /lab/kubeconfig}},
{name: same, mode: dark, kubeconfig: {context: first, path: /lab/kubeconfig}},
{name: theirs, mode: dark, kubeconfig: {path: theirs.yaml, context: first-of-theirs}},
{name: secret, mode: dark, kubeconfig: {contents: {secure: abc}, context: in-there}},
{name: current, mode: dark, kubeconfig: {path: /lab/kubeconfig}},
{name: more, kubeconfig: {context: third, path: /lab/kubeconfig}}]`,
		"images": `{reflect: "lab/reflect@sha256:11", wireproxy: "lab/wireproxy@sha256:22", nginx: "registry.example.com/nginx@sha256:00"}`,
	} {
		if got, want := canonical(t, document.Config.Fleet[key]), canonical(t, parse(t, want)); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", key, got, want)
		}
	}
}
