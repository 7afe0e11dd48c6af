package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func urnOf(token string) urn.URN { return urn.URN("urn:pulumi:lab::promwire::" + token + "::node") }

const (
	dropletToken  = "digitalocean:index/droplet:Droplet"
	firewallToken = "digitalocean:index/firewall:Firewall"
	keyToken      = "digitalocean:index/sshKey:SshKey"
	tagToken      = "digitalocean:index/tag:Tag"
)

// node is a droplet's inputs after Check.
func node() values {
	return values{
		"name": "node", "image": "debian-12-x64", "region": "lon1", "size": "s-1vcpu-1gb", "tags": []any{"a", "b"},
		"sshKeys": []any{"1"}, "userData": "#cloud-config", "ipv6": true, "monitoring": false, "backups": false,
		"gracefulShutdown": false, "resizeDisk": true, defaultsKey: []any{},
	}
}

// asMade is the state of a droplet with such inputs.
func asMade(in values) values {
	facts := maps.Clone(in)
	delete(facts, "userData")
	facts["vpcUuid"], facts["privateNetworking"], facts["volumeIds"], facts["ipv4Address"] = "u", true, []any{}, "198.51.100.1"
	return droplet.state(in, facts)
}

func TestCheckFillsInDefaults(t *testing.T) {
	in := values{"image": "debian-12-x64", "size": "s-1vcpu-1gb"}
	check := func(old values) values {
		t.Helper()
		got, err := newProvider().Check(t.Context(), p.CheckRequest{
			Urn: urnOf(dropletToken), Inputs: encode(in, nil), State: encode(old, nil), RandomSeed: []byte("seed"),
		})
		if err != nil || len(got.Failures) > 0 {
			t.Fatalf("check: %v, %v", got.Failures, err)
		}
		return decode(got.Inputs)
	}
	got := check(nil)
	if !regexp.MustCompile(`^node-[0-9a-f]{7}$`).MatchString(got.text("name")) {
		t.Errorf("name is %q, want the resource's name and seven digits", got["name"])
	}
	if got["resizeDisk"] != true || got["ipv6"] != false || got["monitoring"] != false {
		t.Errorf("defaults are %v", got)
	}
	want := []string{"backups", "gracefulShutdown", "ipv6", "monitoring", "name", "resizeDisk"}
	if defaulted := got.texts(defaultsKey); !slices.Equal(defaulted, want) {
		t.Errorf("defaults are noted as %v, want %v", defaulted, want)
	}
	got["name"] = "node-0000000"
	if again := check(got); again["name"] != "node-0000000" {
		t.Errorf("then the name becomes %q, want the former one", again["name"])
	}
	got[defaultsKey] = []any{}
	if again := check(got); again["name"] == "node-0000000" {
		t.Error("a name stays that the program gave, and gives no more")
	}
}

