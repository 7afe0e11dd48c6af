package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	p "github.com/pulumi/pulumi-go-provider"
)

// script is an API that gives each request its next answer; the last one stays.
type script struct {
	mutex   sync.Mutex
	answers map[string][]string // "METHOD path" -> "STATUS body"
	seen    []string
	bodies  map[string]string // the latest of each request
	token   string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	name := r.Method + " " + r.URL.Path
	s.seen = append(s.seen, name)
	s.token = r.Header.Get("Authorization")
	var body json.RawMessage
	if json.NewDecoder(r.Body).Decode(&body) == nil {
		s.bodies[name] = string(body)
	}
	answers := s.answers[name]
	if len(answers) == 0 {
		http.Error(w, `{"message":"not scripted"}`, http.StatusTeapot)
		return
	}
	if len(answers) > 1 {
		s.answers[name] = answers[1:]
	}
	status, text, _ := strings.Cut(answers[0], " ")
	code, err := strconv.Atoi(status)
	if err != nil {
		panic(err) // of the test, which gave this answer
	}
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "0")
	}
	w.WriteHeader(code)
	fmt.Fprint(w, text)
}

// count is how often a request came.
func (s *script) count(name string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	n := 0
	for _, seen := range s.seen {
		if seen == name {
			n++
		}
	}
	return n
}

