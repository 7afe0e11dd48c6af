package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const podSpec = `{"containers":[{"name":"a","image":"lab.promwire.test/a"}]`

func deployment(ns, label string) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":%q,
"annotations":{"pulumi.com/timeoutSeconds":"60"}},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"d"}},
"template":{"metadata":{"labels":{"app":"d","v":%q}},"spec":%s}}}}`, ns, label, podSpec)
}

// setStatus sets an object's status, as a kubelet or a controller would.
func setStatus(t *testing.T, of schema.GroupVersionResource, ns, name, status string) error {
	_, err := api(t).Resource(of).Namespace(ns).Patch(t.Context(), name, types.MergePatchType,
		[]byte(`{"status":`+status+`}`), metav1.PatchOptions{}, "status")
	return err
}

const podIsReady = `{"phase":"Running","conditions":[{"type":"PodScheduled","status":"True"},
{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"}]}`

const podIsStuck = `{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"},{"type":"Initialized","status":"True"},
{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"not ready: [a]"}],
"containerStatuses":[{"name":"a","image":"a","imageID":"","ready":false,"restartCount":0,
"state":{"waiting":{"reason":"ErrImageNeverPull","message":"no such image"}}}]}`

// readyPods makes n of a namespace's pods with a label ready, as soon as they are there.
func readyPods(t *testing.T, ns, selector string, n int) {
	t.Helper()
	eventually(t, "pods", func() error {
		list, err := api(t).Resource(pods).Namespace(ns).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
		if err == nil && len(list.Items) != n {
			err = fmt.Errorf("%d pods of %s, want %d", len(list.Items), selector, n)
		}
		for i := 0; err == nil && i < len(list.Items); i++ {
			err = setStatus(t, pods, ns, list.Items[i].GetName(), podIsReady)
		}
		return err
	})
}

// during runs something while an operation goes on, and returns how that ends.
func during(operation func() error, something func()) error {
	done := make(chan error, 1)
	go func() { done <- operation() }()
	something()
	return <-done
}

func TestDeployment(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		th := d.declare("d", deployment(ns, "1"))
		must(t, during(th.create, func() {
			d.awaitLog("(0/2 Pods available)")
			readyPods(t, ns, "v=1", 2)
		}))
		if n := th.value("status", "availableReplicas"); n != 2.0 {
			t.Errorf("ready with %v pods", n)
		}
		if what, diff := th.diff(deployment(ns, "1")); what != "nothing" {
			t.Errorf("the same again is %s: %v", what, diff)
		}
		if what, diff := th.diff(deployment(ns, "2")); what != "update" {
			t.Errorf("another template is %s: %v", what, diff)
		}
		unknown := regexp.MustCompile(`"spec":.*`).ReplaceAllString(strings.ReplaceAll(deployment(ns, "1"), "\n", ""), `"spec":"`+unknownValue+`"}`)
		if what, diff := th.diff(unknown); what != "replace, delete first" {
			t.Errorf("a spec that is unknown is %s: %v", what, diff)
		}
		if what, diff := th.diff(strings.Replace(deployment(ns, "1"), `"v":"1"`, `"v":"`+unknownValue+`"`, 1)); what != "update" {
			t.Errorf("a label that is unknown is %s: %v", what, diff)
		}
		must(t, during(func() error { return th.update(deployment(ns, "2")) }, func() {
			readyPods(t, ns, "v=2", 1)
			readyPods(t, ns, "v=2", 2)
		}))
		// The real one may take the former rollout for this one, if it awaited a Deployment of that namespace before.
		eventually(t, "a refresh", func() error { _, err := th.refresh(); return err })
		if n := th.value("status", "updatedReplicas"); n != 2.0 {
			t.Errorf("updated with %v pods", n)
		}
		must(t, th.remove())
	})
}

// TestDeploymentFails keeps what did not become ready in the state, with the reasons.
func TestDeploymentFails(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		th := d.declare("d", strings.Replace(deployment(ns, "1"), `"60"`, `"3"`, 1))
		err := during(th.create, func() {
			d.awaitLog("(0/2 Pods available)")
			eventually(t, "a pod", func() error {
				list, err := api(t).Resource(pods).Namespace(ns).List(t.Context(), metav1.ListOptions{})
				if err != nil || len(list.Items) == 0 {
					return errors.New("not yet")
				}
				return setStatus(t, pods, ns, list.Items[0].GetName(), podIsStuck)
			})
		})
		mustFail(t, err, "was successfully created", "'d' timed out waiting to be Ready")
		partly := initFailure(err)
		if partly == nil || partly.Id != ns+"/d" {
			t.Fatalf("it is not in the state: %v", err)
		}
		reasons := strings.Join(partly.Reasons, "\n")
		for _, text := range []string{"Minimum number of live Pods was not attained", "[ErrImageNeverPull] no such image"} {
			if !strings.Contains(reasons, text) {
				t.Errorf("the reasons don't say %q: %s", text, reasons)
			}
		}
		_, err = th.refresh()
		if partly := initFailure(err); partly == nil {
			t.Errorf("a refresh finds nothing wrong: %v", err)
		}
		must(t, during(func() error { return th.update(deployment(ns, "1")) }, func() { readyPods(t, ns, "v=1", 2) }))
		unwaited := strings.Replace(deployment(ns, "1"), `timeoutSeconds":"60"`, `skipAwait":"true"`, 1)
		must(t, d.declare("e", strings.Replace(unwaited, `"name":"d"`, `"name":"e"`, 1)).create())
	})
}

