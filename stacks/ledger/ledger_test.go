package ledger

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// step is one run of the program: who is in the fleet, and who must have which slot then.
type step struct {
	monitor string
	targets string // names, separated by spaces
	network string // "": 10.98.0.0/29, which has six addresses
	want    string // name:slot, by slot
	err     string // or what the error must contain
}

func TestAssign(t *testing.T) {
	for name, steps := range map[string][]step{
		"in order of appearance, the monitor first": {
			{monitor: "m", targets: "c a b", want: "m:1 c:2 a:3 b:4"},
		},
		"a monitor alone": {
			{monitor: "m", want: "m:1"},
		},
		"reordering moves no host": {
			{monitor: "m", targets: "a b c", want: "m:1 a:2 b:3 c:4"},
			{monitor: "m", targets: "c b a", want: "m:1 a:2 b:3 c:4"},
		},
		"removing the middle one moves no host": {
			{monitor: "m", targets: "a b c", want: "m:1 a:2 b:3 c:4"},
			{monitor: "m", targets: "a c", want: "m:1 a:2 c:4"},
		},
		"a new one gets a fresh slot, not a freed one": {
			{monitor: "m", targets: "a b", want: "m:1 a:2 b:3"},
			{monitor: "m", targets: "b", want: "m:1 b:3"},
			{monitor: "m", targets: "x b", want: "m:1 b:3 x:4"},
		},
		"a name that returns gets its slot back": {
			{monitor: "m", targets: "a b c", want: "m:1 a:2 b:3 c:4"},
			{monitor: "m", targets: "a c", want: "m:1 a:2 c:4"},
			{monitor: "m", targets: "a c d", want: "m:1 a:2 c:4 d:5"},
			{monitor: "m", targets: "d b a c", want: "m:1 a:2 b:3 c:4 d:5"},
		},
		"a freed slot is the last to be used again, the longest free first": {
			{monitor: "m", targets: "a b c", want: "m:1 a:2 b:3 c:4"},
			{monitor: "m", targets: "a c", want: "m:1 a:2 c:4"},       // 3 is free
			{monitor: "m", targets: "c", want: "m:1 c:4"},             // then 2
			{monitor: "m", targets: "c d e", want: "m:1 c:4 d:5 e:6"}, // fresh ones, and there are no more
			{monitor: "m", targets: "c d e f", want: "m:1 f:3 c:4 d:5 e:6"},
			{monitor: "m", targets: "c d e f g", want: "m:1 g:2 f:3 c:4 d:5 e:6"},
		},
		"returning targets come before new ones": {
			{monitor: "m", targets: "a b c d e", want: "m:1 a:2 b:3 c:4 d:5 e:6"},
			{monitor: "m", targets: "c d e", want: "m:1 c:4 d:5 e:6"},
			{monitor: "m", targets: "x a c d e", want: "m:1 a:2 x:3 c:4 d:5 e:6"},
		},
		"a name whose slot is taken is a new one": {
			{monitor: "m", targets: "a b c d e", want: "m:1 a:2 b:3 c:4 d:5 e:6"},
			{monitor: "m", targets: "x b c d e", want: "m:1 x:2 b:3 c:4 d:5 e:6"},
			{monitor: "m", targets: "x b c d a", want: "m:1 x:2 b:3 c:4 d:5 a:6"},
		},
		"renaming the monitor does not move it": {
			{monitor: "m", targets: "a", want: "m:1 a:2"},
			{monitor: "n", targets: "a", want: "n:1 a:2"},
			{monitor: "n", targets: "a m", want: "n:1 a:2 m:3"},
		},
		"a target that becomes the monitor, and back": {
			{monitor: "m", targets: "a b", want: "m:1 a:2 b:3"},
			{monitor: "a", targets: "b m", want: "a:1 b:3 m:4"},
			{monitor: "m", targets: "b a", want: "m:1 a:2 b:3"},
		},
		"exhausted": {
			{monitor: "m", targets: "a b c d e", want: "m:1 a:2 b:3 c:4 d:5 e:6"},
			{
				monitor: "m", targets: "a b c d e f",
				err: "network.cidr: 10.98.0.0/29 has 6 addresses for hosts and none is left for f; let it grow in place, to 10.98.0.0/28",
			},
			{monitor: "m", targets: "a b c d e f", network: "10.98.0.0/28", want: "m:1 a:2 b:3 c:4 d:5 e:6 f:7"},
		},
		"exhausted, and it cannot grow": {
			{
				monitor: "m", targets: "a b", network: "10.98.0.4/30",
				err: "none is left for b; it can't grow in place, so `pulumi destroy` the fleet first, and choose a larger one",
			},
		},
		"no room for a monitor": {
			{monitor: "m", network: "10.98.0.0/31", err: "has 0 addresses for hosts and none is left for the monitor"},
		},
		"a network may grow but not move or shrink": {
			{monitor: "m", targets: "a", want: "m:1 a:2"},
			{monitor: "m", targets: "a", network: "10.98.0.0/16", want: "m:1 a:2"},
			{monitor: "m", targets: "a", network: "10.98.0.0/24", err: "can't become 10.98.0.0/24"},
			{
				monitor: "m", targets: "a", network: "10.99.0.0/16",
				err: "lie in 10.98.0.0/16, and addresses never move, so it can't become 10.99.0.0/16; put it back, " +
					"let it grow in place, to 10.98.0.0/15, or `pulumi destroy` the fleet first",
			},
		},
		"a network that grows downwards would move every host": {
			{monitor: "m", network: "10.98.1.0/24", want: "m:1"},
			{monitor: "m", network: "10.98.0.0/23", err: "put it back, or `pulumi destroy` the fleet first"},
		},
		"no network":                  {{monitor: "m", network: "fd00::/64", err: "fd00::/64 is not an IPv4 network"}},
		"an address inside a network": {{monitor: "m", network: "10.98.0.1/24", err: "10.98.0.1/24 is not an IPv4 network"}},
		"a target twice":              {{monitor: "m", targets: "a b a", err: "a: two hosts of this name"}},
		"a target with the monitor's name": {
			{monitor: "m", targets: "a m", err: "m: two hosts of this name"},
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, steps) })
	}
}

