package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"
)

// How long the real plugin waits for a droplet to change, and to go.
const (
	dropletChanges = 60 * time.Minute
	dropletGoes    = 60 * time.Second
)

// A droplet's id is its number.
var droplet = resource{
	fields: []field{
		// What the API would say of image is not asked: a slug is of the newest image of its kind, which changes.
		{name: "image", kind: text, required: true, kept: true, replaces: true},
		{name: "name", kind: text, required: true},
		{name: "region", kind: text, computed: true, replaces: true, normal: strings.ToLower},
		{name: "size", kind: text, required: true, normal: strings.ToLower},
		{name: "tags", kind: texts, refuse: refuseTags},
		{name: "sshKeys", kind: texts, kept: true, replaces: true},
		{name: "userData", kind: text, kept: true, replaces: true, normal: sum},
		{name: "vpcUuid", kind: text, computed: true, replaces: true},
		{name: "monitoring", kind: boolean, replaces: true, otherwise: false},
		{name: "dropletAgent", kind: boolean, kept: true, replaces: true},
		{name: "ipv6", kind: boolean, otherwise: false, breaks: func(old, new any) bool { return old == true && new != true }},
		{name: "ipv6Address", kind: text, computed: true, follows: "ipv6"},
		{name: "backups", kind: boolean, otherwise: false},
		{name: "privateNetworking", kind: boolean, computed: true},
		{name: "gracefulShutdown", kind: boolean, kept: true, otherwise: false},
		{name: "resizeDisk", kind: boolean, kept: true, otherwise: true},
		{name: "volumeIds", kind: texts, computed: true, refuse: func(v any) string {
			if canonical(v) != nil {
				return "the lab has no volumes"
			}
			return ""
		}},
		{name: "createdAt", kind: text, output: true},
		{name: "disk", kind: number, output: true},
		{name: "dropletUrn", kind: text, output: true},
		{name: "ipv4Address", kind: text, output: true},
		{name: "ipv4AddressPrivate", kind: text, output: true},
		{name: "locked", kind: boolean, output: true},
		{name: "memory", kind: number, output: true},
		{name: "priceHourly", kind: number, output: true},
		{name: "priceMonthly", kind: number, output: true},
		{name: "status", kind: text, output: true},
		{name: "vcpus", kind: number, output: true},
	},
	create: createDroplet,
	read: func(ctx context.Context, api *godo.Client, id string) (values, error) {
		d, err := getDroplet(ctx, api, id)
		if err != nil {
			return nil, gone("droplet", err)
		}
		return dropletFacts(d), nil
	},
	update: updateDroplet,
	delete: deleteDroplet,
}

// sum is what the state has instead of the user data.
func sum(text string) string {
	digest := sha1.Sum([]byte(text))
	return hex.EncodeToString(digest[:])
}

func getDroplet(ctx context.Context, api *godo.Client, id string) (*godo.Droplet, error) {
	number, err := strconv.Atoi(id)
	if err != nil {
		return nil, fmt.Errorf("invalid droplet id: %w", err)
	}
	d, _, err := api.Droplets.Get(ctx, number)
	return d, err
}

// dropletFacts is what the API says of a droplet.
func dropletFacts(d *godo.Droplet) values {
	v4, _ := d.PublicIPv4() // an error says that there is none
	private, _ := d.PrivateIPv4()
	v6, _ := d.PublicIPv6()
	facts := values{
		"name": d.Name, "dropletUrn": d.URN(), "region": d.Region.Slug, "size": d.Size.Slug, "status": d.Status,
		"priceHourly": d.Size.PriceHourly, "priceMonthly": d.Size.PriceMonthly, "disk": d.Disk, "vcpus": d.Vcpus,
		"memory": d.Memory, "locked": d.Locked, "createdAt": d.Created, "vpcUuid": d.VPCUUID,
		"ipv4Address": v4, "ipv4AddressPrivate": private, "ipv6Address": strings.ToLower(v6),
		"volumeIds": list(d.VolumeIDs), "tags": list(d.Tags),
	}
	for property, feature := range map[string]string{
		"backups": "backups", "ipv6": "ipv6", "privateNetworking": "private_networking", "monitoring": "monitoring",
	} {
		facts[property] = slices.Contains(d.Features, feature)
	}
	return facts
}

