// Package proof renders what proves a fleet: the gate (every target is scraped) and the negatives (nobody else gets in), and
// reads the answers into one matrix.
package proof

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

//go:embed gate.sh
var gateScript string

//go:embed outside.sh
var outsideScript string

// Target is one scraped host, as the gate must know it.
type Target struct {
	Name      string
	Tunnel    string // address
	PublicKey string // of WireGuard, base64
	Digest    string // of its plan: a changed host is proved again
}

// GateValues are the gate's.
type GateValues struct {
	Monitor string // name
	Digest  string // of its plan
	Targets []Target
	Wait    time.Duration // for all targets together, in whole seconds
	Again   string        // any text; a new one proves anew
}

// Gate is the script that ends, on the monitor, when the fleet works.
func Gate(v GateValues) string {
	targets := slices.SortedFunc(slices.Values(v.Targets), func(a, b Target) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	fmt.Fprintf(&b, "# monitor %s, asked: %q\n", v.Digest, v.Again)
	fmt.Fprintf(&b, "fleet_monitor=%s\nfleet_seconds=%d\n", v.Monitor, int(v.Wait.Seconds()))
	b.WriteString("fleet_targets='\n")
	for _, t := range targets {
		fmt.Fprintf(&b, "%s %s %s %s\n", t.Name, t.Tunnel, t.PublicKey, t.Digest)
	}
	b.WriteString("'\n")
	return b.String() + gateScript
}

// Outsider is a host that the operator's machine reaches without a bastion.
type Outsider struct {
	Name    string
	Address string // public
	SSHPort int
	Digest  string // of its firewall: a changed one is probed again
}

// OutsideValues are the operator's probes.
type OutsideValues struct {
	Hosts []Outsider
	Again string // any text; a new one proves anew
}

// Outside is the script that tries, on the operator's machine, what must not answer: 9100 (node_exporter) and 9090
// (Prometheus), the ports of https://github.com/prometheus/prometheus/wiki/Default-port-allocations.
func Outside(v OutsideValues) string {
	hosts := slices.SortedFunc(slices.Values(v.Hosts), func(a, b Outsider) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	fmt.Fprintf(&b, "# asked: %q\n", v.Again)
	for _, h := range hosts {
		fmt.Fprintf(&b, "# %s %s\n", h.Name, h.Digest)
	}
	b.WriteString("fleet_probes='\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s %s %d open\n", h.Name, h.Address, h.SSHPort)
		fmt.Fprintf(&b, "%s %s 9100 closed\n%s %s 9090 closed\n", h.Name, h.Address, h.Name, h.Address)
	}
	b.WriteString("'\n")
	return b.String() + outsideScript
}

// Row is one probe: who tried whom, what must be seen and what was.
type Row struct {
	From, To       string
	Address        string // "tunnel": every address of the tunnel's network
	Port           int
	Expected, Seen string // "open" or "closed"
}

// Matrix reads the rows that the scripts printed, the outsider's first.
func Matrix(printed ...string) ([]Row, error) {
	var rows []Row
	for _, text := range printed {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" {
				continue
			}
			row, err := parse(line)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func parse(line string) (Row, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 6 {
		return Row{}, fmt.Errorf("verification: a row has %d fields instead of 6: %q", len(fields), line)
	}
	port, err := strconv.Atoi(fields[3])
	if err != nil {
		return Row{}, fmt.Errorf("verification: port of %q: %w", line, err)
	}
	return Row{From: fields[0], To: fields[1], Address: fields[2], Port: port, Expected: fields[4], Seen: fields[5]}, nil
}

// Table renders the matrix for people.
func Table(rows []Row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tTO\tADDRESS\tPORT\tEXPECTED\tSEEN")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", r.From, r.To, r.Address, r.Port, r.Expected, r.Seen)
	}
	w.Flush()
	return b.String()
}
