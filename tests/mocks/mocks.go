// Package mocks runs the whole program against Pulumi's mocks: no cloud, no host, every resource as the engine sees it.
package mocks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as the provider
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/stacks"
)

// Resource is one resource as the program asked for it.
type Resource struct {
	Type, Name   string
	Parent       string // name
	Inputs       resource.PropertyMap
	Outputs      resource.PropertyMap // nil: it failed
	Ignored      []string
	Dependencies []string // names, sorted
	DeletedWith  string   // name
	Provider     string   // name; "": the default one
	Imported     string   // ID of what was there already; "": it is made
	Protected    bool     // Pulumi refuses to delete it
}

// engine stands for Pulumi's engine: it answers as providers would and remembers the requests.
type engine struct {
	sync.Mutex
	resources map[string]Resource
	past      Past
	failed    []string // names of resources that fail
}

// Past is what there was before a run.
type Past struct {
	Ledger    string                          // in the state; "": a new stack
	Salts     string                          // of temporary host keys, in the state; "": of a version without them
	Droplets  map[string]resource.PropertyMap // in the state: outputs, by the resource's name
	Keys      map[string]resource.PropertyMap // the same of SSH keys
	Commands  map[string]resource.PropertyMap // in the state: outputs, by TYPE::NAME, where TYPE is their component's
	Replace   []string                        // droplets that the operator wants to have replaced
	Protected string                          // of the hosts that the last run protected, in the state: JSON; "": none
	Stashes   []string                        // names of others, in the state
	Account   resource.PropertyMap            // sshKeys and droplets of the cloud account, as the cloud's functions list them
}

// publicKey is the WireGuard key that bootstrap prints for a host: any valid one that is the same in every run.
func publicKey(host string) string {
	var key wgtypes.Key
	copy(key[:], host)
	return key.String()
}

// PodIP is the address of every pod here.
const PodIP = "10.244.7.7"

// HostKey is the SSH host key of every host here.
const HostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJBcVHnBzaWqVHYNvSYV2UkKJXKkN0mGC7xjLMLDwW5Z"

func nameOf(urn string) string { return urn[strings.LastIndex(urn, "::")+2:] }

func (e *engine) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r := Resource{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs}
	if rpc := args.RegisterRPC; rpc != nil {
		r.Ignored = rpc.GetIgnoreChanges()
		if rpc.GetParent() != "" {
			r.Parent = nameOf(rpc.GetParent())
		}
		if rpc.GetDeletedWith() != "" {
			r.DeletedWith = nameOf(rpc.GetDeletedWith())
		}
		for _, urn := range rpc.GetDependencies() {
			r.Dependencies = append(r.Dependencies, nameOf(urn))
		}
		slices.Sort(r.Dependencies)
		r.Provider = provider(rpc.GetProvider())
		r.Imported = rpc.GetImportId()
		r.Protected = rpc.GetProtect()
	}
	e.Lock()
	defer e.Unlock()
	if _, twice := e.resources[args.Name]; twice {
		return "", nil, fmt.Errorf("two resources are named %s", args.Name)
	}
	if slices.Contains(e.failed, args.Name) {
		e.resources[args.Name] = r
		return "", resource.PropertyMap{}, nil
	}
	r.Outputs = e.outputs(args)
	e.resources[args.Name] = r
	return args.Name + "-id", maps.Clone(r.Outputs), nil
}

// provider is the name in a provider's reference, which is its URN, "::" and its ID. The default one has no explicit resource.
func provider(reference string) string {
	at := strings.LastIndex(reference, "::")
	if at < 0 {
		return ""
	}
	return nameOf(reference[:at])
}

// kept are the inputs of Stashes that ignore later ones, by name: as the engine keeps them from run to run.
var kept sync.Map

// outputs are what a provider would compute.
func (e *engine) outputs(args pulumi.MockResourceArgs) resource.PropertyMap {
	outputs := maps.Clone(args.Inputs)
	switch args.TypeToken {
	case "pulumi:index:Stash":
		outputs["output"] = outputs["input"]
		if slices.Contains(args.RegisterRPC.GetIgnoreChanges(), "input") {
			first, _ := kept.LoadOrStore(args.Name, outputs["input"])
			outputs["output"] = first.(resource.PropertyValue)
		}
	case "kubernetes:core/v1:Pod":
		outputs["status"] = resource.NewProperty(resource.PropertyMap{"podIP": resource.NewProperty(PodIP)})
	case "digitalocean:index/droplet:Droplet":
		outputs["userData"] = resource.NewProperty(e.userData(args))
		outputs["ipv4Address"] = resource.NewProperty("198.51.100." + fmt.Sprint(10+len(args.Name)))
	case "digitalocean:index/sshKey:SshKey":
		outputs["fingerprint"] = resource.NewProperty("aa:bb")
	case "command:remote:Command", "command:local:Command":
		outputs["stdout"] = resource.NewProperty(stdout(args.Name))
	}
	return outputs
}

