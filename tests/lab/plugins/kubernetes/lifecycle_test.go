package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	pods       = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// namespace makes a namespace of the test's own.
func namespace(d *driven) string {
	d.t.Helper()
	th := d.declare("ns", `{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"of":"test"}}}`)
	must(d.t, th.create())
	return th.id
}

func configMap(namespace, more string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":%q},%s}`, namespace, more)
}

func TestConfigMap(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		c := d.declare("c", configMap(ns, `"data":{"a":"1"}`))
		must(t, c.create())
		if c.id != ns+"/c" || c.value("metadata", "uid") == "" || c.value("__initialApiVersion") != "v1" ||
			!strings.HasPrefix(c.value("__fieldManager").(string), "pulumi-kubernetes-") {
			t.Errorf("made %s: %v", c.id, c.state)
		}
		if what, diff := c.diff(configMap(ns, `"data":{"a":"1"}`)); what != "nothing" {
			t.Errorf("the same again is %s: %v", what, diff)
		}
		if what, _ := c.diff(configMap(ns, `"data":{"a":"2"}`)); what != "replace, delete first" {
			t.Errorf("other data are %s", what)
		}
		if what, _ := c.diff(configMap(ns, `"data":{"a":"2"}`), "data"); what != "nothing" {
			t.Errorf("other data that are ignored are %s", what)
		}
		labelled := strings.Replace(configMap(ns, `"data":{"a":"1"}`), `"metadata":{`, `"metadata":{"labels":{"l":"1"},`, 1)
		if what, _ := c.diff(labelled); what != "update" {
			t.Errorf("a label is %s", what)
		}
		must(t, c.update(labelled))
		if c.value("metadata", "labels", "l") != "1" {
			t.Errorf("labelled: %v", c.state)
		}
		must(t, c.update(configMap(ns, `"data":{"a":"1"}`)))
		if c.value("metadata", "labels") != nil {
			t.Errorf("the label is still there: %v", c.state)
		}
		must(t, c.remove())
		if gone, err := c.refresh(); !gone || err != nil {
			t.Errorf("after its deletion: gone is %v, %v: %v", gone, err, c.state)
		}
		must(t, c.remove())
	})
}

// TestNames gives names to those that have none, and keeps them.
func TestNames(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", map[string]string{"namespace": "default"})
		unnamed := `{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1"}}`
		c := d.declare("auto", unnamed)
		must(t, c.create())
		defer func() { must(t, c.remove()) }() // not as a cleanup: the test's context would have ended
		if !strings.HasPrefix(c.id, "default/auto-") || len(c.id) != len("default/auto-")+8 {
			t.Errorf("named %s", c.id)
		}
		if what, diff := c.diff(unnamed); what != "nothing" {
			t.Errorf("the same again is %s: %v", what, diff)
		}
		if what, _ := c.diff(strings.Replace(unnamed, "1", "2", 1)); what != "update" && what != "replace" {
			t.Errorf("other data are %s", what)
		}
	})
}

// TestSecrets keeps secret what is: the contents of a Secret, and what the program gave as a secret.
func TestSecrets(t *testing.T) {
	const signature = `"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270"`
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		given := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":%q},"stringData":{"key":"hush"}}`, ns)
		s := d.declare("s", given)
		must(t, s.create())
		checkSecret := func(where string, v any) {
			t.Helper()
			text, _ := json.Marshal(v)
			if !strings.Contains(string(text), signature) || !strings.Contains(string(text), "aHVzaA==") {
				t.Errorf("%s is %s", where, text)
			}
		}
		checkSecret("data", s.value("data"))
		checkSecret("the inputs' data", s.value("__inputs", "data"))
		if what, diff := s.diff(given); what != "nothing" {
			t.Errorf("the same again is %s: %v", what, diff)
		}
		if what, _ := s.diff(strings.Replace(given, "hush", "other", 1)); what != "replace, delete first" {
			t.Errorf("other contents are %s", what)
		}
		c := d.declare("c", configMap(ns, `"data":{"open":"1","hidden":{`+signature+`,"value":"aHVzaA=="}}`))
		must(t, c.create())
		checkSecret("a secret value of a ConfigMap", c.value("data", "hidden"))
		if c.value("data", "open") != "1" {
			t.Errorf("the data are %v", c.value("data"))
		}
		if gone, err := c.refresh(); gone || err != nil {
			t.Fatal(gone, err)
		}
		checkSecret("after a refresh, it", c.value("data", "hidden"))
	})
}

