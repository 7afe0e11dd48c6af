package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"
)

// A droplet's statuses. A restart of its machine is not a status.
const (
	statusNew    = "new"
	statusActive = "active"
	statusOff    = "off"
)

// droplet is what the account knows of one droplet and its machine.
type droplet struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"`
	Machine string    `json:"machine"` // its name at the hypervisor, where the droplet's may be taken: names aren't unique here
	Region  string    `json:"region"`
	Size    string    `json:"size"`
	Disk    int       `json:"disk"` // GiB; a resize may leave it as it was
	Image   string    `json:"image"`
	Tags    []string  `json:"tags"`
	Status  string    `json:"status"`
	Leaving bool      `json:"leaving,omitempty"` // deleted, but its machine is still there
	Created time.Time `json:"created"`
	Action  int       `json:"action,omitempty"` // under way; 0: none

	Keys       []string `json:"keys"`                // authorized_keys lines
	UserData   string   `json:"user_data,omitempty"` // only until the machine is made
	IPv6       bool     `json:"ipv6"`
	Monitoring bool     `json:"monitoring"`
	Backups    bool     `json:"backups"`

	Addresses *Addresses `json:"addresses,omitempty"` // once the machine is made
}

// made says whether the droplet's machine is there, with its addresses.
func (d *droplet) made() bool { return d.Addresses != nil && !d.Leaving }

// spec is the machine that the droplet is to have.
func (d *droplet) spec() MachineSpec {
	return MachineSpec{
		Name: d.Machine, Region: d.Region, Image: d.Image, UserData: d.UserData, Keys: slices.Clone(d.Keys), IPv6: d.IPv6,
	}
}

// view is the droplet as the API shows it. Addresses come with the status `active`, not before.
func (d *droplet) view() godo.Droplet {
	size := sizes[d.Size]
	v := godo.Droplet{
		ID: d.ID, Name: d.Name, Status: d.Status, Locked: d.Action != 0,
		Memory: size.Memory, Vcpus: size.Vcpus, Disk: d.Disk, Size: &size, SizeSlug: d.Size,
		Region: new(region(d.Region)), Image: new(image(d.Image)),
		Features: d.features(), Tags: d.Tags, VolumeIDs: []string{}, VPCUUID: defaultVPC(d.Region).ID,
		Created: d.Created.UTC().Format(time.RFC3339), Networks: &godo.Networks{},
	}
	if d.Status == statusNew || d.Addresses == nil {
		return v
	}
	v.Networks.V4 = []godo.NetworkV4{{
		IPAddress: d.Addresses.V4.String(), Netmask: d.Addresses.V4Netmask, Gateway: d.Addresses.V4Gateway.String(),
		Type: "public",
	}}
	if d.Addresses.V6.IsValid() {
		v.Networks.V6 = []godo.NetworkV6{{
			IPAddress: d.Addresses.V6.String(), Netmask: d.Addresses.V6Bits, Gateway: d.Addresses.V6Gateway.String(),
			Type: "public",
		}}
	}
	return v
}

func (d *droplet) features() []string {
	features := []string{"private_networking"} // since VPCs, every droplet's
	for name, on := range map[string]bool{"backups": d.Backups, "ipv6": d.IPv6, "monitoring": d.Monitoring} {
		if on {
			features = append(features, name)
		}
	}
	slices.Sort(features)
	return features
}

