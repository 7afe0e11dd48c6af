package cloud

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/digitalocean/godo"
)

const (
	testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPqMwqN3e0YW8WkLh4ZyFw4K2B6r5fGz0iRkqLzcKfI2 lab"
)

func TestDropletIsNewBeforeItIsActive(t *testing.T) {
	a := newAccount(t)
	key, _, err := a.client.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "lab", PublicKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(r *godo.DropletCreateRequest) {
		r.IPv6, r.UserData, r.Tags = true, "#cloud-config", []string{"fleet"}
		r.SSHKeys = []godo.DropletCreateSSHKey{{ID: key.ID}}
	}
	created := a.create("node-1", edit)
	if address, err := created.PublicIPv4(); created.Status != statusNew || !created.Locked || address != "" || err != nil {
		t.Errorf("at first the droplet is %+v", created)
	}
	var d *godo.Droplet
	a.wait("the droplet to be active", func() bool {
		d, _, err = a.client.Droplets.Get(t.Context(), created.ID)
		return err == nil && d.Status == statusActive
	})
	v4, _ := d.PublicIPv4()
	v6, _ := d.PublicIPv6()
	if v4 != "198.51.100.1" || v6 != "2001:db8::1" || d.Locked || d.Region.Slug != "lon1" || d.Size.PriceMonthly != 6 {
		t.Errorf("then the droplet is %+v", d)
	}
	if want := []string{"ipv6", "private_networking"}; !slices.Equal(d.Features, want) {
		t.Errorf("features are %v, want %v", d.Features, want)
	}
	m, _ := a.fake.machine("node-1")
	if !slices.Equal(m.spec.Keys, []string{testKey}) || m.spec.UserData != "#cloud-config" || !m.spec.IPv6 || m.spec.Image != "debian-12-x64" {
		t.Errorf("machine is %+v", m.spec)
	}
	actions, _, err := a.client.Droplets.Actions(t.Context(), d.ID, nil)
	if err != nil || len(actions) != 1 || actions[0].Type != "create" || actions[0].Status != actionCompleted {
		t.Errorf("actions are %v, %v", actions, err)
	}
}

func TestDropletsAreListed(t *testing.T) {
	a := newAccount(t)
	a.active("one", func(r *godo.DropletCreateRequest) { r.Tags = []string{"Fleet"} })
	a.active("two", func(r *godo.DropletCreateRequest) { r.Tags = []string{"fleet", "other"} })
	a.active("three", nil)
	names := func(droplets []godo.Droplet, _ *godo.Response, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range droplets {
			all = append(all, d.Name)
		}
		return all
	}
	if got := names(a.client.Droplets.List(t.Context(), nil)); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("all droplets are %v", got)
	}
	if got := names(a.client.Droplets.ListByTag(t.Context(), "FLEET", nil)); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("tagged droplets are %v", got)
	}
	if got := names(a.client.Droplets.ListByName(t.Context(), "Three", nil)); !slices.Equal(got, []string{"three"}) {
		t.Errorf("droplets of one name are %v", got)
	}
	tag, _, err := a.client.Tags.Get(t.Context(), "fleet")
	if err != nil || tag.Name != "Fleet" || tag.Resources.Droplets.Count != 2 {
		t.Errorf("tag is %+v, %v; want the name as first written, and two droplets", tag, err)
	}
}

