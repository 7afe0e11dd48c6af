package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"fmt"
	"slices"

	"github.com/digitalocean/godo"
)

var firewall = resource{
	fields: []field{
		{name: "name", kind: text, required: true},
		{name: "dropletIds", kind: numbers},
		{name: "tags", kind: texts, refuse: refuseTags},
		{name: "inboundRules", kind: objects, refuse: refuseRules("source")},
		{name: "outboundRules", kind: objects, refuse: refuseRules("destination")},
		{name: "status", kind: text, output: true},
		{name: "createdAt", kind: text, output: true},
		{name: "pendingChanges", kind: objects, output: true},
	},
	refuse: func(in values) string {
		if canonical(in["inboundRules"]) == nil && canonical(in["outboundRules"]) == nil {
			return "At least one rule must be specified"
		}
		return ""
	},
	create: func(ctx context.Context, api *godo.Client, in values) (string, error) {
		made, _, err := api.Firewalls.Create(ctx, firewallRequest(in))
		if err != nil {
			return "", fmt.Errorf("Error creating firewall: %w", err)
		}
		return made.ID, nil
	},
	read: readFirewall,
	update: func(ctx context.Context, api *godo.Client, id string, _, in values) error {
		if _, _, err := api.Firewalls.Update(ctx, id, firewallRequest(in)); err != nil {
			return fmt.Errorf("Error updating firewall: %w", err)
		}
		return nil
	},
	delete: func(ctx context.Context, api *godo.Client, id string, _ values) error {
		if _, err := api.Firewalls.Delete(ctx, id); err != nil {
			return fmt.Errorf("Error deleting firewall: %w", err)
		}
		return nil
	},
}

// refuseRules says what is wrong with rules, whose other ends' properties begin with a word.
func refuseRules(end string) func(any) string {
	known := map[string]kind{
		"protocol": text, "portRange": text, end + "Addresses": texts, end + "Tags": texts, end + "DropletIds": numbers,
		end + "LoadBalancerUids": texts, end + "KubernetesIds": texts,
	}
	return func(v any) string {
		for _, rule := range items[map[string]any](v) {
			for name, value := range rule {
				if k, ok := known[name]; name != defaultsKey && (!ok || !k.holds(value)) {
					return fmt.Sprintf("%s: Invalid or unknown key", name)
				}
			}
			protocol := values(rule).text("protocol")
			if !slices.Contains([]string{"tcp", "udp", "icmp"}, protocol) {
				return fmt.Sprintf(`expected protocol to be one of ["tcp" "udp" "icmp"], got %s`, protocol)
			}
			if protocol != "icmp" && values(rule).text("portRange") == "" {
				return "`port_range` of rules is required if protocol is `tcp` or `udp`"
			}
		}
		return ""
	}
}

func firewallRequest(in values) *godo.FirewallRequest {
	request := &godo.FirewallRequest{
		Name: in.text("name"), DropletIDs: in.numbers("dropletIds"), Tags: append([]string{}, in.texts("tags")...),
	}
	for _, rule := range items[map[string]any](in["inboundRules"]) {
		sources := godo.Sources(far(rule, "source"))
		request.InboundRules = append(request.InboundRules, godo.InboundRule{
			Protocol: values(rule).text("protocol"), PortRange: values(rule).text("portRange"), Sources: &sources,
		})
	}
	for _, rule := range items[map[string]any](in["outboundRules"]) {
		destinations := godo.Destinations(far(rule, "destination"))
		request.OutboundRules = append(request.OutboundRules, godo.OutboundRule{
			Protocol: values(rule).text("protocol"), PortRange: values(rule).text("portRange"), Destinations: &destinations,
		})
	}
	return request
}

// farEnd is what a rule's sources and destinations have in common: everything.
type farEnd godo.Sources

// far reads a rule's other end, whose properties begin with a word.
func far(rule map[string]any, end string) farEnd {
	v := values(rule)
	return farEnd{
		Addresses: v.texts(end + "Addresses"), Tags: v.texts(end + "Tags"), DropletIDs: v.numbers(end + "DropletIds"),
		LoadBalancerUIDs: v.texts(end + "LoadBalancerUids"), KubernetesIDs: v.texts(end + "KubernetesIds"),
	}
}

func readFirewall(ctx context.Context, api *godo.Client, id string) (values, error) {
	f, _, err := api.Firewalls.Get(ctx, id)
	if err != nil {
		return nil, gone("firewall", err)
	}
	inbound, outbound, pending := []any{}, []any{}, []any{}
	for _, rule := range f.InboundRules {
		inbound = append(inbound, ruleOf(rule.Protocol, rule.PortRange, "source", farEnd(*rule.Sources)))
	}
	for _, rule := range f.OutboundRules {
		outbound = append(outbound, ruleOf(rule.Protocol, rule.PortRange, "destination", farEnd(*rule.Destinations)))
	}
	for _, change := range f.PendingChanges {
		pending = append(pending, map[string]any{
			"dropletId": change.DropletID, "removing": change.Removing, "status": change.Status,
		})
	}
	return values{
		"name": f.Name, "dropletIds": numberList(f.DropletIDs), "tags": list(f.Tags), "inboundRules": inbound,
		"outboundRules": outbound, "status": f.Status, "createdAt": f.Created, "pendingChanges": pending,
	}, nil
}

// ruleOf is a rule as it is in the state. "0" is the API's word for all ports; with ICMP it is none.
func ruleOf(protocol, ports, end string, far farEnd) map[string]any {
	rule := map[string]any{"protocol": protocol}
	switch {
	case ports != "0":
		rule["portRange"] = ports
	case protocol != "icmp":
		rule["portRange"] = "all"
	}
	for name, value := range map[string][]any{
		"Addresses": list(far.Addresses), "Tags": list(far.Tags), "DropletIds": numberList(far.DropletIDs),
		"LoadBalancerUids": list(far.LoadBalancerUIDs), "KubernetesIds": list(far.KubernetesIDs),
	} {
		if len(value) > 0 {
			rule[end+name] = value
		}
	}
	return rule
}
