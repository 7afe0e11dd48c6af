package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/operator"
)

// preview is what the operator reads of one with more edits, in lines without the space around them.
func (s *story) preview(edits ...operator.Edit) (string, error) {
	s.t.Helper()
	at := *s
	at.edits = append(slices.Clone(s.edits), edits...)
	options, progress := at.options()
	_, err := s.lab.Operator.Preview(s.t.Context(), s.stack, options)
	var lines []string
	for line := range strings.Lines(progress.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n") + "\n", err
}

// looksAhead: a preview says what an update does to which host, and the update does that.
func looksAhead(s *story) {
	hosts := s.connections(fleetHosts...)
	for name, c := range map[string]struct {
		edit operator.Edit
		want []string // lines
		not  []string
	}{
		"nothing": {func(map[string]any) {}, []string{"nothing changes on 4 hosts; 4 droplets: $24 a month"}, []string{"what this update does"}},
		"a flag": {flag("node-1"), []string{
			"what this update does to each host:",
			"restart node-1 restarts node_exporter; files: /etc/systemd/system/node_exporter.service",
			"nothing 3 hosts",
		}, []string{"node-2 ", "a month; before"}},
		"a new host": {with("node-9", "ams3"), []string{
			"new node-9 a droplet, s-1vcpu-1gb", "files monitor-1 enrols 1", "nothing 3 hosts", "5 droplets: $30 a month; before, 4 droplets: $24 a month",
		}, nil},
		"a host less": {without("node-2"), []string{
			"removed node-2 its droplet is deleted", "files monitor-1 withdraws 1", "nothing 2 hosts", "With --target, only what it names is removed.",
		}, nil},
		"another region": {regionOf("node-2", "fra1"), []string{"replace node-2 another droplet: region sfo3 → fra1"}, nil},
		"certificates": {set("tls", map[string]any{"enabled": true}), []string{
			"unknown node-1, node-2, node-3 its plan is known when bootstrap and enrol have run",
		}, nil},
	} {
		printed, err := s.preview(c.edit)
		require.NoError(s.t, err, "%s: %s", name, printed)
		for _, line := range c.want {
			assert.Contains(s.t, printed, line, name)
		}
		for _, line := range c.not {
			assert.NotContains(s.t, printed, line, name)
		}
	}
	assert.Equal(s.t, hosts, s.connections(fleetHosts...), "a preview opens no connection")
	printed, err := s.preview(set("targets", []any{}))
	require.Error(s.t, err, printed)
	assert.Contains(s.t, printed, "targets: the list is empty, and all 3 targets would be removed, so nothing was changed")

	before := len(s.edits)
	s.edit(flag("node-1"))
	s.touchesOnly(func() { s.up() }, "monitor-1", "node-1") // the gate asks the monitor
	assert.ElementsMatch(s.t, []string{"/etc/systemd/system/node_exporter.service", "node_exporter.service"}, s.changed("node-1"))
	s.edits = s.edits[:before]
	s.up()
}

// changed is what the receipt of a host's converge says.
func (s *story) changed(host string) []string {
	s.t.Helper()
	var receipt struct{ Changed []string }
	text := s.resources()[host+"-converge"].Outputs["stdout"].(string)
	require.NoError(s.t, json.Unmarshal([]byte(text), &receipt), text)
	return receipt.Changed
}

// entry edits one target of the list.
func entry(name string, change func(map[string]any)) operator.Edit {
	return targets(func(list []any) []any {
		for _, t := range list {
			if t := t.(map[string]any); t["name"] == name {
				change(t)
			}
		}
		return list
	})
}

func flag(name string) operator.Edit {
	return entry(name, func(t map[string]any) { t["flags"] = map[string]any{"node": []any{"--collector.systemd"}} })
}

func regionOf(name, region string) operator.Edit {
	return entry(name, func(t map[string]any) { t["region"] = region })
}

// protected: a protected host is not removed and not replaced, by whatever way, until its line is changed.
func protected(s *story) {
	before := len(s.edits)
	s.edit(entry("node-3", func(t map[string]any) { t["protect"] = true }))
	s.touchesOnly(func() { s.up() })
	printed, err := s.preview()
	require.NoError(s.t, err)
	assert.Contains(s.t, printed, "nothing changes on 4 hosts")
	machines := s.machines()
	for name, edit := range map[string]operator.Edit{"removed": without("node-3"), "another region": regionOf("node-3", "fra1")} {
		printed, err := s.preview(edit)
		require.Error(s.t, err, printed)
		assert.Contains(s.t, printed, "node-3: is protected, and ", name)
		at := *s
		at.edits = append(slices.Clone(s.edits), edit)
		assert.Contains(s.t, at.upFails(), "so nothing was changed", name)
	}
	said := s.upFails(func(o *operator.Options) { o.Replace = []string{s.resources()["node-3-droplet"].URN} })
	assert.Regexp(s.t, `node-3-droplet[\s\S]*protect`, said)
	options, progress := s.options()
	resources := s.resources()
	_, err = s.lab.Operator.Destroy(s.t.Context(), s.stack, options) // without a preview
	require.Error(s.t, err, progress.String())
	assert.Regexp(s.t, `node-3-protected[\s\S]*cannot be deleted\s+because it is protected`, progress.String())
	assert.Equal(s.t, slices.Sorted(maps.Keys(resources)), slices.Sorted(maps.Keys(s.resources())), "not one resource is gone")
	assert.Equal(s.t, machines, s.machines(), "not one machine is gone")
	s.allUp(s.tunnels())
	s.edits = s.edits[:before]
	s.touchesOnly(func() { s.up() })
	printed, err = s.preview(without("node-3"))
	require.NoError(s.t, err, printed)
	assert.Contains(s.t, printed, "removed node-3 its droplet is deleted")
}

// proxied: Prometheus's links begin with the owner's URL, and whoever asks it on the monitor, such as the gate of this update, does so as before.
func proxied(s *story) {
	before := len(s.edits)
	s.edit(func(fleet map[string]any) {
		monitor := fleet["monitor"].(map[string]any)
		monitor["prometheus"].(map[string]any)["externalUrl"] = "https://example.net/monitoring/prom/"
	})
	printed, err := s.preview()
	require.NoError(s.t, err, printed)
	assert.Contains(s.t, printed, "restart monitor-1 restarts prometheus; files: /etc/systemd/system/prometheus.service")
	s.touchesOnly(func() { s.up() }, "monitor-1")
	const here = "curl --silent --noproxy '*' http://127.0.0.1:9090"
	assert.Contains(s.t, s.mustOn("monitor-1", here+"/api/v1/status/flags"), `"web.external-url":"https://example.net/monitoring/prom"`)
	assert.Equal(s.t, "http://127.0.0.1:9090/monitoring/prom/query", s.mustOn("monitor-1", here+"/ --output /dev/null --write-out '%{redirect_url}'"),
		"what the proxy makes the owner's URL of")
	assert.Equal(s.t, "http://127.0.0.1:9090/query", s.output("url"))
	s.allUp(s.tunnels())
	s.edits = s.edits[:before]
	s.touchesOnly(func() { s.up() }, "monitor-1")
}

// machines are the story's, by name.
func (s *story) machines() []string {
	s.t.Helper()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	var names []string
	for _, m := range all {
		if strings.Contains(m.Name, s.machine("")) {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names
}
