package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// faults are what all stories broke. TestMain prints them at the end of the run.
var faults table

// table has a row for each fault, in the order in which they came.
type table struct {
	mutex sync.Mutex // stories may run side by side
	rows  []*fault
}

// fault is a row: what was broken, what was going on, what came of it, and how long that took.
type fault struct {
	what, phase, outcome string
	began                time.Time
	took                 time.Duration // until all was well; 0: it was not
}

const notWell = "not well"

// What most faults come to.
const (
	healed    = "healed by itself"
	unchanged = "refused, nothing changed"
	named     = "named"
	mended    = "well after one more up"
)

// fault makes a fault, and sees that all becomes well: both fail the test otherwise. Its time begins when begin has made it.
func (s *story) fault(what, phase, outcome string, begin, well func()) {
	s.t.Helper()
	f := faults.add(what, phase)
	begin()
	f.began = time.Now()
	well()
	f.ended(s.t, outcome)
}

// nothing is a fault's begin if the update brings it, or what comes with the next run.
func nothing() {}

// add adds a fault that happens now. Unless it ends, it is not well.
func (t *table) add(what, phase string) *fault {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	f := &fault{what: what, phase: phase, outcome: notWell, began: time.Now()}
	t.rows = append(t.rows, f)
	return f
}

// ended is when all is well, with this outcome, unless the step has failed meanwhile.
func (f *fault) ended(t *testing.T, outcome string) {
	t.Helper()
	if t.Failed() {
		return
	}
	f.outcome, f.took = outcome, time.Since(f.began)
	t.Logf("%s (%s): %s (%.1f s)", f.what, f.phase, f.outcome, f.took.Seconds())
}

func (t *table) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "fault\tphase\toutcome\twell after")
	for _, f := range t.rows {
		took := "-"
		if f.took > 0 {
			took = fmt.Sprintf("%.1f s", f.took.Seconds())
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.what, f.phase, f.outcome, took)
	}
	_ = w.Flush()
	return text.String()
}