func TestCheckKeepsSecrets(t *testing.T) {
	inputs := encode(node(), map[string]bool{"userData": true})
	got, err := newProvider().Check(t.Context(), p.CheckRequest{Urn: urnOf(dropletToken), Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Inputs.Get("userData").Secret() || got.Inputs.Get("image").Secret() {
		t.Error("what is secret is not what was")
	}
}

func TestCheckRefuses(t *testing.T) {
	rule := func(edit func(map[string]any)) values {
		r := map[string]any{"protocol": "tcp", "portRange": "22", "sourceAddresses": []any{"::/0"}}
		edit(r)
		return values{"inboundRules": []any{r}}
	}
	tests := map[string]struct {
		token    string
		in       values
		property string
		why      string
	}{
		"image missing": {dropletToken, values{"size": "s"}, "image", "Missing required argument"},
		"unknown key":   {dropletToken, values{"size": "s", "image": "i", "vpc": "x"}, "vpc", "Invalid or unknown key"},
		"output":        {dropletToken, values{"size": "s", "image": "i", "status": "x"}, "status", "Invalid or unknown key"},
		"empty":         {dropletToken, values{"size": "s", "image": "i", "userData": ""}, "userData", "empty string"},
		"type":          {dropletToken, values{"size": "s", "image": "i", "ipv6": "x"}, "ipv6", "another type"},
		"list's type":   {dropletToken, values{"size": "s", "image": "i", "sshKeys": []any{1.0}}, "sshKeys", "another type"},
		"tags":          {dropletToken, values{"size": "s", "image": "i", "tags": []any{"a b"}}, "tags", "limit of 255"},
		"tag":           {tagToken, values{"name": "a b"}, "name", "limit of 255"},
		"key missing":   {keyToken, values{"name": "a"}, "publicKey", "Missing required argument"},
		"no rule":       {firewallToken, values{"tags": []any{"a"}}, "", "At least one rule"},
		"protocol":      {firewallToken, rule(func(r map[string]any) { r["protocol"] = "gre" }), "inboundRules", "expected protocol"},
		"ports":         {firewallToken, rule(func(r map[string]any) { delete(r, "portRange") }), "inboundRules", "is required"},
		"wrong end":     {firewallToken, rule(func(r map[string]any) { r["destinationTags"] = []any{} }), "inboundRules", "unknown key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := newProvider().Check(t.Context(), p.CheckRequest{Urn: urnOf(test.token), Inputs: encode(test.in, nil)})
			if err != nil || len(got.Failures) != 1 {
				t.Fatalf("got %v, %v; want one failure", got.Failures, err)
			}
			if f := got.Failures[0]; f.Property != test.property || !strings.Contains(f.Reason, test.why) {
				t.Errorf("got %+v, want %q of %q", f, test.why, test.property)
			}
		})
	}
	if _, err := newProvider().Check(t.Context(), p.CheckRequest{Urn: urnOf("digitalocean:index/volume:Volume")}); err == nil {
		t.Error("an unknown type was checked")
	}
}

func TestCheckLeavesUnknownsAlone(t *testing.T) {
	in := node()
	in["tags"], in["sshKeys"], in["userData"] = unknown{}, []any{unknown{}}, unknown{}
	got, err := newProvider().Check(t.Context(), p.CheckRequest{Urn: urnOf(dropletToken), Inputs: encode(in, nil)})
	if err != nil || len(got.Failures) > 0 || !got.Inputs.Get("sshKeys").AsArray().Get(0).IsComputed() {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDropletDiff(t *testing.T) {
	tests := map[string]struct {
		edit func(state, in values)
		want string     // the property that changes
		kind p.DiffKind // and how
	}{
		"nothing":             {func(_, _ values) {}, "", ""},
		"order of tags":       {func(_, in values) { in["tags"] = []any{"b", "a"} }, "", ""},
		"capitals":            {func(_, in values) { in["size"], in["region"] = "S-1VCPU-1GB", "LON1" }, "", ""},
		"user data read back": {func(state, in values) { in["userData"] = state["userData"] }, "", ""},
		"region left out":     {func(_, in values) { delete(in, "region") }, "", ""},
		"size":                {func(_, in values) { in["size"] = "s-2vcpu-4gb" }, "size", p.Update},
		"tags":                {func(_, in values) { in["tags"] = []any{"a"} }, "tags", p.Update},
		"no tags":             {func(_, in values) { delete(in, "tags") }, "tags", p.Delete},
		"tag taken off":       {func(state, _ values) { state["tags"] = []any{"a"} }, "tags", p.Update},
		"name":                {func(_, in values) { in["name"] = "other" }, "name", p.Update},
		"IPv6 on":             {func(state, _ values) { state["ipv6"] = false }, "ipv6", p.Update},
		"IPv6 off":            {func(_, in values) { in["ipv6"] = false }, "ipv6", p.UpdateReplace},
		"image":               {func(_, in values) { in["image"] = "debian-13-x64" }, "image", p.UpdateReplace},
		"region":              {func(_, in values) { in["region"] = "sgp1" }, "region", p.UpdateReplace},
		"keys":                {func(_, in values) { in["sshKeys"] = []any{"2"} }, "sshKeys", p.UpdateReplace},
		"user data":           {func(_, in values) { in["userData"] = "x" }, "userData", p.UpdateReplace},
		"no user data":        {func(_, in values) { delete(in, "userData") }, "userData", p.DeleteReplace},
		"monitoring":          {func(_, in values) { in["monitoring"] = true }, "monitoring", p.UpdateReplace},
		"agent":               {func(_, in values) { in["dropletAgent"] = true }, "dropletAgent", p.AddReplace},
		"unknown keys":        {func(_, in values) { in["sshKeys"] = []any{unknown{}} }, "sshKeys", p.UpdateReplace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := node()
			state := asMade(in)
			test.edit(state, in)
			got := droplet.diff(p.DiffRequest{State: encode(state, nil), Inputs: encode(in, nil)})
			want := map[string]p.PropertyDiff{}
			if test.want != "" {
				want[test.want] = p.PropertyDiff{Kind: test.kind}
			}
			if !maps.Equal(got.DetailedDiff, want) || got.HasChanges != (len(want) > 0) {
				t.Errorf("got %+v, want %v", got, want)
			}
			replaced := strings.HasSuffix(string(test.kind), "replace")
			if got.DeleteBeforeReplace != replaced {
				t.Errorf("delete before replace is %v for a name that the program gave", got.DeleteBeforeReplace)
			}
			in[defaultsKey] = []any{"name"}
			if droplet.diff(p.DiffRequest{State: encode(state, nil), Inputs: encode(in, nil)}).DeleteBeforeReplace {
				t.Error("a droplet whose name is made up is deleted before the next is there")
			}
		})
	}
}

func TestOtherDiffs(t *testing.T) {
	tests := map[string]struct {
		of        resource
		state, in values
		want      map[string]p.PropertyDiff
	}{
		"a key's line end": {sshKey, values{"name": "k", "publicKey": "ssh x"}, values{"name": "k", "publicKey": "ssh x\n"}, nil},
		"a key": {sshKey, values{"name": "k", "publicKey": "ssh x"}, values{"name": "k", "publicKey": "ssh y"},
			map[string]p.PropertyDiff{"publicKey": {Kind: p.UpdateReplace}}},
		"a key's name": {sshKey, values{"name": "k", "publicKey": "ssh x"}, values{"name": "l", "publicKey": "ssh x"},
			map[string]p.PropertyDiff{"name": {Kind: p.Update}}},
		"a tag's name": {tag, values{"name": "a", "dropletsCount": 3}, values{"name": "b"},
			map[string]p.PropertyDiff{"name": {Kind: p.UpdateReplace}}},
		"order of rules": {firewall,
			values{"name": "f", "tags": []any{}, "dropletIds": []any{}, "inboundRules": []any{
				map[string]any{"protocol": "icmp", "sourceAddresses": []any{"::/0", "0.0.0.0/0"}},
				map[string]any{"protocol": "tcp", "portRange": "all", "sourceAddresses": []any{"::/0"}},
			}},
			values{"name": "f", "inboundRules": []any{
				map[string]any{"protocol": "tcp", "portRange": "all", "sourceAddresses": []any{"::/0"}, "sourceTags": []any{}},
				map[string]any{"protocol": "icmp", "sourceAddresses": []any{"0.0.0.0/0", "::/0"}},
			}}, nil},
		"a rule": {firewall,
			values{"name": "f", "inboundRules": []any{map[string]any{"protocol": "tcp", "portRange": "22"}}},
			values{"name": "f", "inboundRules": []any{map[string]any{"protocol": "tcp", "portRange": "23"}}},
			map[string]p.PropertyDiff{"inboundRules": {Kind: p.Update}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.of.diff(p.DiffRequest{State: encode(test.state, nil), Inputs: encode(test.in, nil)})
			if !maps.Equal(got.DetailedDiff, test.want) {
				t.Errorf("got %v, want %v", got.DetailedDiff, test.want)
			}
		})
	}
}

func TestPreview(t *testing.T) {
	in := node()
	made, err := newProvider().Create(t.Context(), p.CreateRequest{
		Urn: urnOf(dropletToken), Properties: encode(in, map[string]bool{"userData": true}), DryRun: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !made.Properties.Get("ipv4Address").IsComputed() || made.Properties.Get("name").AsString() != "node" {
		t.Errorf("a new droplet is foreseen as %v", made.Properties)
	}
	if data := made.Properties.Get("userData"); !data.Secret() || data.AsString() != sum("#cloud-config") {
		t.Errorf("user data is foreseen as %v", data)
	}
	state := asMade(in)
	in["size"], state["ipv6"] = "s-2vcpu-4gb", false
	changed, err := newProvider().Update(t.Context(), p.UpdateRequest{
		Urn: urnOf(dropletToken), State: encode(state, nil), Inputs: encode(in, nil), DryRun: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := decode(changed.Properties)
	if got["size"] != "s-2vcpu-4gb" || got["ipv4Address"] != "198.51.100.1" || !hasUnknown(got["ipv6Address"]) {
		t.Errorf("a changed droplet is foreseen as %v", got)
	}
}

func TestValuesAreWhatTheyWere(t *testing.T) {
	was := property.NewMap(map[string]property.Value{
		"text": property.New("x"), "number": property.New(2.5), "yes": property.New(true), "later": property.New(property.Computed),
		"list":   property.New(property.NewArray([]property.Value{property.New("a")})),
		"object": property.New(property.NewMap(map[string]property.Value{"a": property.New(1.0)})),
	})
	if is := encode(decode(was), nil); !is.Equals(was) {
		t.Errorf("got %v, want %v", is, was)
	}
	null := property.NewMap(map[string]property.Value{"none": property.New(property.Null)})
	if got := decode(null); len(got) != 0 {
		t.Errorf("null is %v, want not set", got)
	}
}