func TestDropletsThatAreRefused(t *testing.T) {
	a := newAccount(t)
	const hostname = "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
	tests := map[string]struct {
		edit    func(*godo.DropletCreateRequest)
		message string
	}{
		"no name":    {func(r *godo.DropletCreateRequest) { r.Name = "" }, hostname},
		"underscore": {func(r *godo.DropletCreateRequest) { r.Name = "node_1" }, hostname},
		"dash":       {func(r *godo.DropletCreateRequest) { r.Name = "-node" }, hostname},
		"region": {func(r *godo.DropletCreateRequest) { r.Region = "mars1" },
			"You specified an invalid region for Droplet creation."},
		"size": {func(r *godo.DropletCreateRequest) { r.Size = "huge" },
			"You specified an invalid size for Droplet creation."},
		"image": {func(r *godo.DropletCreateRequest) { r.Image.Slug = "plan9" },
			"You specified an invalid image for Droplet creation."},
		"image number": {func(r *godo.DropletCreateRequest) { r.Image = godo.DropletCreateImage{ID: 99} },
			"You specified an invalid image for Droplet creation."},
		"keys": {func(r *godo.DropletCreateRequest) {
			r.SSHKeys = []godo.DropletCreateSSHKey{{ID: 7}, {Fingerprint: "aa:bb"}}
		}, "7, aa:bb are invalid key identifiers for Droplet creation."},
		"tag": {func(r *godo.DropletCreateRequest) { r.Tags = []string{"a b"} }, errTagName.message},
		"user data": {func(r *godo.DropletCreateRequest) { r.UserData = strings.Repeat("x", 1<<17) },
			"User data is too long (maximum is 64 KiB)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := &godo.DropletCreateRequest{
				Name: "node", Region: "lon1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "debian-12-x64"},
			}
			test.edit(request)
			_, _, err := a.client.Droplets.Create(t.Context(), request)
			refused(t, err, http.StatusUnprocessableEntity, test.message)
		})
	}
	if droplets, _, err := a.client.Droplets.List(t.Context(), nil); err != nil || len(droplets) != 0 {
		t.Errorf("refused droplets are there: %v, %v", droplets, err)
	}
}

func TestDropletsOfOneName(t *testing.T) {
	a := newAccount(t)
	first := a.active("node", nil)
	second := a.active("node", nil)
	if len(a.fake.calls) != 2 || a.fake.calls[0] == a.fake.calls[1] {
		t.Errorf("machines are %v, want two", a.fake.calls)
	}
	if _, err := a.client.Droplets.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	a.gone(first.ID)
	if d, _, err := a.client.Droplets.Get(t.Context(), second.ID); err != nil || d.Status != statusActive {
		t.Errorf("the other droplet is %v, %v", d, err)
	}
}

func TestSeveralDropletsAtOnce(t *testing.T) {
	a := newAccount(t)
	droplets, _, err := a.client.Droplets.CreateMultiple(t.Context(), &godo.DropletMultiCreateRequest{
		Names: []string{"a", "b"}, Region: "lon1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{ID: 1}, Tags: []string{"fleet"},
	})
	if err != nil || len(droplets) != 2 || droplets[1].Name != "b" {
		t.Fatalf("droplets are %v, %v", droplets, err)
	}
	a.wait("both droplets", func() bool {
		all, _, err := a.client.Droplets.List(t.Context(), nil)
		return err == nil && len(all) == 2 && all[0].Status == statusActive && all[1].Status == statusActive
	})
	if _, err := a.client.Droplets.DeleteByTag(t.Context(), "fleet"); err != nil {
		t.Fatal(err)
	}
	for _, d := range droplets {
		a.gone(d.ID)
	}
}

func TestDropletThatIsNotMadeIsGone(t *testing.T) {
	a := newAccount(t)
	a.fake.refuse("create", 1)
	d := a.create("node", nil)
	a.gone(d.ID)
	_, err := a.client.Droplets.Delete(t.Context(), d.ID)
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
	actions, _, err := a.client.Actions.List(t.Context(), nil)
	if err != nil || len(actions) != 1 || actions[0].Status != actionErrored {
		t.Errorf("actions are %v, %v", actions, err)
	}
}

