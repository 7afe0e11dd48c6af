package e2e

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a machine has before it joins a fleet and after it left: the same.

//go:embed inventory.sh
var inventoryScript string

// leftPackages are those that promwire installs and leaves, as docs/operating.md says: others may use them by then. What they depend on
// is left with them.
var leftPackages = []string{"curl", "nftables", "wireguard-go", "wireguard-tools"}

// inventory is what a machine has: the fields of a line of inventory.sh, by the line without its package.
type inventory map[string]thing

type thing struct{ kind, name, from string }

// inventories are those of several hosts, by name.
func (s *story) inventories(hosts []string) map[string]inventory {
	s.t.Helper()
	var mutex sync.Mutex
	all := map[string]inventory{}
	var takes []func() error
	for _, host := range hosts {
		takes = append(takes, func() error {
			printed, err := s.on(host, inventoryScript)
			mutex.Lock()
			defer mutex.Unlock()
			all[host] = parseInventory(printed)
			return err
		})
	}
	require.NoError(s.t, together(takes))
	return all
}

func parseInventory(printed string) inventory {
	all := inventory{}
	for line := range strings.Lines(printed) {
		fields := append(strings.Split(strings.TrimRight(line, "\n"), "\t"), "", "", "", "")
		all[strings.Join(fields[:3], "  ")] = thing{kind: fields[0], name: fields[1], from: fields[3]}
	}
	return all
}

// asBefore sees that hosts have what they had, and nothing more but packages that promwire leaves.
func (s *story) asBefore(before map[string]inventory) {
	s.t.Helper()
	after := s.inventories(slices.Collect(maps.Keys(before)))
	for _, host := range slices.Sorted(maps.Keys(before)) {
		assert.Empty(s.t, strings.Join(before[host].changes(after[host]), "\n"), "%s has other things than before (-) now (+)", host)
	}
}

// changes are lines that are not any more (-), and new ones (+).
func (i inventory) changes(now inventory) []string {
	var lines []string
	for line := range i {
		if _, ok := now[line]; !ok {
			lines = append(lines, "- "+line)
		}
	}
	for line, t := range now {
		if _, ok := i[line]; !ok && !i.leaves(t) {
			lines = append(lines, "+ "+line)
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2:]+a[:1], b[2:]+b[:1]) }) // what changed, line below line
	return lines
}

// leaves says whether a new thing came with a package that promwire leaves, or that such a package needs.
func (i inventory) leaves(t thing) bool {
	if t.from == "" {
		return false
	}
	if t.kind == "manual" {
		return slices.Contains(leftPackages, t.from)
	}
	return !i.has("package", t.from)
}

func (i inventory) has(kind, name string) bool {
	for _, t := range i {
		if t.kind == kind && t.name == name {
			return true
		}
	}
	return false
}
