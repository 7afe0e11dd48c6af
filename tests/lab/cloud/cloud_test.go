package cloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/digitalocean/godo"
)

func TestTokenIsChecked(t *testing.T) {
	a := newAccount(t)
	_, _, err := newClient(t, a.url, "wrong").Account.Get(t.Context())
	refused(t, err, http.StatusUnauthorized, "Unable to authenticate you.")
	if got, _, err := a.client.Account.Get(t.Context()); err != nil || got.Status != "active" {
		t.Errorf("account is %v, %v", got, err)
	}
	if _, err := New(t.TempDir(), newFake(), ""); err == nil {
		t.Error("an account without a token was opened")
	}
}

func TestUnknownIsNotFound(t *testing.T) {
	a := newAccount(t)
	_, _, err := a.client.Droplets.Get(t.Context(), 1)
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
	_, _, err = a.client.Domains.List(t.Context(), nil)
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
	_, err = a.client.Firewalls.Delete(t.Context(), "none")
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
}

func TestLimits(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	type answer struct {
		status                 int
		remaining, reset, wait string
	}
	reset := strconv.FormatInt(now.Add(time.Hour).Unix(), 10)
	tests := map[string]struct {
		minute, hour int
		after        []time.Duration
		want         answer // the last one
	}{
		"within":         {2, 10, []time.Duration{0, 0}, answer{200, "8", reset, ""}},
		"burst":          {2, 10, []time.Duration{0, 0, 20 * time.Second}, answer{429, "0", reset, "41"}},
		"burst is over":  {2, 10, []time.Duration{0, 0, time.Minute}, answer{200, "7", reset, ""}},
		"hour":           {0, 2, []time.Duration{0, 0, time.Minute}, answer{429, "0", reset, ""}},
		"hour is over":   {0, 2, []time.Duration{0, 0, time.Hour}, answer{200, "1", strconv.FormatInt(now.Add(2*time.Hour).Unix(), 10), ""}},
		"without limits": {0, 0, []time.Duration{0, 0, 0}, answer{200, "", "", ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t, WithLimits(test.minute, test.hour))
			var got answer
			for _, after := range test.after {
				a.api.now = func() time.Time { return now.Add(after) }
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, "/v2/account", nil)
				r.Header.Set("Authorization", "Bearer "+testToken)
				a.api.ServeHTTP(w, r)
				got = answer{w.Code, w.Header().Get("RateLimit-Remaining"), w.Header().Get("RateLimit-Reset"), w.Header().Get("Retry-After")}
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestPages(t *testing.T) {
	a := newAccount(t)
	var want, got []string
	for i := range 7 {
		name := "tag" + strconv.Itoa(i)
		want = append(want, name)
		if _, _, err := a.client.Tags.Create(t.Context(), &godo.TagCreateRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	option := &godo.ListOptions{PerPage: 3}
	for {
		tags, response, err := a.client.Tags.List(t.Context(), option)
		if err != nil {
			t.Fatal(err)
		}
		if response.Meta.Total != 7 {
			t.Errorf("total is %d, want 7", response.Meta.Total)
		}
		for _, tag := range tags {
			got = append(got, tag.Name)
		}
		if response.Links.IsLastPage() {
			break
		}
		current, err := response.Links.CurrentPage()
		if err != nil {
			t.Fatal(err)
		}
		option.Page = current + 1
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if tags, _, err := a.client.Tags.List(t.Context(), &godo.ListOptions{Page: 9}); err != nil || len(tags) != 0 {
		t.Errorf("page past the end is %v, %v", tags, err)
	}
}

func TestCatalogue(t *testing.T) {
	a := newAccount(t)
	all, _, err := a.client.Regions.List(t.Context(), nil)
	if err != nil || len(all) != len(regions) {
		t.Errorf("regions are %v, %v", all, err)
	}
	found, _, err := a.client.Sizes.List(t.Context(), nil)
	if err != nil || len(found) != len(sizes) {
		t.Errorf("sizes are %v, %v", found, err)
	}
	debian, _, err := a.client.Images.GetBySlug(t.Context(), "debian-12-x64")
	if err != nil || debian.Distribution != "Debian" {
		t.Errorf("image is %v, %v", debian, err)
	}
	few := newAccount(t, WithImages("debian-12-x64", "own"))
	if all, _, err := few.client.Images.List(t.Context(), nil); err != nil || len(all) != 2 || all[1].Slug != "own" {
		t.Errorf("the images of a hypervisor that has two are %v, %v", all, err)
	}
	_, _, err = few.client.Images.GetBySlug(t.Context(), "debian-13-x64")
	refused(t, err, http.StatusNotFound, "The resource you requested could not be found.")
	project, _, err := a.client.Projects.GetDefault(t.Context())
	if err != nil || !project.IsDefault {
		t.Errorf("project is %v, %v", project, err)
	}
	vpcs, _, err := a.client.VPCs.List(t.Context(), nil)
	if err != nil || len(vpcs) != len(regions) {
		t.Errorf("VPCs are %v, %v", vpcs, err)
	}
}

func TestStateOutlivesTheAPI(t *testing.T) {
	dir, fake := t.TempDir(), newFake()
	a := openAccount(t, dir, fake)
	a.api.Inject(Faults{DropletDelay: time.Hour})
	waiting := a.create("waiting", func(r *godo.DropletCreateRequest) { r.UserData = "secret" })
	if err := a.api.Close(); err != nil {
		t.Fatal(err)
	}
	b := openAccount(t, dir, fake)
	b.wait("the droplet of the former API", func() bool {
		d, _, err := b.client.Droplets.Get(t.Context(), waiting.ID)
		return err == nil && d.Status == statusActive
	})
	if m, _ := fake.machine("waiting"); m.spec.UserData != "secret" {
		t.Errorf("user data is %q", m.spec.UserData)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "account.json"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("secret")) {
		t.Error("user data stays on disk after the machine is made")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder holds %v, want one file", entries)
	}
}

func TestBadStateIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "account.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(dir, newFake(), testToken); err == nil {
		t.Error("half a state was opened")
	}
}

func TestFaults(t *testing.T) {
	a := newAccount(t)
	body, err := json.Marshal(Faults{Unavailable: 1, RefuseDroplets: 1, FailDroplets: 1})
	if err != nil {
		t.Fatal(err)
	}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, a.url+FaultsPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.client.HTTPClient.Do(put)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("faults not set: %v, %v", response, err)
	}
	response.Body.Close()

	_, _, err = a.client.Account.Get(t.Context())
	refused(t, err, http.StatusServiceUnavailable, "Service Unavailable")
	request := &godo.DropletCreateRequest{
		Name: "one", Region: "lon1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "debian-12-x64"},
	}
	_, _, err = a.client.Droplets.Create(t.Context(), request)
	refused(t, err, http.StatusUnprocessableEntity, "creating this/these droplet(s) will exceed your droplet limit")
	a.gone(a.create("two", nil).ID)
	a.active("three", nil)
	if _, ok := a.fake.machine("two"); ok {
		t.Error("a machine was made for the droplet that failed")
	}
}