// TestConflict has another manager own a field.
func TestConflict(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		labelled := func(value, annotations string) string {
			return strings.Replace(configMap(ns, `"data":{"a":"1"}`), `"metadata":{`,
				`"metadata":{"labels":{"l":"`+value+`"},"annotations":{`+annotations+`},`, 1)
		}
		c := d.declare("c", labelled("1", ""))
		must(t, c.create())
		theirs := func(object string) {
			t.Helper()
			take(t, api(t).Resource(configMaps).Namespace(ns), `{"apiVersion":"v1","kind":"ConfigMap","metadata":{`+object+`}`)
		}
		theirs(`"name":"c","labels":{"l":"theirs"}}`)

		err := c.update(labelled("2", ""))
		mustFail(t, err, "conflict", "someone", ".metadata.labels.l")
		if partly := initFailure(err); partly == nil || len(partly.Reasons) == 0 {
			t.Errorf("the state keeps nothing: %v", err)
		}
		if c.value("metadata", "labels", "l") != "theirs" {
			t.Errorf("the state shows %v", c.value("metadata"))
		}
		if what, _ := c.diff(labelled("2", "")); what != "update" {
			t.Errorf("the next try is %s", what)
		}
		must(t, c.update(labelled("2", ""), "metadata.labels.l"))
		if c.value("metadata", "labels", "l") != "theirs" {
			t.Errorf("an ignored label became %v", c.value("metadata", "labels"))
		}
		must(t, c.update(labelled("2", `"pulumi.com/patchForce":"true"`)))
		if c.value("metadata", "labels", "l") != "2" {
			t.Errorf("by force the label is %v", c.value("metadata", "labels"))
		}
		theirs(`"name":"foreign"},"data":{"a":"theirs"}`)
		foreign := d.declare("foreign", strings.Replace(configMap(ns, `"data":{"a":"1"}`), `"name":"c"`, `"name":"foreign"`, 1))
		mustFail(t, foreign.create(), "conflict", "someone")
		if foreign.id != "" {
			t.Errorf("another resource's object is in the state as %s", foreign.id)
		}
	})
}

// TestAdoption manages what kubectl made, and goes on to manage it after kubectl edited it.
func TestAdoption(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		made := &unstructured.Unstructured{}
		must(t, made.UnmarshalJSON([]byte(configMap(ns, `"data":{"a":"1","b":"1"}`))))
		made.SetLabels(map[string]string{"l": "1"})
		_, err := api(t).Resource(configMaps).Namespace(ns).Create(t.Context(), made, metav1.CreateOptions{FieldManager: "kubectl-create"})
		must(t, err)
		labelled := func(value string) string {
			return strings.Replace(configMap(ns, `"data":{"a":"1"}`), `"metadata":{`, `"metadata":{"labels":{"l":"`+value+`"},`, 1)
		}
		mustFail(t, d.declare("c", labelled("2")).create(), "conflict", "kubectl-create")
		c := d.declare("c", labelled("1"))
		must(t, c.create())
		if c.value("data", "b") != "1" {
			t.Errorf("what was there is gone: %v", c.state)
		}
		must(t, c.update(labelled("2")))
		if c.value("metadata", "labels", "l") != "2" || c.value("data", "b") != nil {
			t.Errorf("kubectl's fields are not its own: %v", c.state)
		}
	})
}

// take makes another manager own fields.
func take(t *testing.T, of dynamic.ResourceInterface, object string) {
	t.Helper()
	var head struct{ Metadata struct{ Name string } }
	must(t, json.Unmarshal([]byte(object), &head))
	force := true
	_, err := of.Patch(t.Context(), head.Metadata.Name, types.ApplyPatchType, []byte(object),
		metav1.PatchOptions{FieldManager: "someone", Force: &force})
	must(t, err)
}

// TestDeletionWaits: a finalizer delays the removal of an object.
func TestDeletionWaits(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		ns := namespace(d)
		held := func(seconds string) *thing {
			t.Helper()
			c := d.declare("c", strings.Replace(configMap(ns, `"data":{"a":"1"}`), `"metadata":{`,
				`"metadata":{"finalizers":["promwire.test/hold"],"annotations":{"pulumi.com/timeoutSeconds":"`+seconds+`"},`, 1))
			must(t, c.create())
			return c
		}
		free := func() {
			t.Helper()
			_, err := api(t).Resource(configMaps).Namespace(ns).Patch(t.Context(), "c", types.MergePatchType,
				[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			must(t, err)
		}
		mustFail(t, held("1").remove(), "timed out")
		if d.Logged("finalizers might be preventing deletion") == 0 {
			t.Errorf("of the finalizer it says nothing: %v", d.Log())
		}
		free()
		eventually(t, "gone", func() error {
			_, err := api(t).Resource(configMaps).Namespace(ns).Get(t.Context(), "c", metav1.GetOptions{})
			if err == nil {
				return errors.New("still there")
			}
			return nil
		})

		c, done := held("60"), make(chan error)
		go func() { done <- c.remove() }()
		eventually(t, "being deleted", func() error {
			obj, err := api(t).Resource(configMaps).Namespace(ns).Get(t.Context(), "c", metav1.GetOptions{})
			if err == nil && obj.GetDeletionTimestamp() == nil {
				err = errors.New("not yet")
			}
			return err
		})
		select {
		case err := <-done:
			t.Errorf("the deletion ended before the object was gone: %v", err)
		default:
		}
		free()
		must(t, <-done)
	})
}