func (d *droplet) tagged(tag string) bool {
	return slices.ContainsFunc(d.Tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// droplet finds the droplet that a request's path names.
func (a *API) droplet(r *http.Request) (*droplet, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, errNotFound
	}
	d, ok := a.state.Droplets[id]
	if !ok {
		return nil, errNotFound
	}
	return d, nil
}

func (a *API) getDroplet(r *http.Request) (int, any, error) {
	d, err := a.droplet(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"droplet": d.view()}, nil
}

func (a *API) listDroplets(r *http.Request) (int, any, error) {
	query := r.URL.Query()
	views := []godo.Droplet{}
	for _, d := range a.state.droplets() {
		if tag := query.Get("tag_name"); tag != "" && !d.tagged(tag) {
			continue
		}
		if name := query.Get("name"); name != "" && !strings.EqualFold(d.Name, name) {
			continue
		}
		views = append(views, d.view())
	}
	return page(r, "droplets", views)
}

// dropletRequest is the body of a creation: one name, or several for as many like droplets.
type dropletRequest struct {
	Name       string   `json:"name"`
	Names      []string `json:"names"`
	Region     string   `json:"region"`
	Size       string   `json:"size"`
	Image      slugOrID `json:"image"`
	SSHKeys    []any    `json:"ssh_keys"` // numbers or fingerprints
	IPv6       bool     `json:"ipv6"`
	Monitoring bool     `json:"monitoring"`
	Backups    bool     `json:"backups"`
	UserData   string   `json:"user_data"`
	Tags       []string `json:"tags"`
	Volumes    []any    `json:"volumes"`
}

// slugOrID is an image, which a client may name by slug or by number; here it becomes the slug.
type slugOrID string

// UnmarshalJSON implements json.Unmarshaler.
func (s *slugOrID) UnmarshalJSON(raw []byte) error {
	var id int
	if json.Unmarshal(raw, &id) == nil {
		*s = slugOrID(imageSlug(id))
		return nil
	}
	return json.Unmarshal(raw, (*string)(s))
}

// createDroplets accepts droplets, which are made after the answer.
func (a *API) createDroplets(r *http.Request) (int, any, error) {
	var request dropletRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	names := request.Names
	if request.Name != "" || len(names) == 0 {
		names = []string{request.Name}
	}
	keys, err := a.checkDroplets(request, names)
	if err != nil {
		return 0, nil, err
	}
	views, actions := []godo.Droplet{}, []godo.LinkAction{}
	for _, name := range names {
		d, action := a.newDroplet(name, request, keys)
		views = append(views, d.view())
		actions = append(actions, godo.LinkAction{ID: action.ID, Rel: "create", HREF: actionURL(r, action.ID)})
	}
	if err := a.save(); err != nil {
		return 0, nil, err
	}
	for _, v := range views {
		a.start(v.ID)
	}
	if request.Names == nil {
		return http.StatusAccepted, map[string]any{"droplet": views[0], "links": godo.Links{Actions: actions}}, nil
	}
	return http.StatusAccepted, map[string]any{"droplets": views, "links": godo.Links{Actions: actions}}, nil
}

// Droplet names are host names.
var dropletName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.\-]*[a-zA-Z0-9])?$`)

// checkDroplets says what is wrong with a creation, and finds its SSH keys.
func (a *API) checkDroplets(request dropletRequest, names []string) (keys []string, err error) {
	for _, name := range names {
		if !dropletName.MatchString(name) || len(name) > 255 {
			return nil, unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
		}
	}
	if _, ok := sizes[request.Size]; !ok {
		return nil, unprocessable("You specified an invalid size for Droplet creation.")
	}
	if !slices.Contains(a.images, string(request.Image)) {
		return nil, unprocessable("You specified an invalid image for Droplet creation.")
	}
	if _, ok := regions[request.Region]; !ok {
		return nil, unprocessable("You specified an invalid region for Droplet creation.")
	}
	if len(request.Volumes) > 0 {
		return nil, unprocessable("this account has no volumes")
	}
	if len(request.UserData) > 64<<10 {
		return nil, unprocessable("User data is too long (maximum is 64 KiB)")
	}
	for _, tag := range request.Tags {
		if !tagName.MatchString(tag) {
			return nil, errTagName
		}
	}
	if len(a.state.Droplets)+len(names) > dropletLimit || due(&a.faults.RefuseDroplets) {
		return nil, unprocessable("creating this/these droplet(s) will exceed your droplet limit")
	}
	return a.findKeys(request.SSHKeys)
}

// newDroplet records a droplet and the action that makes it.
func (a *API) newDroplet(name string, request dropletRequest, keys []string) (*droplet, *godo.Action) {
	d := &droplet{
		ID: a.state.nextID(), Name: name, Region: request.Region, Size: request.Size, Disk: sizes[request.Size].Disk,
		Image: string(request.Image), Status: statusNew, Created: a.now(), Tags: []string{}, Keys: keys,
		UserData: request.UserData, IPv6: request.IPv6, Monitoring: request.Monitoring, Backups: request.Backups,
	}
	d.Machine = a.machineName(d)
	for _, tag := range request.Tags {
		if !d.tagged(tag) {
			d.Tags = append(d.Tags, a.state.tag(tag))
		}
	}
	a.state.Droplets[d.ID] = d
	return d, a.newAction(d, "create")
}

// machineName is the droplet's own name, made unique where another droplet has a machine of that name.
func (a *API) machineName(d *droplet) string {
	name := strings.ToLower(d.Name)
	for _, other := range a.state.Droplets {
		if other.Machine == name {
			return name + "-" + strconv.Itoa(d.ID)
		}
	}
	return name
}

// deleteDroplet begins to remove a droplet. Until its machine is gone the droplet can be seen, then it is a 404.
func (a *API) deleteDroplet(r *http.Request) (int, any, error) {
	d, err := a.droplet(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.leave(d); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

func (a *API) deleteDropletsByTag(r *http.Request) (int, any, error) {
	tag := r.URL.Query().Get("tag_name")
	if _, ok := a.state.Tags[strings.ToLower(tag)]; !ok {
		return 0, nil, errNotFound
	}
	for _, d := range a.state.droplets() {
		if !d.tagged(tag) {
			continue
		}
		if err := a.leave(d); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusNoContent, nil, nil
}

// leave marks a droplet as deleted and begins to end its machine. Once is enough.
func (a *API) leave(d *droplet) error {
	if d.Leaving {
		return nil
	}
	if d.Action != 0 {
		return errPending
	}
	d.Leaving = true
	if err := a.save(); err != nil {
		d.Leaving = false
		return err
	}
	a.begin(func(ctx context.Context) { a.destroy(ctx, d.ID) })
	a.filters.wake()
	return nil
}