func createDroplet(ctx context.Context, api *godo.Client, in values) (string, error) {
	request := &godo.DropletCreateRequest{
		Name: in.text("name"), Region: strings.ToLower(in.text("region")), Size: strings.ToLower(in.text("size")),
		Tags:    append([]string{}, in.texts("tags")...),
		Backups: in.is("backups"), IPv6: in.is("ipv6"), PrivateNetworking: in.is("privateNetworking"),
		Monitoring: in.is("monitoring"), UserData: in.text("userData"), VPCUUID: in.text("vpcUuid"),
	}
	if number, err := strconv.Atoi(in.text("image")); err == nil {
		request.Image.ID = number
	} else {
		request.Image.Slug = in.text("image")
	}
	for _, key := range in.texts("sshKeys") {
		if number, err := strconv.Atoi(key); err == nil {
			request.SSHKeys = append(request.SSHKeys, godo.DropletCreateSSHKey{ID: number})
		} else {
			request.SSHKeys = append(request.SSHKeys, godo.DropletCreateSSHKey{Fingerprint: key})
		}
	}
	if agent, ok := in["dropletAgent"].(bool); ok {
		request.WithDropletAgent = &agent
	}
	d, _, err := api.Droplets.Create(ctx, request)
	if err != nil {
		return "", fmt.Errorf("Error creating droplet: %w", err)
	}
	id := strconv.Itoa(d.ID)
	if err := become(ctx, api, id, dropletChanges, hasStatus("active")); err != nil {
		return id, fmt.Errorf("Error waiting for droplet (%s) to become ready: %w", id, err)
	}
	return id, nil
}

// become waits until a droplet is free and as it should be. One that can't be found is an error.
func become(ctx context.Context, api *godo.Client, id string, limit time.Duration, so func(*godo.Droplet) bool) error {
	return wait(ctx, limit, func() (bool, error) {
		d, err := getDroplet(ctx, api, id)
		if err != nil {
			return false, fmt.Errorf("Error retrieving droplet: %w", err)
		}
		return !d.Locked && so(d), nil
	})
}

func hasStatus(status string) func(*godo.Droplet) bool {
	return func(d *godo.Droplet) bool { return d.Status == status }
}

// deleteDroplet waits for the droplet to be free, deletes it, and waits until it is gone. As with the real plugin, a
// droplet that was gone before is an error, which a refresh mends.
func deleteDroplet(ctx context.Context, api *godo.Client, id string, state values) error {
	free := func(*godo.Droplet) bool { return true }
	if err := become(ctx, api, id, dropletGoes, free); err != nil {
		return fmt.Errorf("Error waiting for droplet to be unlocked for destroy (%s): %w", id, err)
	}
	number, _ := strconv.Atoi(id) // it could be waited for: a number
	if state.is("gracefulShutdown") {
		if _, _, err := api.DropletActions.Shutdown(ctx, number); err != nil {
			return fmt.Errorf("Error shutting down the the droplet (%s): %w", id, err)
		}
		if err := become(ctx, api, id, dropletGoes, hasStatus("off")); err != nil {
			return fmt.Errorf("Error waiting for droplet (%s) to become off: %w", id, err)
		}
	}
	// The answer is ignored: only the droplet's removal matters.
	_, _ = api.Droplets.Delete(ctx, number)
	err := wait(ctx, dropletGoes, func() (bool, error) {
		_, err := getDroplet(ctx, api, id)
		if notFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("Error deleting droplet: %w", err)
	}
	return nil
}
