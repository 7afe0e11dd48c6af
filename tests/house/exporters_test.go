package house

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/exporter"
)

//go:generate go test . -run ^(TestExportersPage|TestAlertsPage)$ -update

const (
	exportersPage = "docs/exporters.md"
	tableBegins   = "<!-- The table is generated from provisioners/exporter, by `go generate ./tests/house`. -->\n"
	tableEnds     = "<!-- End of the table. -->\n"
)

var update = flag.Bool("update", false, "write the generated parts of pages")

// exportersTable is what the page says of each row of the exporters' own table.
func exportersTable() string {
	var b strings.Builder
	b.WriteString("\n| exporter | what it sees | TCP port | with certificates | comes as | in a secret file |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, e := range exporter.All() {
		secure, from, secret := fmt.Sprint(e.Port+exporter.TLSOffset), "pinned release", ""
		if e.Relayed() {
			secure += ", by a relay"
		}
		if e.Package != "" {
			from = "package `" + e.Package + "`"
		}
		if e.Secret != "" {
			secret = "`" + e.Secret + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s | %s | %s |\n", e.Name, e.Sees, e.Port, secure, from, secret)
	}
	return b.String() + "\n"
}

// TestExportersPage: the page's table is that of the program, and every exporter of a target has a section that says what it needs.
func TestExportersPage(t *testing.T) {
	page := text(t, exportersPage)
	generated(t, exportersPage, tableBegins, tableEnds, exportersTable())
	for _, name := range exporter.ForTargets() {
		if !slices.Contains(anchors(page), name) {
			t.Errorf("%s has no section %q that says what this exporter needs on its host", exportersPage, "### "+name)
		}
	}
}