// userData is what the provider keeps of a droplet's user data: its SHA-1. A droplet that stays has the former one.
func (e *engine) userData(args pulumi.MockResourceArgs) string {
	was, there := e.past.Droplets[args.Name]
	if kept := was["userData"]; there && kept.IsString() && was["region"].DeepEquals(args.Inputs["region"]) && !slices.Contains(e.past.Replace, args.Name) {
		return kept.StringValue()
	}
	text := args.Inputs["userData"]
	if text.IsSecret() {
		text = text.SecretValue().Element
	}
	sum := sha1.Sum([]byte(text.StringValue())) //nolint:gosec // as the provider
	return hex.EncodeToString(sum[:])
}

func stdout(name string) string {
	host, _, _ := strings.Cut(name, "-bootstrap")
	switch {
	case strings.HasSuffix(name, "-bootstrap"):
		facts, _ := json.Marshal(map[string]string{
			"publicKey": publicKey(host), "hostKey": HostKey, "arch": "amd64", "os": "debian 12", "wireguard": "kernel",
			"request": request(),
		})
		return string(facts)
	case strings.HasSuffix(name, "-enrol"):
		receipt, _ := json.Marshal(map[string]any{"certificate": certificate, "authorities": certificate, "signed": 1700000000})
		return string(receipt)
	case strings.HasSuffix(name, "-gate"), strings.HasSuffix(name, "-verification-hub"):
		return "monitor\tlon\t10.98.0.2\t9100\topen\topen"
	case strings.HasSuffix(name, "-outside"):
		return "operator\tlon\t198.51.100.13\t9100\tclosed\tclosed"
	}
	return "{}"
}

// certificate looks like one; the program only passes it on.
var certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("of a host")})

// request is every host's certificate request.
var request = sync.OnceValue(func() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
})

func (e *engine) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "pulumi:pulumi:readStackResourceOutputs":
		return resource.PropertyMap{"outputs": resource.NewProperty(e.past.state())}, nil
	case "digitalocean:index/getSshKeys:getSshKeys":
		return resource.PropertyMap{"sshKeys": e.past.listed("sshKeys")}, nil
	case "digitalocean:index/getDroplets:getDroplets":
		return resource.PropertyMap{"droplets": e.past.listed("droplets")}, nil
	case "digitalocean:index/getRegions:getRegions":
		return resource.PropertyMap{"regions": regions}, nil
	}
	return nil, fmt.Errorf("unexpected call of %s", args.Token)
}

// regions are those that the cloud has: nyc1 takes no new droplets, and tor1 has the two small sizes only.
var regions = func() resource.PropertyValue {
	var all []resource.PropertyValue
	for _, slug := range []string{"ams3", "fra1", "lon1", "nyc1", "nyc3", "sfo3", "sgp1", "tor1"} {
		sizes := []string{"s-1vcpu-1gb", "s-1vcpu-2gb"}
		if slug != "tor1" {
			sizes = append(sizes, "s-2vcpu-2gb", "s-2vcpu-4gb")
		}
		all = append(all, resource.NewProperty(resource.NewPropertyMapFromMap(map[string]any{
			"slug": slug, "available": slug != "nyc1", "sizes": sizes,
		})))
	}
	return resource.NewProperty(all)
}()

// state is what the engine reads of the last run.
func (p Past) state() resource.PropertyMap {
	state := resource.PropertyMap{}
	add := func(kind, name string, outputs resource.PropertyMap) {
		state[resource.PropertyKey("urn:pulumi:test::promwire::"+kind+"::"+name)] = resource.NewProperty(resource.PropertyMap{
			"type": resource.NewProperty(kind[strings.LastIndex(kind, "$")+1:]), "outputs": resource.NewProperty(outputs),
		})
	}
	if p.Ledger != "" {
		add("pulumi:index:Stash", "ledger", resource.PropertyMap{"input": resource.NewProperty(p.Ledger)})
	}
	if p.Salts != "" {
		add("promwire:index:Fleet$pulumi:index:Stash", saltsName, resource.PropertyMap{"input": resource.NewProperty(p.Salts)})
	}
	for _, name := range p.Stashes {
		add("promwire:index:Fleet$pulumi:index:Stash", name, resource.PropertyMap{})
	}
	if p.Protected != "" {
		add("pulumi:index:Stash", "protected", resource.PropertyMap{"input": resource.NewProperty(p.Protected)})
	}
	for name, outputs := range p.Droplets {
		add("promwire:index:Host$digitalocean:index/droplet:Droplet", name, outputs)
	}
	for name, outputs := range p.Keys {
		add("promwire:index:Fleet$digitalocean:index/sshKey:SshKey", name, outputs)
	}
	for of, outputs := range p.Commands {
		component, name, _ := strings.Cut(of, "::")
		add("promwire:index:Fleet$"+component+"$command:remote:Command", name, outputs)
	}
	return state
}

