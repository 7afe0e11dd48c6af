package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// TestReadRules: files are read from the project's folder, and refused with their path and the reason.
func TestReadRules(t *testing.T) {
	const rule = "groups:\n  - name: shop\n    rules:\n      - {alert: NAME, expr: up == 0}\n      - {alert: NAME, expr: up == 1}\n      - {record: shop:up, expr: sum(up)}\n"
	named := func(name string) string { return strings.ReplaceAll(rule, "NAME", name) }
	for name, c := range map[string]struct{ shop, more, want string }{
		"good":                       {named("ShopDown"), named("ShopSlow"), ""},
		"of one name":                {named("ShopDown"), named("ShopDown"), "rules: more.yml: group shop: alert: ShopDown is an alert of shop.yml already; choose another name"},
		"promwire's name":            {named("TargetDown"), "", "rules: shop.yml: group shop: alert: TargetDown is an alert of promwire's already; choose another name"},
		"the heartbeat's":            {named("Watchdog"), "", "rules: shop.yml: group shop: alert: Watchdog is an alert of promwire's already; choose another name"},
		"promwire's series":          {strings.Replace(named("X"), "shop:up", "promwire:up", 1), "", "rules: shop.yml: group shop: record: promwire:up: names that begin with promwire are promwire's own series; choose another"},
		"no PromQL":                  {strings.Replace(named("X"), "up == 0", "up ==", 1), "", `rules: shop.yml: 4:26: group "shop", rule 1, "X": could not parse expression: 1:6: parse error: unexpected end of input`},
		"an unknown key":             {strings.Replace(named("X"), "expr: up == 0", "expression: up", 1), "", "rules: shop.yml: yaml: unmarshal errors:   line 4: field expression not found"},
		"a template that can't work": {strings.Replace(named("X"), "up == 0}", "up == 0, annotations: {summary: '{{ $nothing }}'}}", 1), "", `rules: shop.yml: group "shop", rule 1, "X": annotation "summary": template`},
		"too long":                   {named("X") + strings.Repeat("# long\n", mostRules/7), "", "rules: all files together have 1"},
		"not there":                  {"-", "", "rules: shop.yml can't be read: open "},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s := Settings{Rules: []prometheus.RuleFile{{Name: "shop", Source: "shop.yml"}, {Name: "more", Source: "more.yml"}}}
			for file, text := range map[string]string{"shop.yml": c.shop, "more.yml": c.more} {
				if text == "-" {
					continue
				}
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var problems document.Problems
			s.readRules(folder, &problems)
			err := problems.Err()
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "" && s.Rules[0].Text != c.shop:
				t.Errorf("it read %q", s.Rules[0].Text)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
