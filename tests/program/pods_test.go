package program

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

// pods are the specs of all pods of a cluster, by the resource that makes them.
func pods(resources map[string]mocks.Resource, cluster string) map[string]resource.PropertyValue {
	all := of(resources, cluster, ":Deployment")
	maps.Copy(all, of(resources, cluster, ":Job"))
	specs := map[string]resource.PropertyValue{}
	for name, r := range all {
		specs[name] = at(inputs(r), "spec", "template", "spec")
	}
	for name, r := range of(resources, cluster, ":Pod") {
		specs[name] = at(inputs(r), "spec")
	}
	return specs
}

// volumeTypes are those that Pod Security admits (https://kubernetes.io/docs/concepts/security/pod-security-standards/, restricted).
var volumeTypes = []string{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}

// TestPodsAreRestricted checks every pod against Pod Security's level restricted, and against promwire's own rules.
func TestPodsAreRestricted(t *testing.T) {
	resources := run(t)
	for _, cluster := range []string{"a", "b"} {
		labels := at(inputs(resources[cluster+"-namespace"]), "metadata", "labels")
		assert.Equal(t, "restricted", at(labels, "pod-security.kubernetes.io/enforce").StringValue())
		specs := pods(resources, cluster)
		assert.GreaterOrEqual(t, len(specs), 4)
		for name, spec := range specs {
			for _, key := range []string{"hostNetwork", "hostPID", "hostIPC", "hostUsers"} {
				assert.False(t, at(spec, key).IsBool(), "%s has %s", name, key)
			}
			assert.True(t, at(spec, "securityContext", "runAsNonRoot").BoolValue(), name)
			assert.Equal(t, 65534.0, at(spec, "securityContext", "runAsUser").NumberValue(), name)
			assert.Equal(t, "RuntimeDefault", at(spec, "securityContext", "seccompProfile", "type").StringValue(), name)
			_, account := spec.ObjectValue()["serviceAccountName"]
			assert.Equal(t, account, at(spec, "automountServiceAccountToken").BoolValue(), name)
			assert.Equal(t, name == cluster+"-prometheus-deployment", account, name)
			for _, volume := range volumes(spec) {
				for kind := range volume.ObjectValue() {
					assert.Contains(t, append([]string{"name"}, volumeTypes...), string(kind), name)
				}
			}
			for _, container := range at(spec, "containers").ArrayValue() {
				restricted(t, name, container)
			}
			assert.False(t, at(spec, "initContainers").IsArray(), name)
		}
	}
}

func volumes(spec resource.PropertyValue) []resource.PropertyValue {
	if list := at(spec, "volumes"); list.IsArray() {
		return list.ArrayValue()
	}
	return nil
}

func restricted(t *testing.T, pod string, container resource.PropertyValue) {
	t.Helper()
	name := pod + "/" + at(container, "name").StringValue()
	assert.Regexp(t, `@sha256:[0-9a-f]{64}$`, at(container, "image").StringValue(), name)
	context := func(keys ...string) resource.PropertyValue {
		return at(container, append([]string{"securityContext"}, keys...)...)
	}
	assert.False(t, context("allowPrivilegeEscalation").BoolValue(), name)
	assert.False(t, context("privileged").BoolValue(), name)
	assert.True(t, context("readOnlyRootFilesystem").BoolValue(), name)
	assert.Equal(t, resource.NewProperty([]resource.PropertyValue{resource.NewProperty("ALL")}), context("capabilities", "drop"), name)
	assert.False(t, context("capabilities", "add").IsArray(), name)
	for _, key := range []string{"runAsUser", "runAsNonRoot", "seccompProfile", "procMount"} {
		assert.Equal(t, resource.PropertyValue{}, context(key), "%s: the pod sets %s", name, key)
	}
	if variable := at(container, "env", "name"); at(container, "env").IsArray() {
		assert.True(t, variable.IsString() && variable.StringValue() == "PROMWIRE_AGAIN", "%s has an environment", name)
	}
	assert.False(t, at(container, "envFrom").IsArray(), "%s has an environment", name)
	assert.False(t, at(container, "ports").IsArray(), "%s declares ports", name)
	for _, probe := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
		for _, asked := range []string{"httpGet", "tcpSocket", "grpc"} {
			assert.Equal(t, resource.PropertyValue{}, at(container, probe, asked), "%s: %s probes through the network", name, probe)
		}
	}
}

