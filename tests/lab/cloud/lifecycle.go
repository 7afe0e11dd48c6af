package cloud

import (
	"context"
	"time"
)

// destroyAgain is how long the account waits before it tries again to end a machine that could not be ended.
const destroyAgain = 5 * time.Second

// start makes a droplet's machine in the background. It is called with the mutex held.
func (a *API) start(id int) {
	delay, fail := a.faults.DropletDelay, due(&a.faults.FailDroplets)
	a.begin(func(ctx context.Context) {
		if !sleep(ctx, delay) {
			return
		}
		if fail {
			a.finish(id, actionErrored, func(d *droplet) { a.state.drop(d) })
			return
		}
		a.build(ctx, id)
	})
}

// build makes a droplet's machine, puts its filter on, and only then calls it active: it is never seen without its
// firewalls. A droplet that can't be made is gone, as if deleted.
func (a *API) build(ctx context.Context, id int) {
	a.mutex.Lock()
	spec, began := a.state.Droplets[id].spec(), a.state.Droplets[id].Addresses != nil
	a.mutex.Unlock()
	if !began {
		addresses, err := a.make(ctx, spec)
		if ctx.Err() != nil {
			return // the next API begins again
		}
		if err != nil {
			a.log.Error("droplet not made", "droplet", id, "machine", spec.Name, "error", err)
			a.finish(id, actionErrored, func(d *droplet) { a.state.drop(d) })
			return
		}
		a.change(id, func(d *droplet) { d.Addresses, d.UserData = &addresses, "" })
	}
	for {
		err := a.refilter(ctx)
		if err == nil || a.filters.applied(id) {
			break
		}
		a.log.Error("droplet waits for its filter", "droplet", id, "machine", spec.Name, "error", err)
		if !sleep(ctx, filterAgain) {
			return
		}
	}
	if !a.booted(ctx, id, spec.Name) {
		return
	}
	a.finish(id, actionCompleted, func(d *droplet) { d.Status = statusActive })
}

// booted waits for a machine that boots slowly. One that does not boot is called active too, as a real cloud does. It says whether the
// wait was over before the context was.
func (a *API) booted(ctx context.Context, id int, machine string) bool {
	if slow, ok := a.machines.(Slow); ok {
		if err := slow.Booted(ctx, machine); err != nil && ctx.Err() == nil {
			a.log.Error("machine does not boot", "droplet", id, "machine", machine, "error", err)
		}
	}
	return ctx.Err() == nil
}

// make makes a machine. What an interrupted try may have left of it goes first, and so does what a failed one leaves.
func (a *API) make(ctx context.Context, spec MachineSpec) (Addresses, error) {
	if err := a.machines.Destroy(ctx, spec.Name); err != nil {
		return Addresses{}, err
	}
	addresses, err := a.machines.Create(ctx, spec)
	if err != nil && ctx.Err() == nil {
		if err := a.machines.Destroy(ctx, spec.Name); err != nil {
			a.log.Error("remains of a failed machine not removed", "machine", spec.Name, "error", err)
		}
	}
	return addresses, err
}

// destroy ends a droplet's machine, however often it takes, and then forgets the droplet.
func (a *API) destroy(ctx context.Context, id int) {
	a.mutex.Lock()
	machine := a.state.Droplets[id].Machine
	a.mutex.Unlock()
	for {
		err := a.machines.Destroy(ctx, machine)
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			a.log.Error("machine not destroyed", "droplet", id, "machine", machine, "error", err)
		}
		if !sleep(ctx, destroyAgain) {
			return
		}
	}
	a.filters.forget(id)
	a.change(id, func(d *droplet) { a.state.drop(d) })
	a.filters.wake()
}

// change changes a droplet and saves.
func (a *API) change(id int, edit func(*droplet)) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	edit(a.state.Droplets[id])
	if err := a.save(); err != nil {
		a.log.Error("account not saved", "error", err)
	}
}

// finish ends what is under way with a droplet, in one change with what it comes to.
func (a *API) finish(id int, status string, edit func(*droplet)) {
	a.change(id, func(d *droplet) {
		a.endAction(d, status)
		edit(d)
	})
}

// sleep waits, and says whether the wait was over before the context was.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
