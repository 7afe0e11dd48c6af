package e2e

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/dashboards"
)

// dashboardsShow: what panels of Grafana's dashboards ask about a fleet and its hosts has an answer at this monitor. Nothing fires there.
func dashboardsShow(s *story) {
	values := map[string]string{"region": ".*", "name": "node-1"}
	s.dashboard("fleet", values, "Alerts that fire")
	s.dashboard("host", values, "Alerts that fire", "Disks are busy") // containers have no disks
}

// dashboard asks what a dashboard's panels ask, with these values of its variables. Those named may show nothing.
func (s *story) dashboard(name string, values map[string]string, empty ...string) {
	all, err := dashboards.Read("../../docs/dashboards")
	require.NoError(s.t, err)
	asked := 0
	for _, d := range all {
		if d.Name != name {
			continue
		}
		for title, queries := range d.Queries(values) {
			for _, query := range queries {
				s.eventually(func() error { // rates need two scrapes
					said, err := s.query(query)
					if err == nil && said == "" && !slices.Contains(empty, title) {
						err = fmt.Errorf("%s: %s shows nothing: %s", name, title, query)
					}
					return err
				})
				asked++
			}
		}
	}
	require.Positive(s.t, asked)
}
