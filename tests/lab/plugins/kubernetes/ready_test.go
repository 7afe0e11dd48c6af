package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestRollout: a Deployment is ready when the ReplicaSet of its current revision is, not when an older one is.
func TestRollout(t *testing.T) {
	const available = `{"type":"Available","status":"True"}`
	const complete = `{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}`
	const stuck = `{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"too slow"}`
	for name, test := range map[string]struct {
		revision, observed, conditions string
		readyOld, readyNew             int
		want                           bool
		why                            string
	}{
		"first":                    {"1", "2", available, 2, 0, true, ""},
		"first, not available yet": {"1", "2", "", 2, 0, false, "Minimum number of live Pods was not attained"},
		"not seen yet":             {"1", "1", available + "," + complete, 2, 0, false, ""},
		"no revision yet":          {"", "2", available, 2, 0, false, ""},
		"the new one is ready":     {"2", "2", available + "," + complete, 0, 2, true, ""},
		"the old one is ready":     {"2", "2", available, 2, 1, false, "Minimum number of Pods to consider"},
		"too slow":                 {"2", "2", available + "," + stuck, 2, 1, false, "[ProgressDeadlineExceeded] too slow"},
		"a pod is missing":         {"2", "2", available + "," + complete, 0, 1, false, "Attempted to roll forward to new ReplicaSet"},
	} {
		t.Run(name, func(t *testing.T) {
			live := objectOf(t, fmt.Sprintf(`{"metadata":{"uid":"d","generation":2,"annotations":{%q:%q}},
"status":{"observedGeneration":%s,"conditions":[%s]}}`, revision, test.revision, test.observed, test.conditions))
			set := func(number string, ready int) unstructured.Unstructured {
				return *objectOf(t, fmt.Sprintf(`{"metadata":{"uid":"s%s","annotations":{%q:%q},"ownerReferences":[{"uid":"d"}]},
"spec":{"replicas":2},"status":{"readyReplicas":%d}}`, number, revision, number, ready))
			}
			got := deploymentReady(&view{live: live, related: map[string][]unstructured.Unstructured{
				"replicasets": {set("1", test.readyOld), set("2", test.readyNew)},
			}})
			if got.ready != test.want || !strings.Contains(strings.Join(got.reasons, "\n"), test.why) {
				t.Errorf("got %+v, want %v: %s", got, test.want, test.why)
			}
		})
	}
}

// TestEndpoints: a service waits for pods that are still to become ready, and for its endpoints to settle.
func TestEndpoints(t *testing.T) {
	const selecting, balanced = `"selector":{"a":"b"}`, `"selector":{"a":"b"},"type":"LoadBalancer"`
	const pod, late = `"addresses":[{"ip":"10.0.0.1"}]`, `"notReadyAddresses":[{"ip":"10.0.0.2"}]`
	for name, test := range map[string]struct {
		spec, endpoints string
		settled         time.Duration
		ready, enough   bool
	}{
		"a pod":            {selecting, pod, time.Minute, true, true},
		"not settled":      {selecting, pod, time.Second, false, true},
		"one to come":      {selecting, pod + "," + late, time.Minute, false, false},
		"no pod":           {selecting, "", time.Minute, true, true},
		"no address":       {balanced, pod, time.Minute, false, false},
		"no endpoints yet": {selecting, "none", time.Minute, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{live: objectOf(t, `{"metadata":{"name":"s"},"spec":{`+test.spec+`}}`), settled: test.settled}
			if test.endpoints != "none" {
				v.related = map[string][]unstructured.Unstructured{
					"endpoints": {*objectOf(t, `{"metadata":{"name":"s"},"subsets":[{`+test.endpoints+`}]}`)},
				}
			}
			if got := serviceReady(&v, 10*time.Second); got.ready != test.ready || got.enough != test.enough {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestRefuse: what only the real plugin can do is refused.
func TestRefuse(t *testing.T) {
	for text, refused := range map[string]bool{
		"v1 ConfigMap":                  false,
		"v1 ConfigMapList":              true,
		"v1 ConfigMapPatch":             true,
		"helm.sh/v3 Release":            true,
		"apps/v1 StatefulSet":           true,
		"apps/v1 StatefulSet skipAwait": false,
		"v1 ConfigMap waitFor":          true,
		"promwire.test/v1 Thing":        false,
	} {
		words := strings.Split(text+" none", " ")
		obj := objectOf(t, fmt.Sprintf(`{"metadata":{"annotations":{"pulumi.com/%s":"true"}}}`, words[2]))
		gv, err := schema.ParseGroupVersion(words[0])
		must(t, err)
		if err := refuse(gv.WithKind(words[1]), obj); (err != nil) != refused {
			t.Errorf("%s: %v", text, err)
		}
	}
}
