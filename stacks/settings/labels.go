package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// reservedLabels are set by promwire or by Prometheus itself.
var reservedLabels = []string{"name", "region", "role", model.InstanceLabel, model.JobLabel}

// labels checks a host's own labels. The names are those that PromQL takes without quotes.
func (c *checker) labels(path string, labels map[string]string) map[string]string {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		at := path + "." + name
		switch {
		case !model.LegacyValidation.IsValidLabelName(name):
			c.Add(at, "%q is not a valid label name: use letters, digits and underscores, and do not begin with a digit", name)
		case strings.HasPrefix(name, model.ReservedLabelPrefix):
			c.Add(at, "names that begin with %s are reserved for Prometheus; choose another", model.ReservedLabelPrefix)
		case slices.Contains(reservedLabels, name):
			c.Add(at, "is set by promwire; choose a name other than %s", strings.Join(reservedLabels, ", "))
		}
	}
	return labels
}
