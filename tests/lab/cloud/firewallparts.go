package cloud

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/digitalocean/godo"
)

// firewallParts is the body of a request that adds to a firewall or takes from it; one kind of part per request.
type firewallParts struct {
	Droplets []int               `json:"droplet_ids"`
	Tags     []string            `json:"tags"`
	Inbound  []godo.InboundRule  `json:"inbound_rules"`
	Outbound []godo.OutboundRule `json:"outbound_rules"`
}

func (a *API) addToFirewall(r *http.Request) (int, any, error) {
	return a.editFirewall(r, func(request *godo.FirewallRequest, parts firewallParts) {
		request.DropletIDs = union(request.DropletIDs, parts.Droplets)
		request.Tags = union(request.Tags, parts.Tags)
		request.InboundRules = append(request.InboundRules, parts.Inbound...)
		request.OutboundRules = append(request.OutboundRules, parts.Outbound...)
	})
}

func (a *API) removeFromFirewall(r *http.Request) (int, any, error) {
	return a.editFirewall(r, func(request *godo.FirewallRequest, parts firewallParts) {
		request.DropletIDs = difference(request.DropletIDs, parts.Droplets)
		request.Tags = difference(request.Tags, parts.Tags)
		request.InboundRules = difference(request.InboundRules, parts.Inbound)
		request.OutboundRules = difference(request.OutboundRules, parts.Outbound)
	})
}

// editFirewall changes the part of a firewall that the request's path names.
func (a *API) editFirewall(r *http.Request, edit func(*godo.FirewallRequest, firewallParts)) (int, any, error) {
	if !slices.Contains([]string{"droplets", "tags", "rules"}, r.PathValue("part")) {
		return 0, nil, errNotFound
	}
	var parts firewallParts
	if err := readJSON(r, &parts); err != nil {
		return 0, nil, err
	}
	f, err := a.firewall(r)
	if err != nil {
		return 0, nil, err
	}
	request := godo.FirewallRequest{
		Name: f.Name, InboundRules: slices.Clone(f.Inbound), OutboundRules: slices.Clone(f.Outbound),
		DropletIDs: slices.Clone(f.Droplets), Tags: slices.Clone(f.Tags),
	}
	edit(&request, parts)
	if err := a.replace(f, request); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.save()
}

// union adds what is not there yet.
func union[T comparable](have, more []T) []T {
	for _, item := range more {
		if !slices.Contains(have, item) {
			have = append(have, item)
		}
	}
	return have
}

// difference removes what is written the same.
func difference[T any](have, less []T) []T {
	return slices.DeleteFunc(have, func(item T) bool {
		return slices.ContainsFunc(less, func(other T) bool { return written(item) == written(other) })
	})
}

func written(item any) string {
	raw, _ := json.Marshal(item) // plain data: can't fail
	return string(raw)
}