func (p Past) listed(what resource.PropertyKey) resource.PropertyValue {
	if list, ok := p.Account[what]; ok {
		return list
	}
	return resource.NewProperty([]resource.PropertyValue{})
}

// Run runs the program once, with a fleet as in a stack file (JSON) and what the previous run recorded.
func Run(t testing.TB, fleet, ledger string, more ...func(map[string]string)) (map[string]Resource, error) {
	t.Helper()
	return run(t, &engine{resources: map[string]Resource{}, past: Past{Ledger: ledger}}, stacks.Run, fleet, more...)
}

// RunAfter is Run with all that there was before.
func RunAfter(t testing.TB, fleet string, past Past, more ...func(map[string]string)) map[string]Resource {
	t.Helper()
	resources, err := run(t, &engine{resources: map[string]Resource{}, past: past}, stacks.Run, fleet, more...)
	require.NoError(t, err)
	return resources
}

// RefusedAfter is the error of a run that must be refused, with all that there was before.
func RefusedAfter(t testing.TB, fleet string, past Past) error {
	t.Helper()
	resources, err := run(t, &engine{resources: map[string]Resource{}, past: past}, stacks.Run, fleet)
	require.Error(t, err)
	for name, r := range resources {
		require.NotEqual(t, "digitalocean:index/droplet:Droplet", r.Type, name)
	}
	return err
}

// RunFailing is Run in a new stack where resources of these names fail, as `pulumi up --continue-on-error` shows it to the program:
// they have no outputs. The engine skips what depends on them; here it is registered, with what the program rendered from empty outputs.
func RunFailing(t testing.TB, fleet string, failed ...string) (map[string]Resource, error) {
	t.Helper()
	return run(t, &engine{resources: map[string]Resource{}, failed: failed}, stacks.Run, fleet)
}

// RunProgram is Run of another program, in a new stack.
func RunProgram(t testing.TB, program pulumi.RunFunc, fleet string) (map[string]Resource, error) {
	t.Helper()
	return run(t, &engine{resources: map[string]Resource{}}, program, fleet)
}

func run(t testing.TB, e *engine, program pulumi.RunFunc, fleet string, more ...func(map[string]string)) (map[string]Resource, error) {
	t.Helper()
	config := map[string]string{
		"promwire:fleet":         fleet,
		"promwire:sshPrivateKey": OperatorKey(t),
		"digitalocean:token":     "dop_v1_planted",
	}
	for _, change := range more {
		change(config)
	}
	err := pulumi.RunErr(program, pulumi.WithMocks("promwire", "test", e), func(info *pulumi.RunInfo) {
		info.Config = config
		info.ConfigSecretKeys = []string{"promwire:sshPrivateKey", "digitalocean:token"}
	})
	return e.resources, err
}

// MustRun is Run for a valid fleet.
func MustRun(t testing.TB, fleet, ledger string, more ...func(map[string]string)) map[string]Resource {
	t.Helper()
	resources, err := Run(t, fleet, ledger, more...)
	require.NoError(t, err)
	return resources
}

// Ledger is what a run recorded.
func Ledger(t testing.TB, resources map[string]Resource) string {
	t.Helper()
	require.Contains(t, resources, "ledger")
	return resources["ledger"].Inputs["input"].StringValue()
}

// saltsName is the Stash of the salts of temporary host keys.
const saltsName = "promwire-test-host-key-salts"

// After is what a run leaves.
func After(t testing.TB, resources map[string]Resource) Past {
	t.Helper()
	past := Past{Ledger: Ledger(t, resources), Droplets: map[string]resource.PropertyMap{}}
	if salts, there := resources[saltsName]; there {
		past.Salts = salts.Inputs["input"].StringValue()
	}
	for name, r := range resources {
		if r.Type == "digitalocean:index/droplet:Droplet" {
			past.Droplets[name] = r.Outputs
		}
	}
	return past
}

// operatorPEM is one key for all runs of a process, so that runs can be compared.
var operatorPEM = sync.OnceValues(func() (string, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(block)), nil
})

// OperatorKey is the operator's private SSH key in OpenSSH's format.
func OperatorKey(t testing.TB) string {
	t.Helper()
	key, err := operatorPEM()
	require.NoError(t, err)
	return key
}

// Kept is what the Stash of a name keeps: its input in the first run.
func Kept(t testing.TB, name string) string {
	t.Helper()
	value, is := kept.Load(name)
	require.True(t, is, name)
	v := value.(resource.PropertyValue)
	if v.IsSecret() {
		v = v.SecretValue().Element
	}
	return v.StringValue()
}