func TestAlso(t *testing.T) {
	l, err := Ledger{}.Assign("m", []string{"a"}, prefix("10.98.0.0/29"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct{ network, want, err string }{
		{network: "", want: ""},
		{network: "fd00:0:0:1::/64", want: "fd00:0:0:1::/64"},
		{network: "fd00:0:0:1::/64", want: "fd00:0:0:1::/64"},
		{network: "fd00:0:0:2::/64", err: "lie in fd00:0:0:1::/64, and addresses never move"},
		{network: "", want: ""},
		{network: "fd00:0:0:2::/64", want: "fd00:0:0:2::/64"},
	} {
		var v6 netip.Prefix
		if s.network != "" {
			v6 = prefix(s.network)
		}
		next, err := l.Also(v6)
		if s.err != "" {
			if err == nil || !strings.Contains(err.Error(), s.err) {
				t.Errorf("%q: error %v, want %q", s.network, err, s.err)
			}
			continue
		}
		if err != nil || next.IPv6 != s.want {
			t.Fatalf("%q: %q, want %q; %v", s.network, next.IPv6, s.want, err)
		}
		if l, err = next.Assign("m", []string{"a", "b"}, prefix("10.98.0.0/29")); err != nil || l.IPv6 != s.want {
			t.Fatalf("%q: after an assignment it is %q; %v", s.network, l.IPv6, err)
		}
	}
}

func run(t *testing.T, steps []step) {
	var l Ledger
	for i, s := range steps {
		if s.network == "" {
			s.network = "10.98.0.0/29"
		}
		next, err := l.Assign(s.monitor, strings.Fields(s.targets), prefix(s.network))
		if s.err != "" {
			if err == nil || !strings.Contains(err.Error(), s.err) {
				t.Errorf("step %d: error %v, want %q", i, err, s.err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got := table(next); got != s.want {
			t.Errorf("step %d: %s, want %s", i, got, s.want)
		}
		l = next
	}
}

func table(l Ledger) string {
	var rows []string
	for _, name := range l.bySlot() {
		rows = append(rows, fmt.Sprintf("%s:%d", name, l.Hosts[name]))
	}
	return strings.Join(rows, " ")
}

func TestAssignLeavesItsReceiver(t *testing.T) {
	full, err := Ledger{}.Assign("m", []string{"a", "b", "c"}, prefix("10.98.0.0/29"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := full.Assign("m", []string{"b"}, prefix("10.98.0.0/29"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(before)
	if _, err := before.Assign("n", []string{"b", "c", "a", "x"}, prefix("10.98.0.0/28")); err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprint(before); after != text {
		t.Errorf("changed from %s to %s", text, after)
	}
}

func TestAddress(t *testing.T) {
	for _, test := range []struct {
		prefix string
		slot   int
		want   string
	}{
		{"10.98.0.0/24", 1, "10.98.0.1"},
		{"10.98.0.0/24", 254, "10.98.0.254"},
		{"10.98.0.0/24", 256, "invalid IP"},
		{"10.98.0.0/16", 256, "10.98.1.0"},
		{"10.98.0.0/16", 65534, "10.98.255.254"},
		{"10.98.0.128/25", 1, "10.98.0.129"},
		{"255.255.255.0/24", 257, "invalid IP"},
		{"10.98.0.0/24", 0, "10.98.0.0"},
		{"10.98.0.0/24", -1, "invalid IP"},
		{"fd4f:91c2:7a30:1::/64", 1, "fd4f:91c2:7a30:1::1"},
		{"fd4f:91c2:7a30:1::/64", 65536, "fd4f:91c2:7a30:1::1:0"},
	} {
		if got := Address(prefix(test.prefix), test.slot).String(); got != test.want {
			t.Errorf("slot %d of %s: %s, want %s", test.slot, test.prefix, got, test.want)
		}
	}
	if got := Address(netip.Prefix{}, 1); got.IsValid() {
		t.Errorf("address in no network: %s", got)
	}
}

func TestParse(t *testing.T) {
	for _, nothing := range []string{"", " \n"} {
		if l, err := Parse([]byte(nothing)); err != nil || !reflect.DeepEqual(l, Ledger{}) {
			t.Errorf("%q: %v, %v", nothing, l, err)
		}
	}
	const good = `{"network":"10.98.0.0/24","hosts":{"a":2,"m":1},"freed":[{"name":"b","slot":3}]}`
	l, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(l); err != nil || string(text) != good {
		t.Errorf("%s (%v), want %s", text, err, good)
	}
}

func TestParseRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`[]`: "cannot unmarshal",
		`{`:  "unexpected end",
		`{}`: "network: ",
		`{"network":"10.98.0.0","hosts":{"m":1}}`:                                                     "network: ",
		`{"network":"10.98.0.0/24","hosts":{"m":0}}`:                                                  "m has slot 0",
		`{"network":"10.98.0.0/24","hosts":{"a":2,"b":2}}`:                                            "a and b both have slot 2",
		`{"network":"10.98.0.0/24","hosts":{"m":1,"a":2},"freed":[{"name":"b","slot":2}]}`:            "a and b both have slot 2",
		`{"network":"10.98.0.0/24","hosts":{"a":2},"freed":[{"name":"a","slot":3}]}`:                  "a has slot 2 and is gone from slot 3",
		`{"network":"10.98.0.0/24","hosts":{"a":2},"freed":[{"name":"b","slot":1}]}`:                  "b has slot 1",
		`{"network":"10.98.0.0/24","hosts":{},"freed":[{"name":"b","slot":3},{"name":"c","slot":3}]}`: "b and c both have slot 3",
	} {
		_, err := Parse([]byte(raw))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "restore the stack's state") {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

// TestRandomSequences makes random changes to 10,000 fleets: hosts are added, removed, return and change places, the monitor
// is renamed, the network grows. After every step the ledger's rules must hold.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(10_000) {
		if !live(t, seed) {
			t.Fatalf("seed %d", seed)
		}
	}
}

const (
	lifetime = 30 // steps
	names    = 12 // more than the smallest network has room for, and few enough to return often
)

func live(t *testing.T, seed uint64) bool {
	random := rand.New(rand.NewPCG(seed, 0))
	var l Ledger
	network := prefix("10.98.0.0/29")
	monitor, targets := "monitor-0", []string(nil)
	for range lifetime {
		monitor, targets, network = change(random, monitor, targets, network)
		next, err := l.Assign(monitor, targets, network)
		if err == nil {
			next = throughJSON(t, next)
		}
		if !promises(t, l, next, err, monitor, targets, network) {
			t.Logf("before %+v\nafter %+v\nmonitor %s, targets %v, network %s", l, next, monitor, targets, network)
			return false
		}
		if err == nil {
			l = next
		}
	}
	return true
}

// change is one edit of a stack file.
func change(random *rand.Rand, monitor string, targets []string, network netip.Prefix) (string, []string, netip.Prefix) {
	targets = slices.Clone(targets)
	name := fmt.Sprintf("host-%d", random.IntN(names))
	at := slices.Index(targets, name)
	switch random.IntN(12) {
	case 0:
		random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	case 1: // also to a name that was a target's once, and back
		if at < 0 {
			monitor = name
		}
	case 2:
		monitor = "monitor-0"
	case 3:
		if random.IntN(4) == 0 && network.Bits() > 26 {
			network = netip.PrefixFrom(network.Addr(), network.Bits()-1)
		}
	case 4: // many at once
		targets = slices.DeleteFunc(targets, func(string) bool { return random.IntN(2) == 0 })
	default:
		switch {
		case at >= 0:
			targets = slices.Delete(targets, at, at+1)
		case name != monitor:
			targets = slices.Insert(targets, random.IntN(len(targets)+1), name)
		}
	}
	return monitor, targets, network
}

func throughJSON(t *testing.T, l Ledger) Ledger {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return back
}

// promises checks all rules after a step, and reports those that do not hold.
func promises(t *testing.T, before, after Ledger, err error, monitor string, targets []string, network netip.Prefix) bool {
	t.Helper()
	ok := true
	broken := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format, args...)
		ok = false
	}
	if full := len(targets)+1 > capacity(network); full != (err != nil) {
		broken("error %v with %d hosts in %s", err, len(targets)+1, network)
	}
	if err != nil {
		return ok
	}
	if len(after.Hosts) != len(targets)+1 || after.Hosts[monitor] != MonitorSlot {
		broken("%d hosts, the monitor has slot %d", len(after.Hosts), after.Hosts[monitor])
	}
	owners := map[netip.Addr]string{}
	for _, name := range append([]string{monitor}, targets...) {
		slot := after.Hosts[name]
		address := Address(network, slot)
		if slot < MonitorSlot || slot > capacity(network) || !network.Contains(address) {
			broken("%s has slot %d of %s", name, slot, network)
		}
		if other, taken := owners[address]; taken {
			broken("%s and %s both have %s", other, name, address)
		}
		owners[address] = name
	}
	for _, name := range targets {
		// Slot 1 is the monitor's: a former monitor is a new host.
		if former, there := before.Hosts[name]; there && former != MonitorSlot && after.Hosts[name] != former {
			broken("%s moved from slot %d to %d", name, former, after.Hosts[name])
		}
		if _, there := before.Hosts[name]; there {
			continue
		}
		for _, freed := range before.Freed {
			if freed.Name == name && after.Hosts[name] != freed.Slot {
				broken("%s came back to slot %d, it had %d", name, after.Hosts[name], freed.Slot)
			}
		}
	}
	return ok && freshFirst(t, before, after, network)
}

// freshFirst says whether freed slots went to new names only when no other was left, and then the longest free first.
func freshFirst(t *testing.T, before, after Ledger, network netip.Prefix) bool {
	t.Helper()
	// The slots that were free before or became free, in that order, without those whose names returned or that the monitor has.
	queue := slices.Clone(before.Freed)
	for _, name := range before.bySlot() {
		if slot := before.Hosts[name]; slot != MonitorSlot && after.Hosts[name] != slot {
			queue = append(queue, Tombstone{name, slot})
		}
	}
	queue = slices.DeleteFunc(queue, func(freed Tombstone) bool { return after.Hosts[freed.Name] == freed.Slot })
	reused := len(queue) - len(after.Freed)
	if reused < 0 || !slices.Equal(queue[reused:], after.Freed) {
		t.Errorf("%v were free and %v remain, which are not the last ones", queue, after.Freed)
		return false
	}
	if used := len(after.Hosts) + len(after.Freed); reused > 0 && used != capacity(network) {
		t.Errorf("%d freed slots were used again, with %d of %d ever used", reused, used, capacity(network))
		return false
	}
	return true
}
