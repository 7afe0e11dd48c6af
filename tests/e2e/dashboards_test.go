package e2e

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/dashboards"
)

// dashboardsShow: what panels of Grafana's dashboards ask about a fleet and its hosts has an answer at this monitor. Nothing fires there.
func dashboardsShow(s *story) {
	all, err := dashboards.Read("../../docs/dashboards")
	require.NoError(s.t, err)
	empty := []string{"Alerts that fire", "Disks are busy"} // containers have no disks
	asked := 0
	for _, d := range all {
		if d.Name != "fleet" && d.Name != "host" {
			continue
		}
		for title, queries := range d.Queries(map[string]string{"region": ".*", "name": "node-1"}) {
			for _, query := range queries {
				s.eventually(func() error { // rates need two scrapes
					said, err := s.query(query)
					if err == nil && said == "" && !slices.Contains(empty, title) {
						err = fmt.Errorf("%s: %s shows nothing: %s", d.Name, title, query)
					}
					return err
				})
				asked++
			}
		}
	}
	require.Positive(s.t, asked)
}