// TestGet reads what the program did not make.
func TestGet(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		read := func(id string) *pulumirpc.ReadResponse {
			t.Helper()
			res, err := d.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urnOf(t, "k", `{"apiVersion":"v1","kind":"Service"}`), Id: id})
			must(t, err)
			return res
		}
		res := read("default/kubernetes")
		spec, _ := res.Properties.AsMap()["spec"].(properties)
		if res.Id != "default/kubernetes" || spec["clusterIP"] == "" {
			t.Errorf("read %v", res)
		}
		inputs := res.Inputs.AsMap()
		metadata, _ := inputs["metadata"].(properties)
		if metadata["uid"] != nil || metadata["name"] != "kubernetes" || inputs["spec"] == nil {
			t.Errorf("the inputs are %v", inputs)
		}
		if res := read("default/none"); res.Id != "" {
			t.Errorf("read one that is not there: %v", res)
		}
	})
}

func TestPreview(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		d := driveAs(t, binary, "admin", nil)
		service := func(port int) string {
			return fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"p","namespace":"default"},
"spec":{"ports":[{"port":%d}]}}`, port)
		}
		shown, err := d.declare("p", service(80)).preview()
		must(t, err)
		if spec, _ := shown.AsMap()["spec"].(properties); spec["type"] != "ClusterIP" || shown.AsMap()["status"] != nil {
			t.Errorf("a preview shows %v", shown)
		}
		_, err = d.declare("p", configMap("no-such-namespace", `"data":{"a":"1"}`)).preview()
		must(t, err)
		unknown := d.declare("p", configMap("default", `"data":{"a":"`+unknownValue+`"}`))
		shown, err = unknown.preview()
		must(t, err)
		if data, _ := shown.AsMap()["data"].(properties); data["a"] != unknownValue {
			t.Errorf("a preview of what is unknown shows %v", shown)
		}
		bad := d.declare("p", service(-1))
		_, err = bad.preview()
		mustFail(t, err, `Service "p" is invalid`, "spec.ports[0].port")
		mustFail(t, bad.create(), "was not successfully created", `Service "p" is invalid`)
	})
}

// TestMissingRights names the verb and the kind.
func TestMissingRights(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		admin := driveAs(t, binary, "admin", nil)
		ns := namespace(admin)
		d := driveAs(t, binary, "limited", nil)
		mine := d.declare("c", configMap(ns, `"data":{"a":"1"}`))
		mustFail(t, mine.create(), `configmaps "c" is forbidden`, `User "limited" cannot patch resource "configmaps"`, ns)
		if _, err := mine.preview(); err != nil {
			t.Errorf("a preview fails: %v", err)
		}
		theirs := admin.declare("c", configMap(ns, `"data":{"a":"1"}`))
		must(t, theirs.create())
		theirs.driven = d
		mustFail(t, theirs.remove(), `cannot delete resource "configmaps"`)
		_, err := theirs.refresh()
		mustFail(t, err, `cannot get resource "configmaps"`)
	})
}

// TestUnreachable has a cluster that does not answer, a context that is not there, and a kubeconfig that is none.
func TestUnreachable(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		for what, test := range map[string]struct {
			settings map[string]string
			why      string
		}{
			"no cluster": {map[string]string{"kubeconfig": kubeconfigOf("https://127.0.0.1:1", "t")}, "connection refused"},
			"no context": {map[string]string{"context": "other"}, `context "other" does not exist`},
			"no config":  {map[string]string{"kubeconfig": "nonsense"}, "kubeconfig"},
			"no access":  {map[string]string{"kubeconfig": kubeconfigOf(control.server, "wrong")}, "unable to load schema information"},
		} {
			d := driveAs(t, binary, "admin", test.settings)
			c := d.declare("c", configMap("default", `"data":{"a":"1"}`))
			if _, err := c.preview(); err != nil {
				t.Errorf("%s: a preview fails: %v", what, err)
			}
			mustFail(t, c.create(), "configured Kubernetes cluster is unreachable", test.why)
			c.id, c.state = "default/c", c.inputs
			_, err := c.refresh()
			mustFail(t, err, "failed to read resource state due to unreachable cluster")
			mustFail(t, c.remove(), "unreachable", "PULUMI_K8S_DELETE_UNREACHABLE")
			test.settings["deleteUnreachable"] = "true"
			c.driven = driveAs(t, binary, "admin", test.settings)
			must(t, c.remove())
			if gone, err := c.refresh(); !gone || err != nil {
				t.Errorf("%s: gone is %v, %v", what, gone, err)
			}
		}
	})
}
