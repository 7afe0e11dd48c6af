package cloud

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/digitalocean/godo"
)

// An action's statuses.
const (
	actionUnderWay  = godo.ActionInProgress
	actionCompleted = godo.ActionCompleted
	actionErrored   = "errored"
)

// Power is what a Hypervisor may do besides: end a machine that keeps its disk, and start it again. With one that does
// not, droplets can't be switched off.
type Power interface {
	Stop(ctx context.Context, name string) error
	Start(ctx context.Context, name string) error
}

// newAction records that something is under way with a droplet.
func (a *API) newAction(d *droplet, kind string) *godo.Action {
	action := &godo.Action{
		ID: a.state.nextID(), Status: actionUnderWay, Type: kind, StartedAt: &godo.Timestamp{Time: a.now().UTC()},
		ResourceID: d.ID, ResourceType: "droplet", RegionSlug: d.Region,
	}
	a.state.Actions[action.ID] = action
	d.Action = action.ID
	return action
}

// actionView is an action as the API shows it, with all of its region.
func actionView(action *godo.Action) godo.Action {
	v := *action
	v.Region = new(region(v.RegionSlug))
	return v
}

// endAction ends what is under way with a droplet.
func (a *API) endAction(d *droplet, status string) {
	if action := a.state.Actions[d.Action]; action != nil {
		action.Status, action.CompletedAt = status, &godo.Timestamp{Time: a.now().UTC()}
	}
	d.Action = 0
}

// actions are those of one droplet (0: of all), the latest first.
func (s *state) actions(droplet int) []godo.Action {
	all := []godo.Action{}
	latestFirst := func(a, b *godo.Action) int { return cmp.Compare(b.ID, a.ID) }
	for _, action := range slices.SortedFunc(maps.Values(s.Actions), latestFirst) {
		if droplet == 0 || action.ResourceID == droplet {
			all = append(all, actionView(action))
		}
	}
	return all
}

func (a *API) listActions(r *http.Request) (int, any, error) {
	return page(r, "actions", a.state.actions(0))
}

func (a *API) listDropletActions(r *http.Request) (int, any, error) {
	d, err := a.droplet(r)
	if err != nil {
		return 0, nil, err
	}
	return page(r, "actions", a.state.actions(d.ID))
}

func (a *API) getAction(r *http.Request) (int, any, error) {
	id, _ := strconv.Atoi(r.PathValue("action")) // no number: no action
	action, ok := a.state.Actions[id]
	if !ok {
		return 0, nil, errNotFound
	}
	return http.StatusOK, map[string]any{"action": actionView(action)}, nil
}

func (a *API) getDropletAction(r *http.Request) (int, any, error) { return a.getAction(r) }

func actionURL(r *http.Request, id int) string {
	return fmt.Sprintf("http://%s/v2/actions/%d", r.Host, id)
}

// actionRequest is the body of an action. Which fields are used depends on the type.
type actionRequest struct {
	Type string `json:"type"`
	Name string `json:"name"` // rename
	Size string `json:"size"` // resize
	Disk bool   `json:"disk"` // resize
}

// act begins an action on a droplet, which ends after the answer.
func (a *API) act(r *http.Request) (int, any, error) {
	var request actionRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	d, err := a.droplet(r)
	if err != nil {
		return 0, nil, err
	}
	if d.Action != 0 || d.Leaving {
		return 0, nil, errPending
	}
	do, err := a.plan(d, request)
	if err != nil {
		return 0, nil, err
	}
	action := a.newAction(d, request.Type)
	if err := a.save(); err != nil {
		return 0, nil, err
	}
	a.begin(func(ctx context.Context) { a.perform(ctx, d.ID, do) })
	return http.StatusCreated, map[string]any{"action": actionView(action)}, nil
}

// deed is an action: what the machine does (nil: nothing), and what of the droplet changes with it.
type deed struct {
	machine func(ctx context.Context, name string) error
	droplet func(*droplet)
}

// plan says what an action comes to, or why the droplet can't do it.
func (a *API) plan(d *droplet, request actionRequest) (deed, error) {
	switch request.Type {
	case "rename":
		if !dropletName.MatchString(request.Name) {
			return deed{}, unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
		}
		return deed{droplet: func(d *droplet) { d.Name = request.Name }}, nil
	case "resize":
		return planResize(d, request)
	case "enable_backups":
		return deed{droplet: func(d *droplet) { d.Backups = true }}, nil
	case "disable_backups":
		return deed{droplet: func(d *droplet) { d.Backups = false }}, nil
	case "power_on", "power_off", "shutdown", "reboot", "power_cycle":
		return a.planPower(d, request.Type)
	}
	return deed{}, unprocessable("%q is not available for this droplet", request.Type)
}

func planResize(d *droplet, request actionRequest) (deed, error) {
	size, ok := sizes[request.Size]
	switch {
	case !ok:
		return deed{}, unprocessable("You specified an invalid size.")
	case d.Status != statusOff:
		return deed{}, unprocessable("Droplet must be powered off to resize.")
	case size.Disk < d.Disk:
		return deed{}, unprocessable("This size is not available because it has a smaller disk.")
	}
	return deed{droplet: func(d *droplet) {
		d.Size = request.Size
		if request.Disk {
			d.Disk = size.Disk
		}
	}}, nil
}

func (a *API) planPower(d *droplet, kind string) (deed, error) {
	power, ok := a.machines.(Power)
	if !ok {
		return deed{}, unprocessable("%q is not available for this droplet", kind)
	}
	become := func(status string) func(*droplet) { return func(d *droplet) { d.Status = status } }
	off := d.Status == statusOff
	switch {
	case kind == "power_on" && off:
		return deed{machine: power.Start, droplet: become(statusActive)}, nil
	case kind == "power_on":
		return deed{}, unprocessable("Droplet is already powered on.")
	case kind == "power_off" && off:
		return deed{}, unprocessable("Droplet is already powered off.")
	case kind == "shutdown" && off:
		return deed{droplet: become(statusOff)}, nil
	case kind == "shutdown" || kind == "power_off":
		return deed{machine: power.Stop, droplet: become(statusOff)}, nil
	case off:
		return deed{}, unprocessable("Droplet is currently powered off.")
	}
	return deed{droplet: become(statusActive), machine: func(ctx context.Context, name string) error {
		if err := power.Stop(ctx, name); err != nil {
			return err
		}
		return power.Start(ctx, name)
	}}, nil
}

// perform does an action. A machine that started again gets its filter again.
func (a *API) perform(ctx context.Context, id int, do deed) {
	a.mutex.Lock()
	machine := a.state.Droplets[id].Machine
	a.mutex.Unlock()
	if do.machine != nil {
		if err := do.machine(ctx, machine); err != nil {
			a.log.Error("action failed", "droplet", id, "machine", machine, "error", err)
			a.finish(id, actionErrored, func(*droplet) {})
			return
		}
		a.filters.forget(id)
	}
	a.finish(id, actionCompleted, do.droplet)
	a.filters.wake()
}
