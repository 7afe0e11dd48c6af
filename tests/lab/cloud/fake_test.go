package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"golang.org/x/oauth2"
)

const testToken = "dop_v1_test"

// fakeHypervisor keeps machines in memory.
type fakeHypervisor struct {
	mutex    sync.Mutex
	machines map[string]*fakeMachine
	number   int
	calls    []string // "create NAME", "destroy NAME" of one that is there
	fail     map[string]int
	booting  chan struct{} // two receives: a machine's boot is waited for, and it has booted; nil: all have at once
}

type fakeMachine struct {
	spec     MachineSpec
	rules    *Rules
	filtered bool
	running  bool
}

func newFake() *fakeHypervisor {
	return &fakeHypervisor{machines: map[string]*fakeMachine{}, fail: map[string]int{}}
}

// refuse makes the next calls of one kind fail.
func (h *fakeHypervisor) refuse(kind string, times int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.fail[kind] = times
}

// begin says whether a call fails. It is called with the mutex held.
func (h *fakeHypervisor) begin(kind string) error {
	if h.fail[kind] > 0 {
		h.fail[kind]--
		return errors.New(kind + " refused")
	}
	return nil
}

func (h *fakeHypervisor) Create(_ context.Context, spec MachineSpec) (Addresses, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if err := h.begin("create"); err != nil {
		return Addresses{}, err
	}
	if _, ok := h.machines[spec.Name]; ok {
		return Addresses{}, fmt.Errorf("machine %s is there already", spec.Name)
	}
	h.number++
	h.machines[spec.Name] = &fakeMachine{spec: spec, running: true}
	h.calls = append(h.calls, "create "+spec.Name)
	a := Addresses{
		V4: netip.AddrFrom4([4]byte{198, 51, 100, byte(h.number)}), V4Netmask: "255.255.255.0",
		V4Gateway: netip.MustParseAddr("198.51.100.254"),
	}
	if spec.IPv6 {
		a.V6, a.V6Bits, a.V6Gateway = netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", h.number)), 64, netip.MustParseAddr("2001:db8::ff")
	}
	return a, nil
}

func (h *fakeHypervisor) Destroy(_ context.Context, name string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if err := h.begin("destroy"); err != nil {
		return err
	}
	if _, ok := h.machines[name]; ok {
		h.calls = append(h.calls, "destroy "+name)
	}
	delete(h.machines, name)
	return nil
}

func (h *fakeHypervisor) Filter(_ context.Context, name string, rules *Rules) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if err := h.begin("filter"); err != nil {
		return err
	}
	m, ok := h.machines[name]
	if !ok {
		return fmt.Errorf("no machine %s", name)
	}
	m.rules, m.filtered = rules, true
	return nil
}

func (h *fakeHypervisor) Booted(ctx context.Context, _ string) error {
	for range 2 {
		if h.booting == nil {
			break
		}
		select {
		case h.booting <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.begin("boot")
}

func (h *fakeHypervisor) Stop(_ context.Context, name string) error  { return h.power(name, false) }
func (h *fakeHypervisor) Start(_ context.Context, name string) error { return h.power(name, true) }

func (h *fakeHypervisor) power(name string, on bool) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.machines[name].running = on
	return nil
}

// machine is a copy of a machine; ok is false if there is none.
func (h *fakeHypervisor) machine(name string) (m fakeMachine, ok bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if found, ok := h.machines[name]; ok {
		return *found, true
	}
	return fakeMachine{}, false
}

// account is an API over a fake, with a real client of it.
type account struct {
	*testing.T
	api    *API
	fake   *fakeHypervisor
	client *godo.Client
	url    string
}

func newAccount(t *testing.T, options ...Option) account {
	t.Helper()
	return openAccount(t, t.TempDir(), newFake(), options...)
}

func openAccount(t *testing.T, dir string, fake *fakeHypervisor, options ...Option) account {
	t.Helper()
	api, err := New(dir, fake, testToken, append([]Option{WithLimits(0, 0)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		server.Close()
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	})
	return account{t, api, fake, newClient(t, server.URL, testToken), server.URL}
}

func newClient(t *testing.T, url, token string) *godo.Client {
	t.Helper()
	httpClient := oauth2.NewClient(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
	client, err := godo.New(httpClient, godo.SetBaseURL(url))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// create makes a droplet, which need not be active yet.
func (a account) create(name string, edit func(*godo.DropletCreateRequest)) *godo.Droplet {
	a.Helper()
	request := &godo.DropletCreateRequest{
		Name: name, Region: "lon1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "debian-12-x64"},
	}
	if edit != nil {
		edit(request)
	}
	d, _, err := a.client.Droplets.Create(a.Context(), request)
	if err != nil {
		a.Fatal(err)
	}
	return d
}

// active makes a droplet and waits for it.
func (a account) active(name string, edit func(*godo.DropletCreateRequest)) *godo.Droplet {
	a.Helper()
	d := a.create(name, edit)
	a.wait("droplet to be active", func() bool {
		var err error
		if d, _, err = a.client.Droplets.Get(a.Context(), d.ID); err != nil {
			a.Fatal(err)
		}
		return d.Status == statusActive
	})
	return d
}

// gone waits until a droplet is a 404.
func (a account) gone(id int) {
	a.Helper()
	a.wait("droplet to be gone", func() bool {
		_, response, err := a.client.Droplets.Get(a.Context(), id)
		return err != nil && response.StatusCode == http.StatusNotFound
	})
}

// wait polls until something is so, and gives up long after it should have been.
func (a account) wait(what string, so func() bool) {
	a.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			a.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// refused checks that an error is the API's, with a status and a message.
func refused(t *testing.T, err error, status int, message string) {
	t.Helper()
	var told *godo.ErrorResponse
	if !errors.As(err, &told) {
		t.Fatalf("got error %v, want the API's %d", err, status)
	}
	if told.Response.StatusCode != status || told.Message != message {
		t.Errorf("got %d %q, want %d %q", told.Response.StatusCode, told.Message, status, message)
	}
	if told.RequestID == "" || told.RequestID != told.Response.Header.Get("X-Request-Id") {
		t.Errorf("request id is %q in the body and %q in the header", told.RequestID, told.Response.Header.Get("X-Request-Id"))
	}
}