// against is a configured plugin and the API that it talks to.
func against(t *testing.T, answers map[string][]string) (p.Provider, *script) {
	t.Helper()
	former := pace
	pace.first, pace.longest = time.Millisecond, time.Millisecond
	t.Cleanup(func() { pace = former })
	s := &script{answers: answers, bodies: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	provider := newProvider()
	err := provider.Configure(t.Context(), p.ConfigureRequest{Args: encode(values{
		"token": "secret", "apiEndpoint": server.URL, "httpRetryWaitMin": 0.001, "httpRetryWaitMax": "0.001",
	}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return provider, s
}

// dropletAnswer is the API's answer about droplet 7.
func dropletAnswer(status string, edit func(*godo.Droplet)) string {
	d := godo.Droplet{
		ID: 7, Name: "node", Status: status, Region: &godo.Region{Slug: "lon1"}, Size: &godo.Size{Slug: "s-1vcpu-1gb"},
		Networks: &godo.Networks{}, Features: []string{"ipv6"}, Tags: []string{"b", "a"}, VPCUUID: "u",
	}
	if status == "active" {
		d.Networks.V4 = []godo.NetworkV4{{IPAddress: "198.51.100.1", Type: "public"}}
		d.Networks.V6 = []godo.NetworkV6{{IPAddress: "2001:DB8::1", Type: "public"}}
	}
	if edit != nil {
		edit(&d)
	}
	raw, _ := json.Marshal(map[string]any{"droplet": d}) // plain data: can't fail
	return "200 " + string(raw)
}

const missing = `404 {"id":"not_found","message":"The resource you requested could not be found."}`

func TestDropletIsMade(t *testing.T) {
	provider, api := against(t, map[string][]string{
		"POST /v2/droplets": {`429 {}`, dropletAnswer("new", nil)},
		"GET /v2/droplets/7": {dropletAnswer("new", nil),
			dropletAnswer("active", func(d *godo.Droplet) { d.Locked = true }), dropletAnswer("active", nil)},
	})
	got, err := provider.Create(t.Context(), p.CreateRequest{
		Urn: urnOf(dropletToken), Properties: encode(node(), map[string]bool{"userData": true}),
	})
	if err != nil || got.ID != "7" {
		t.Fatalf("got %v, %v", got, err)
	}
	state := decode(got.Properties)
	if state["ipv4Address"] != "198.51.100.1" || state["ipv6Address"] != "2001:db8::1" || state["status"] != "active" {
		t.Errorf("state is %v", state)
	}
	if state["userData"] != sum("#cloud-config") || !got.Properties.Get("userData").Secret() || state["image"] != "debian-12-x64" {
		t.Errorf("state is %v", got.Properties)
	}
	if n := api.count("GET /v2/droplets/7"); n != 4 || api.token != "Bearer secret" {
		t.Errorf("looked %d times with %q, want 3 times and once to read", n, api.token)
	}
	if diff := droplet.diff(p.DiffRequest{State: got.Properties, Inputs: encode(node(), nil)}); diff.HasChanges {
		t.Errorf("at once it should change: %v", diff)
	}
	var request map[string]any
	if err := json.Unmarshal([]byte(api.bodies["POST /v2/droplets"]), &request); err != nil {
		t.Fatal(err)
	}
	if request["user_data"] != "#cloud-config" || fmt.Sprint(request["ssh_keys"], request["tags"]) != "[1] [a b]" {
		t.Errorf("asked for %v", request)
	}
}

func TestDropletThatVanishesIsPartlyMade(t *testing.T) {
	provider, _ := against(t, map[string][]string{
		"POST /v2/droplets":  {dropletAnswer("new", nil)},
		"GET /v2/droplets/7": {missing},
	})
	got, err := provider.Create(t.Context(), p.CreateRequest{Urn: urnOf(dropletToken), Properties: encode(node(), nil)})
	if err == nil || got.ID != "7" || got.PartialState == nil || !strings.Contains(err.Error(), "to become ready") {
		t.Errorf("got %+v, %v; want an id, a partial state and an error", got, err)
	}
}

func TestDropletThatIsRefused(t *testing.T) {
	provider, _ := against(t, map[string][]string{"POST /v2/droplets": {`422 {"message":"You specified an invalid size"}`}})
	got, err := provider.Create(t.Context(), p.CreateRequest{Urn: urnOf(dropletToken), Properties: encode(node(), nil)})
	if err == nil || got.ID != "" || !strings.Contains(err.Error(), "Error creating droplet: POST") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDropletIsDeleted(t *testing.T) {
	tests := map[string]struct {
		answers map[string][]string
		why     string
	}{
		"waits until it is gone": {map[string][]string{
			"GET /v2/droplets/7":    {dropletAnswer("active", nil), dropletAnswer("active", nil), missing},
			"DELETE /v2/droplets/7": {"204 "},
		}, ""},
		"was gone before": {map[string][]string{"GET /v2/droplets/7": {missing}}, "to be unlocked"},
		"goes in between": {map[string][]string{
			"GET /v2/droplets/7": {dropletAnswer("active", nil), missing}, "DELETE /v2/droplets/7": {missing},
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			provider, _ := against(t, test.answers)
			err := provider.Delete(t.Context(), p.DeleteRequest{Urn: urnOf(dropletToken), ID: "7", Properties: encode(asMade(node()), nil)})
			if (err == nil) != (test.why == "") || err != nil && !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %v, want %q", err, test.why)
			}
		})
	}
}

func TestDropletIsChanged(t *testing.T) {
	done := `200 {"action":{"id":3,"status":"completed"}}`
	off := dropletAnswer("off", nil)
	active := dropletAnswer("active", func(d *godo.Droplet) {
		d.Name, d.Size.Slug, d.Tags = "other", "s-2vcpu-4gb", []string{"a", "c"}
	})
	provider, api := against(t, map[string][]string{
		"POST /v2/droplets/7/actions": {done}, "GET /v2/actions/3": {done}, "GET /v2/droplets/7": {off, active},
		"DELETE /v2/tags/b/resources": {"204 "}, "POST /v2/tags": {`201 {"tag":{"name":"c"}}`}, "POST /v2/tags/c/resources": {"204 "},
	})
	in := node()
	state := asMade(in)
	in["size"], in["name"], in["tags"] = "s-2vcpu-4gb", "other", []any{"a", "c"}
	got, err := provider.Update(t.Context(), p.UpdateRequest{
		Urn: urnOf(dropletToken), ID: "7", State: encode(state, nil), Inputs: encode(in, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	if now := decode(got.Properties); now["size"] != "s-2vcpu-4gb" || now["name"] != "other" || !same(now["tags"], in["tags"]) {
		t.Errorf("state is %v", now)
	}
	if n := api.count("POST /v2/droplets/7/actions"); n != 4 {
		t.Errorf("%d actions, want power_off, resize, power_on and rename", n)
	}
}

func TestRead(t *testing.T) {
	provider, _ := against(t, map[string][]string{
		"GET /v2/droplets/7": {dropletAnswer("active", func(d *godo.Droplet) { d.Tags = nil }), dropletAnswer("active", nil), missing},
	})
	in := node()
	refresh, err := provider.Read(t.Context(), p.ReadRequest{
		Urn: urnOf(dropletToken), ID: "7", Properties: encode(asMade(in), nil), Inputs: encode(in, map[string]bool{"userData": true}),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := decode(refresh.Inputs)
	if canonical(now["tags"]) != nil || now["userData"] != "#cloud-config" || !refresh.Inputs.Get("userData").Secret() {
		t.Errorf("after a refresh the inputs are %v", refresh.Inputs)
	}
	if diff := droplet.diff(p.DiffRequest{State: refresh.Properties, Inputs: encode(in, nil)}); len(diff.DetailedDiff) != 1 {
		t.Errorf("after a refresh this changes: %v; want the tags", diff.DetailedDiff)
	}
	imported, err := provider.Read(t.Context(), p.ReadRequest{Urn: urnOf(dropletToken), ID: "7"})
	if err != nil || decode(imported.Inputs)["region"] != "lon1" {
		t.Errorf("imported is %v, %v", imported, err)
	}
	lost, err := provider.Read(t.Context(), p.ReadRequest{Urn: urnOf(dropletToken), ID: "7"})
	if err != nil || lost.ID != "" {
		t.Errorf("a droplet that is gone is %v, %v", lost, err)
	}
}

func TestFirewallIsSentAndRead(t *testing.T) {
	answer := `200 {"firewall":{"id":"f","name":"wall","status":"succeeded","tags":["fleet"],"inbound_rules":[
		{"protocol":"icmp","ports":"0","sources":{"addresses":["::/0"]}},
		{"protocol":"tcp","ports":"0","sources":{"tags":["fleet"]}},
		{"protocol":"udp","ports":"1-65535","sources":{"droplet_ids":[7]}}],"outbound_rules":[]}}`
	provider, api := against(t, map[string][]string{"POST /v2/firewalls": {answer}, "GET /v2/firewalls/f": {answer}})
	in := values{"name": "wall", "tags": []any{"fleet"}, defaultsKey: []any{}, "inboundRules": []any{
		map[string]any{"protocol": "udp", "portRange": "1-65535", "sourceDropletIds": []any{7.0}},
		map[string]any{"protocol": "tcp", "portRange": "all", "sourceTags": []any{"fleet"}},
		map[string]any{"protocol": "icmp", "sourceAddresses": []any{"::/0"}},
	}}
	got, err := provider.Create(t.Context(), p.CreateRequest{Urn: urnOf(firewallToken), Properties: encode(in, nil)})
	if err != nil || got.ID != "f" {
		t.Fatalf("got %v, %v", got, err)
	}
	if diff := firewall.diff(p.DiffRequest{State: got.Properties, Inputs: encode(in, nil)}); diff.HasChanges {
		t.Errorf("at once it should change: %v", diff)
	}
	var sent godo.FirewallRequest
	if err := json.Unmarshal([]byte(api.bodies["POST /v2/firewalls"]), &sent); err != nil {
		t.Fatal(err)
	}
	if first := sent.InboundRules[0]; first.PortRange != "1-65535" || !slices.Equal(first.Sources.DropletIDs, []int{7}) {
		t.Errorf("sent %+v", sent)
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	provider, api := against(t, map[string][]string{
		"POST /v2/droplets": {dropletAnswer("new", nil)}, "GET /v2/droplets/7": {dropletAnswer("new", nil)},
	})
	done := make(chan p.CreateResponse)
	go func() {
		got, _ := provider.Create(t.Context(), p.CreateRequest{Urn: urnOf(dropletToken), Properties: encode(node(), nil)})
		done <- got
	}()
	for api.count("GET /v2/droplets/7") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := provider.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.ID != "7" || got.PartialState == nil {
		t.Errorf("got %+v, want the droplet in a partial state", got)
	}
}