func TestDropletIsNewUntilItsMachineHasBooted(t *testing.T) {
	fake := newFake()
	fake.booting = make(chan struct{})
	fake.refuse("boot", 1) // one that does not boot is active in the end too
	a := openAccount(t, t.TempDir(), fake)
	d := a.create("node", nil)
	boots := func() bool {
		select {
		case <-fake.booting:
			return true
		default:
			return false
		}
	}
	a.wait("the boot to be waited for", boots)
	if m, _ := fake.machine("node"); !m.filtered {
		t.Error("a boot is waited for before the firewalls are on")
	}
	now, _, err := a.client.Droplets.Get(t.Context(), d.ID)
	if err != nil || now.Status != statusNew {
		t.Errorf("while its machine boots, the droplet is %q, %v", now.Status, err)
	}
	a.wait("the boot to end", boots)
	a.wait("the droplet to be active", func() bool {
		now, _, err = a.client.Droplets.Get(t.Context(), d.ID)
		return err == nil && now.Status == statusActive
	})
}

func TestDropletOnItsWayIsNotDeleted(t *testing.T) {
	a := newAccount(t)
	a.api.Inject(Faults{DropletDelay: 1 << 40})
	d := a.create("node", nil)
	_, err := a.client.Droplets.Delete(t.Context(), d.ID)
	refused(t, err, http.StatusUnprocessableEntity, "Droplet already has a pending event.")
}

func TestActions(t *testing.T) {
	a := newAccount(t)
	d := a.active("node", nil)
	do := func(action *godo.Action, _ *godo.Response, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a.wait("the action", func() bool {
			now, _, err := a.client.DropletActions.Get(t.Context(), d.ID, action.ID)
			return err == nil && now.Status == actionCompleted
		})
		if d, _, err = a.client.Droplets.Get(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := a.client.DropletActions.Resize(t.Context(), d.ID, "s-2vcpu-4gb", true)
	refused(t, err, http.StatusUnprocessableEntity, "Droplet must be powered off to resize.")
	do(a.client.DropletActions.PowerOff(t.Context(), d.ID))
	if m, _ := a.fake.machine("node"); d.Status != statusOff || m.running {
		t.Errorf("droplet is %s after power_off, its machine runs: %v", d.Status, m.running)
	}
	do(a.client.DropletActions.Resize(t.Context(), d.ID, "s-2vcpu-4gb", true))
	do(a.client.DropletActions.PowerOn(t.Context(), d.ID))
	do(a.client.DropletActions.Rename(t.Context(), d.ID, "other"))
	if d.Status != statusActive || d.SizeSlug != "s-2vcpu-4gb" || d.Disk != 80 || d.Name != "other" {
		t.Errorf("droplet is %+v", d)
	}
	_, _, err = a.client.DropletActions.PowerOn(t.Context(), d.ID)
	refused(t, err, http.StatusUnprocessableEntity, "Droplet is already powered on.")
	_, _, err = a.client.DropletActions.EnableIPv6(t.Context(), d.ID)
	refused(t, err, http.StatusUnprocessableEntity, `"enable_ipv6" is not available for this droplet`)
}

func TestKeys(t *testing.T) {
	a := newAccount(t)
	key, _, err := a.client.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "lab", PublicKey: testKey + "\n"})
	if err != nil || key.PublicKey != testKey || strings.Count(key.Fingerprint, ":") != 15 {
		t.Fatalf("key is %v, %v", key, err)
	}
	_, _, err = a.client.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "again", PublicKey: testKey})
	refused(t, err, http.StatusUnprocessableEntity, "SSH Key is already in use on your account")
	_, _, err = a.client.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "bad", PublicKey: "no key"})
	refused(t, err, http.StatusUnprocessableEntity, "Key invalid, key should be of the format `ssh-rsa AAAA...`")

	if _, _, err := a.client.Keys.UpdateByID(t.Context(), key.ID, &godo.KeyUpdateRequest{Name: "renamed"}); err != nil {
		t.Fatal(err)
	}
	got, _, err := a.client.Keys.GetByFingerprint(t.Context(), key.Fingerprint)
	if err != nil || got.ID != key.ID || got.Name != "renamed" {
		t.Errorf("by fingerprint the key is %v, %v", got, err)
	}
	if _, err := a.client.Keys.DeleteByID(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	_, err = a.client.Keys.DeleteByID(t.Context(), key.ID)
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
}
