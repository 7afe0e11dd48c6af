package outlook

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// rowsOfAKind is how many rows one kind has at most, so that a large fleet stays on a screen.
const rowsOfAKind = 5

// row is what happens to some hosts.
type row struct {
	kind  kind
	why   string
	hosts []string // sorted
}

// String is the table; one line if nothing happens to any host.
func (o Outlook) String() string {
	rows := o.rows()
	if len(rows) == 1 && rows[0].kind == nothing {
		return fmt.Sprintf("nothing changes on %s%s", count(len(rows[0].hosts)), o.cost("; "))
	}
	var b strings.Builder
	b.WriteString("what this update does to each host:\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", words[r.kind], r.names(), r.why)
	}
	_ = table.Flush() // into memory
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	text := strings.Join(lines, "\n") + o.cost("")
	if rows[0].kind == removed {
		text += "\nWith --target, only what it names is removed."
	}
	return strings.TrimRight(text, "\n")
}

// rows are in the order of their kinds, and within one the largest first.
func (o Outlook) rows() []row {
	hosts := map[string]*row{}
	all := o.changes()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		key := fmt.Sprint(c.kind, c.why)
		if hosts[key] == nil {
			hosts[key] = &row{kind: c.kind, why: strings.Join(c.why, "; ")}
		}
		hosts[key].hosts = append(hosts[key].hosts, name)
	}
	rows := slices.SortedFunc(maps.Values(hosts), func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(len(b.hosts), len(a.hosts)), cmp.Compare(a.hosts[0], b.hosts[0]))
	})
	return shortened(rows)
}

// shortened puts the smallest rows of a kind together, if there are too many.
func shortened(all []*row) []row {
	var rows []row
	of := map[kind]int{}
	for _, r := range all {
		of[r.kind]++
		if of[r.kind] <= rowsOfAKind {
			rows = append(rows, *r)
			continue
		}
		last := &rows[len(rows)-1]
		last.hosts = append(slices.Clone(last.hosts), r.hosts...)
		slices.Sort(last.hosts)
		last.why = "for different reasons: see pulumi preview --diff"
	}
	return rows
}

// names are the hosts', or how many there are and the first.
func (r row) names() string {
	if len(r.hosts) <= most && r.kind != nothing {
		return strings.Join(r.hosts, ", ")
	}
	if r.kind == nothing {
		return count(len(r.hosts))
	}
	return fmt.Sprintf("%s: %s, …", count(len(r.hosts)), strings.Join(r.hosts[:most], ", "))
}

func count(hosts int) string {
	if hosts == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", hosts)
}