// In a dark cluster nothing that keeps running listens on the cluster's network: everything is on the loopback of its pod.
func TestADarkClusterListensNowhere(t *testing.T) {
	resources := run(t)
	assert.Empty(t, of(resources, "b", ":Service"))
	for _, c := range []struct{ pod, container, listens string }{
		{"b-prometheus-deployment", "prometheus", "--web.listen-address=127.0.0.1:9090"},
		{"b-reflect-deployment", "reflect", "--listen 127.0.0.1:7000 --metrics 127.0.0.1:8080"},
	} {
		containers := at(pods(resources, "b")[c.pod], "containers").ArrayValue()
		require.Len(t, containers, 2)
		assert.Equal(t, c.container, at(containers[0], "name").StringValue())
		assert.Contains(t, words(at(containers[0], "args")), c.listens)
		assert.Equal(t, "tunnel", at(containers[1], "name").StringValue())
		assert.Equal(t, "--config /etc/wireproxy/config", words(at(containers[1], "args")))
	}
	for name, r := range of(resources, "b", ":NetworkPolicy") {
		if name == "b-canary-policy" { // its pod ends with the proof
			assert.Equal(t, "Never", at(pods(resources, "b")["b-canary"], "restartPolicy").StringValue())
			continue
		}
		ingress := at(inputs(r), "spec", "ingress")
		assert.True(t, !ingress.IsArray() || len(ingress.ArrayValue()) == 0, "%s admits connections", name)
	}
}

func words(list resource.PropertyValue) string {
	var all []string
	for _, word := range list.ArrayValue() {
		all = append(all, plain(word).StringValue())
	}
	return strings.Join(all, " ")
}

// planted are the texts that must be secret, by kind: keys of the tunnel, passwords, keys of certificates.
func planted(t *testing.T, resources map[string]mocks.Resource) map[string]string {
	t.Helper()
	all := map[string]string{"the token": mocks.Token}
	for name, r := range resources {
		if r.Type != "pulumi:index:Stash" || name == "ledger" || strings.HasSuffix(name, "-host-key-salts") {
			continue
		}
		assert.True(t, r.Inputs["input"].IsSecret(), name)
		assert.Equal(t, []string{"input"}, r.Ignored, "%s would differ in each run", name)
		text := mocks.Kept(t, name)
		var kept struct{ Password, Key string }
		switch {
		case json.Unmarshal([]byte(text), &kept) != nil:
			all[name] = text
		case kept.Password != "":
			all[name] = kept.Password
		default:
			require.NotEmpty(t, kept.Key, name)
			all[name] = strings.Split(kept.Key, "\n")[1]
		}
	}
	return all
}

// Keys and passwords are only in secrets: in no other resource's inputs, and in these as Pulumi's secrets.
func TestSecretsOfClusters(t *testing.T) {
	resources := run(t)
	secrets := planted(t, resources)
	for _, name := range []string{"a-tunnel-key-1", "b-tunnel-key-1", "b-reflect-tunnel-key-1", "a-pushgateway-backup-password-1",
		"a-pushgateway-prometheus-password-1", "a-pushgateway-certificate-1"} {
		assert.Contains(t, secrets, name)
	}
	found := map[string]bool{}
	for name, r := range resources {
		seen := clearText(inputs(r))
		all := allText(inputs(r))
		for what, text := range secrets {
			assert.NotContains(t, seen, text, "%s has %s in clear text", name, what)
			if strings.Contains(all, text) {
				found[what] = true
				assert.True(t, strings.HasSuffix(r.Type, ":Secret") || r.Type == "pulumi:index:Stash", "%s, a %s, has %s", name, r.Type, what)
			}
		}
	}
	for _, what := range []string{
		"a-tunnel-key-1", "b-tunnel-key-1", "b-reflect-tunnel-key-1", "a-pushgateway-prometheus-password-1", "a-pushgateway-certificate-1",
	} {
		assert.True(t, found[what], "%s is not found: the test checks nothing", what)
	}
}

// allText is all text of a value, secrets included.
func allText(v resource.PropertyValue) string {
	v = plain(v)
	switch {
	case v.IsString():
		return v.StringValue() + "\n"
	case v.IsArray():
		var b strings.Builder
		for _, element := range v.ArrayValue() {
			b.WriteString(allText(element))
		}
		return b.String()
	case v.IsObject():
		var b strings.Builder
		for _, element := range v.ObjectValue() {
			b.WriteString(allText(element))
		}
		return b.String()
	}
	return ""
}
