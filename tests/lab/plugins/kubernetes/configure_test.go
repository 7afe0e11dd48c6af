package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

const twoContexts = `{"apiVersion":"v1","kind":"Config","current-context":"a",
"clusters":[{"name":"a","cluster":{"server":"https://a"}},{"name":"b","cluster":{"server":"https://b"}}],
"contexts":[{"name":"a","context":{"cluster":"a"}},{"name":"b","context":{"cluster":"b"}}]}`

// TestDiffConfig: a resource is replaced only if the cluster changes.
func TestDiffConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(twoContexts), 0o600))
	for name, test := range map[string]struct {
		old, new properties
		replaces []string
	}{
		"same":                  {properties{"context": "a"}, properties{"context": "a"}, nil},
		"another namespace":     {properties{"kubeconfig": twoContexts}, properties{"kubeconfig": twoContexts, "namespace": "n"}, nil},
		"contents, then a path": {properties{"kubeconfig": twoContexts}, properties{"kubeconfig": file}, nil},
		"another context": {properties{"kubeconfig": file}, properties{"kubeconfig": file, "context": "b"},
			[]string{"context"}},
		"another cluster": {properties{"kubeconfig": file}, properties{"kubeconfig": file, "cluster": "b"},
			[]string{"cluster"}},
		"unknown": {properties{"kubeconfig": file}, properties{"kubeconfig": unknownValue}, []string{"kubeconfig"}},
		"the same by its identifier": {properties{"clusterIdentifier": "i", "context": "a", "kubeconfig": file},
			properties{"clusterIdentifier": "i", "context": "b", "kubeconfig": file}, nil},
		"another identifier": {properties{"clusterIdentifier": "i"}, properties{"clusterIdentifier": "j"}, []string{"clusterIdentifier"}},
	} {
		t.Run(name, func(t *testing.T) {
			olds, err := structpb.NewStruct(test.old)
			must(t, err)
			news, err := structpb.NewStruct(test.new)
			must(t, err)
			res, err := newPlugin(nil).DiffConfig(t.Context(), &pulumirpc.DiffRequest{Olds: olds, News: news})
			must(t, err)
			if !slices.Equal(res.Replaces, test.replaces) {
				t.Errorf("got %v, want %v", res.Replaces, test.replaces)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	t.Setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
	set, err := readSettings(resource.PropertyMap{})
	if err != nil || !set.deleteUnreachable {
		t.Errorf("the environment is not heard: %+v, %v", set, err)
	}
	set, err = readSettings(resource.PropertyMap{"deleteUnreachable": resource.NewProperty(false)})
	if err != nil || set.deleteUnreachable {
		t.Errorf("the provider's input does not come first: %+v, %v", set, err)
	}
	for _, name := range []resource.PropertyKey{"enableServerSideApply", "renderYamlToDirectory"} {
		if _, err := readSettings(resource.PropertyMap{name: resource.NewProperty("false")}); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}