func TestJob(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		declared := func(name, more string) string {
			return fmt.Sprintf(`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":%q,"namespace":%q},
"spec":{%s"template":{"metadata":{"labels":{"app":%q}},"spec":%s,"restartPolicy":"Never"}}}}`, name, ns, more, name, podSpec)
		}
		ends := func(name, phase string) {
			t.Helper()
			eventually(t, "a pod", func() error {
				list, err := api(t).Resource(pods).Namespace(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
				if err != nil || len(list.Items) == 0 {
					return errors.New("not yet")
				}
				return setStatus(t, pods, ns, list.Items[0].GetName(), `{"phase":"`+phase+`"}`)
			})
		}
		good := d.declare("good", declared("good", ""))
		must(t, during(good.create, func() { ends("good", "Succeeded") }))
		other := strings.Replace(declared("good", ""), "test/a", "test/b", 1)
		if what, _ := good.diff(other); what != "replace, delete first" {
			t.Errorf("another template is %s", what)
		}
		if _, err := d.declare("good", other).preview(); err != nil {
			t.Errorf("the preview of another template: %v", err)
		}
		bad := d.declare("bad", declared("bad", `"backoffLimit":0,`))
		err := during(bad.create, func() { ends("bad", "Failed") })
		mustFail(t, err, "'bad' was created but failed to initialize")
		if partly := initFailure(err); partly == nil || !strings.Contains(fmt.Sprint(partly.Reasons), "[BackoffLimitExceeded]") {
			t.Errorf("the reasons are %v", partly)
		}
	})
}

func TestPod(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		p := d.declare("p", fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":%q,"labels":{"app":"p"}},
"spec":%s}}`, ns, podSpec))
		must(t, during(p.create, func() { readyPods(t, ns, "app=p", 1) }))
		if p.value("status", "phase") != "Running" {
			t.Errorf("the state shows %v", p.value("status"))
		}
	})
}

// TestService waits for the pods that it selects.
func TestService(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		declared := func(name, more string) string {
			return fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":%q,"namespace":%q},
"spec":{"ports":[{"port":80}]%s}}`, name, ns, more)
		}
		for name, more := range map[string]string{
			"headless":    `,"clusterIP":"None","selector":{"app":"x"}`,
			"unselecting": "",
			"external":    `,"type":"ExternalName","externalName":"a.test"`,
		} {
			must(t, d.declare(name, declared(name, more)).create())
		}
		selecting := d.declare("s", declared("s", `,"selector":{"app":"none"}`))
		start := time.Now()
		must(t, selecting.create())
		if waited := time.Since(start); waited < 9*time.Second {
			t.Errorf("its endpoints had %v to settle", waited)
		}
		if d.Logged("[1/3] Finding Pods to direct traffic to") == 0 {
			t.Errorf("it does not say what it waits for: %v", d.Log())
		}
	})
}

// TestCancel ends a wait; what is there already stays in the state.
func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		th := d.declare("d", deployment(ns, "1"))
		err := during(th.create, func() {
			d.awaitLog("(0/2 Pods available)")
			_, err := d.Cancel(t.Context(), &emptypb.Empty{})
			must(t, err)
		})
		mustFail(t, err, "Resource operation was cancelled")
		if initFailure(err) == nil {
			t.Errorf("it is not in the state: %v", err)
		}
	})
}

// TestNamespaceGoes waits until all that is in a namespace is gone.
func TestNamespaceGoes(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		n := d.declare("n", `{"apiVersion":"v1","kind":"Namespace"}`)
		must(t, n.create())
		must(t, d.declare("c", configMap(n.id, `"data":{"a":"1"}`)).create())
		if what, diff := n.diff(`{"apiVersion":"v1","kind":"Namespace"}`); what != "nothing" {
			t.Errorf("the same again is %s: %v", what, diff)
		}
		must(t, n.remove())
		if _, err := api(t).Resource(namespaces).Get(t.Context(), n.id, metav1.GetOptions{}); err == nil {
			t.Error("the namespace is still there")
		}
	})
}

// TestOrder makes what is in a namespace before the namespace itself.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		name := "late-" + strings.ToLower(rand.Text()[:8])
		n := d.declare("n", fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name))
		c := d.declare("c", configMap(name, `"data":{"a":"1"}`))
		must(t, during(c.create, func() {
			d.awaitLog("creation failed")
			must(t, n.create())
		}))
	})
}

// TestUnwatched fails at once where the plugin may not see whether an object becomes ready.
func TestUnwatched(t *testing.T) {
	t.Parallel()
	admin := driveAs(t, binaries["stand-in"], "admin", nil)
	ns := namespace(admin)
	for name, object := range map[string]string{
		"role": `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r","namespace":%q},
"rules":[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["*"]}]}`,
		"binding": `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"r","namespace":%q},
"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"limited"}]}`,
	} {
		must(t, admin.declare(name, fmt.Sprintf(object, ns)).create())
	}
	d := driveAs(t, binaries["stand-in"], "limited", nil)
	var err error
	eventually(t, "the role", func() error {
		if err = d.declare("d", deployment(ns, "1")).create(); initFailure(err) == nil {
			return err
		}
		return nil
	})
	mustFail(t, err, `cannot list resource "replicasets"`, "can't see whether it becomes ready")
}
