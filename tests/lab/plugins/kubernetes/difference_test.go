package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func objectOf(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	must(t, json.Unmarshal([]byte(text), &obj.Object))
	return obj
}

// shownDiff is a diff as text: "path kind", sorted.
func shownDiff(found map[string]*pulumirpc.PropertyDiff) string {
	var all []string
	for path, change := range found {
		all = append(all, path+" "+strings.ToLower(change.Kind.String()))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestDifferences(t *testing.T) {
	const head = `"apiVersion":"%s","kind":"%s"`
	for name, test := range map[string]struct {
		kind, is, should, want string
	}{
		"nothing": {"v1 Service", `"spec":{"ports":[{"port":80}]}`, `"spec":{"ports":[{"port":80}]}`, ""},
		"added": {"v1 Service", `"spec":{"ports":[{"port":80}]}`, `"spec":{"ports":[{"port":80},{"port":81}],"x":{}}`,
			"spec.ports[1] add, spec.x add"},
		"removed": {"v1 Service", `"spec":{"ports":[{"port":80,"name":"a"},{"port":81}]}`, `"spec":{"ports":[{"port":80}]}`,
			"spec.ports[0].name delete, spec.ports[1] delete"},
		"changed": {"v1 Service", `"spec":{"type":"ClusterIP"}`, `"spec":{"type":"NodePort"}`, "spec.type update"},
		"another type": {"v1 Service", `"spec":{"ports":[{"targetPort":80}]}`, `"spec":{"ports":[{"targetPort":"http"}]}`,
			"spec.ports[0].targetPort update"},
		"a key with dots": {"v1 Service", `"metadata":{"labels":{}}`, `"metadata":{"labels":{"a.b/c":"1"}}`,
			`metadata.labels["a.b/c"] add`},
		"within a field that replaces": {"apps/v1 Deployment", `"spec":{"selector":{"matchLabels":{"a":"1"}}}`,
			`"spec":{"selector":{"matchLabels":{"a":"2"}}}`, "spec.selector.matchLabels.a update_replace"},
		"holds a field that replaces": {"apps/v1 Deployment", `"metadata":{}`, `"metadata":{},"spec":{"selector":{}}`, "spec add_replace"},
		"a pod template": {"apps/v1 Deployment", `"spec":{"template":{"a":"1"}}`, `"spec":{"template":{"a":"2"}}`,
			"spec.template.a update"},
		"a job's template": {"batch/v1 Job", `"spec":{"template":{"a":"1"}}`, `"spec":{"template":{"a":"2"}}`,
			"spec.template.a update_replace"},
		"a container's image": {"v1 Pod", `"spec":{"containers":[{"image":"a"}]}`, `"spec":{"containers":[{"image":"b"}]}`,
			"spec.containers[0].image update_replace"},
		"a container more": {"v1 Pod", `"spec":{"containers":[]}`, `"spec":{"containers":[{"image":"b"}]}`,
			"spec.containers[0] add_replace"},
		"another name": {"v1 Service", `"metadata":{"name":"a"}`, `"metadata":{"name":"b"}`, "metadata.name update_replace"},
		"a secret":     {"v1 Secret", `"data":{"a":"1"}`, `"data":{"a":"2"}`, "data.a update_replace"},
		"a role's subject": {"rbac.authorization.k8s.io/v1 RoleBinding", `"roleRef":{"name":"a"},"subjects":[]`,
			`"roleRef":{"name":"b"},"subjects":[{"name":"c"}]`, "roleRef.name update_replace, subjects[0] add"},
	} {
		t.Run(name, func(t *testing.T) {
			version, kind, _ := strings.Cut(test.kind, " ")
			begin := "{" + fmt.Sprintf(head, version, kind) + ","
			is, should := objectOf(t, begin+test.is+"}"), objectOf(t, begin+test.should+"}")
			if got := shownDiff(differences(is.Object, should.Object, settings{}.replacingFields(should))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestMutable has a provider that changes ConfigMaps and Secrets in place, but those that are immutable.
func TestMutable(t *testing.T) {
	mutable := settings{mutableConfigMaps: true, mutableSecrets: true}
	for object, want := range map[string]bool{
		`{"apiVersion":"v1","kind":"ConfigMap"}`:                  false,
		`{"apiVersion":"v1","kind":"ConfigMap","immutable":true}`: true,
		`{"apiVersion":"v1","kind":"Secret"}`:                     false,
		`{"apiVersion":"v1","kind":"Secret","immutable":true}`:    true,
	} {
		if got := slices.Contains(mutable.replacingFields(objectOf(t, object)), "data"); got != want {
			t.Errorf("%s: data replace: %v", object, got)
		}
	}
}

func TestNormalize(t *testing.T) {
	for name, test := range map[string]struct{ given, want string }{
		"quantities": {
			`{"apiVersion":"v1","kind":"LimitRange","spec":{"limits":[{"max":{"cpu":"1000m","memory":"1024Mi"}}]}}`,
			`{"apiVersion":"v1","kind":"LimitRange","spec":{"limits":[{"max":{"cpu":"1","memory":"1Gi"}}]}}`,
		},
		"empty and unknown fields": {
			`{"apiVersion":"v1","kind":"Service","metadata":{"labels":{},"uid":"u"},"spec":{"typo":1}}`,
			`{"apiVersion":"v1","kind":"Service","metadata":{},"spec":{}}`,
		},
		"stringData": {
			`{"apiVersion":"v1","kind":"Secret","stringData":{"a":"x"},"data":{"a":"eQ==","b":"eg=="}}`,
			`{"apiVersion":"v1","kind":"Secret","data":{"a":"eA==","b":"eg=="}}`,
		},
		"base64 in lines": {
			`{"apiVersion":"v1","kind":"Secret","data":{"a":"aGV\nsbG8="}}`,
			`{"apiVersion":"v1","kind":"Secret","data":{"a":"aGVsbG8="}}`,
		},
		"a kind that is not built in": {
			`{"apiVersion":"promwire.test/v1","kind":"Thing","any":{"x":{}}}`,
			`{"apiVersion":"promwire.test/v1","kind":"Thing","any":{"x":{}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := normalize(objectOf(t, test.given)), objectOf(t, test.want)
			if !same(got.Object, want.Object) {
				t.Errorf("got %v, want %v", got.Object, want.Object)
			}
		})
	}
}

func TestPrune(t *testing.T) {
	live := objectOf(t, `{"spec":{"a":1,"b":2,"list":[{"c":1,"d":2},{"c":3}],"text":"x"}}`)
	shape := objectOf(t, `{"spec":{"a":0,"list":[{"c":0}],"text":{"y":1}},"more":1}`)
	want := objectOf(t, `{"spec":{"a":1,"list":[{"c":1}],"text":"x"}}`)
	if got := prune(live.Object, shape.Object); !same(got, want.Object) {
		t.Errorf("got %v, want %v", got, want.Object)
	}
}
