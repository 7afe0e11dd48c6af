package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"
)

// dropletUpdate is one change of a droplet in place.
type dropletUpdate struct {
	property string
	apply    func(ctx context.Context, api *godo.Client, id int, old, in values) error
}

// What of a droplet can change in place, in the order in which the real plugin does it.
var dropletUpdates = []dropletUpdate{
	{"size", resizeDroplet},
	{"name", renameDroplet},
	{"backups", switchBackups},
	{"ipv6", enableIPv6},
	{"tags", retagDroplet},
}

func updateDroplet(ctx context.Context, api *godo.Client, id string, old, in values) error {
	number, err := strconv.Atoi(id)
	if err != nil {
		return fmt.Errorf("invalid droplet id: %w", err)
	}
	in = maps.Clone(in)
	in["size"] = strings.ToLower(in.text("size"))
	for _, update := range dropletUpdates {
		if same(old[update.property], in[update.property]) {
			continue
		}
		if err := update.apply(ctx, api, number, old, in); err != nil {
			return err
		}
	}
	return nil
}

// resizeDroplet turns a droplet off for as long as it takes. One that can't be resized is turned on again.
func resizeDroplet(ctx context.Context, api *godo.Client, id int, _, in values) error {
	if _, _, err := api.DropletActions.PowerOff(ctx, id); err != nil {
		return fmt.Errorf("Error powering off droplet (%d): %w", id, err)
	}
	if err := become(ctx, api, strconv.Itoa(id), dropletChanges, hasStatus("off")); err != nil {
		return fmt.Errorf("Error waiting for droplet (%d) to become powered off: %w", id, err)
	}
	action, _, resized := api.DropletActions.Resize(ctx, id, in.text("size"), in.is("resizeDisk"))
	if resized == nil {
		resized = finish(ctx, api, action)
	}
	if _, _, err := api.DropletActions.PowerOn(ctx, id); err != nil {
		return fmt.Errorf("Error powering on droplet (%d) after resize: %w", id, err)
	}
	if err := become(ctx, api, strconv.Itoa(id), dropletChanges, hasStatus("active")); err != nil {
		return err
	}
	if resized != nil {
		return fmt.Errorf("Error resizing droplet (%d): %w", id, resized)
	}
	return nil
}

func renameDroplet(ctx context.Context, api *godo.Client, id int, _, in values) error {
	if _, _, err := api.DropletActions.Rename(ctx, id, in.text("name")); err != nil {
		return fmt.Errorf("Error renaming droplet (%d): %w", id, err)
	}
	named := func(d *godo.Droplet) bool { return d.Name == in.text("name") }
	if err := become(ctx, api, strconv.Itoa(id), dropletChanges, named); err != nil {
		return fmt.Errorf("Error waiting for rename droplet (%d) to finish: %w", id, err)
	}
	return nil
}

func switchBackups(ctx context.Context, api *godo.Client, id int, _, in values) error {
	turn, what := api.DropletActions.DisableBackups, "disabling"
	if in.is("backups") {
		turn, what = api.DropletActions.EnableBackups, "enabling"
	}
	action, _, err := turn(ctx, id)
	if err == nil {
		err = finish(ctx, api, action)
	}
	if err != nil {
		return fmt.Errorf("Error %s backups on droplet (%d): %w", what, id, err)
	}
	return nil
}

// enableIPv6 is all that can be done about IPv6 in place: a droplet that is to have it no more is replaced.
func enableIPv6(ctx context.Context, api *godo.Client, id int, _, _ values) error {
	if _, _, err := api.DropletActions.EnableIPv6(ctx, id); err != nil {
		return fmt.Errorf("Error turning on ipv6 for droplet (%d): %w", id, err)
	}
	has := func(d *godo.Droplet) bool { return slices.Contains(d.Features, "ipv6") }
	if err := become(ctx, api, strconv.Itoa(id), dropletChanges, has); err != nil {
		return fmt.Errorf("Error waiting for ipv6 to be turned on for droplet (%d): %w", id, err)
	}
	return nil
}

// retagDroplet takes off the tags that are asked for no more, and puts on the new ones, which it makes if needed.
func retagDroplet(ctx context.Context, api *godo.Client, id int, old, in values) error {
	resources := []godo.Resource{{ID: strconv.Itoa(id), Type: godo.DropletResourceType}}
	had, wanted := old.texts("tags"), in.texts("tags")
	for _, name := range had {
		if slices.Contains(wanted, name) {
			continue
		}
		if _, err := api.Tags.UntagResources(ctx, name, &godo.UntagResourcesRequest{Resources: resources}); err != nil {
			return fmt.Errorf("Error updating tags: %w", err)
		}
	}
	for _, name := range wanted {
		if slices.Contains(had, name) {
			continue
		}
		made, _, err := api.Tags.Create(ctx, &godo.TagCreateRequest{Name: name})
		if err == nil {
			_, err = api.Tags.TagResources(ctx, made.Name, &godo.TagResourcesRequest{Resources: resources})
		}
		if err != nil {
			return fmt.Errorf("Error updating tags: %w", err)
		}
	}
	return nil
}

// finish waits for an action to end well.
func finish(ctx context.Context, api *godo.Client, action *godo.Action) error {
	return wait(ctx, 20*time.Minute, func() (bool, error) {
		now, _, err := api.Actions.Get(ctx, action.ID)
		if err != nil {
			return false, err
		}
		if now.Status == "errored" {
			return false, fmt.Errorf("action %d (%s) failed", now.ID, now.Type)
		}
		return now.Status == godo.ActionCompleted, nil
	})
}
