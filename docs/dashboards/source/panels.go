package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// columns are those of Grafana's grid.
const columns = 24

// source is the variable by which a dashboard's user chooses which Prometheus it asks.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${source}")}

// newDashboard has what all dashboards have: which Prometheus, the last hours, and links to the others.
func newDashboard(uid, title, description string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).Uid(uid).Description(description).Tags([]string{"promwire"}).
		Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time("now-6h", "now").Refresh("30s").
		Link(dashboard.NewDashboardLinkBuilder("promwire").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"promwire"}).
			AsDropdown(true).KeepTime(true).IncludeVars(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("source").Label("Prometheus").Type("prometheus"))
}

// choice is a variable whose values are those of a label. Several can be chosen, all at first; or one.
func choice(label, title, values string, several bool) *dashboard.QueryVariableBuilder {
	v := dashboard.NewQueryVariableBuilder(label).Label(title).Datasource(source).
		Query(dashboard.StringOrMap{String: cog.ToPtr("label_values(" + values + ", " + label + ")")}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
	if several {
		v = v.Multi(true).IncludeAll(true).AllValue(".*")
	}
	return v
}

// query is what a panel asks, and how a line of it is called.
type query struct{ expr, legend string }

func (q query) target() *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Datasource(source).Expr(q.expr).LegendFormat(q.legend)
}

// plot is lines over time.
func plot(title, unit string, width uint32, queries ...query) *timeseries.PanelBuilder {
	targets := make([]cog.Builder[variants.Dataquery], len(queries))
	for i, q := range queries {
		targets[i] = q.target().Range().RefId(string(rune('A' + i)))
	}
	return timeseries.NewPanelBuilder().Title(title).Datasource(source).Unit(unit).Span(width).Height(8).Min(0).
		FillOpacity(8).LineWidth(1).ShowPoints(common.VisibilityModeNever).Targets(targets).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
}

// monitor selects what the monitor's own exporter says: only the monitor speaks of other hosts.
const monitor = `job="node",role="monitor"`

// rules are there while Prometheus has alerts that could fire.
const rules = `prometheus_rule_group_rules{job="prometheus",role="monitor"}`

// howMany series are bad: 0 if none of all is, and nothing if there are none at all, because then nobody knows.
func howMany(bad, all string) string { return "count(" + bad + ") or 0 * count(" + all + ")" }

// fraction is a plot of shares, from 0 to 1.
func fraction(title string, width uint32, queries ...query) *timeseries.PanelBuilder {
	return plot(title, units.PercentUnit, width, queries...).Max(1)
}

// number is one value of now. From bad on it is red; bad 0: it is never.
func number(title, description, unit string, bad float64, expr string) *stat.PanelBuilder {
	steps := []dashboard.Threshold{{Color: "text"}}
	if bad > 0 {
		steps = []dashboard.Threshold{{Color: "green"}, {Value: cog.ToPtr(bad), Color: "red"}}
	}
	return stat.NewPanelBuilder().Title(title).Description(description).Datasource(source).Unit(unit).Span(4).Height(4).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query{expr, ""}.target().Instant().RefId("A"))
}

// handshake is a number of how long ago a peer had one. Of a peer that never had, that is since 1970, and it says so.
func handshake(title, description, expr string) *stat.PanelBuilder {
	never := dashboard.RangeMap{Type: dashboard.MappingTypeRangeToText, Options: dashboard.DashboardRangeMapOptions{
		From: cog.ToPtr(1e9), Result: dashboard.ValueMappingResult{Text: cog.ToPtr("never")},
	}}
	return number(title, description, units.Seconds, 180, expr).Mappings([]dashboard.ValueMapping{{RangeMap: &never}}).
		Targets([]cog.Builder[variants.Dataquery]{query{expr, "{{host}}"}.target().Instant().RefId("A")})
}

// list is a table of now: a row for each series, with these of its labels.
func list(title, description string, labels []string, expr string) *table.PanelBuilder {
	hidden := map[string]any{"Time": true, "Value": true}
	order := map[string]any{}
	for i, label := range labels {
		order[label] = i
	}
	return table.NewPanelBuilder().Title(title).Description(description).Datasource(source).Span(columns).Height(7).
		WithTarget(query{expr, ""}.target().Instant().Format(prometheus.PromQueryFormatTable).RefId("A")).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": hidden, "indexByName": order, "includeByName": included(labels),
		}})
}

func included(labels []string) map[string]any {
	all := map[string]any{}
	for _, label := range labels {
		all[label] = true
	}
	return all
}
