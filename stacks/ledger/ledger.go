// Package ledger says which host has which tunnel address: the n-th address of the tunnel's network is slot n, and a host keeps
// its slot for as long as it is in the fleet, whatever happens to the others. It is pure; its caller keeps the ledger from one run
// to the next.
package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
)

// MonitorSlot is the monitor's slot: the first address, whatever the monitor's name.
const MonitorSlot = 1

// Ledger is who has which slot. The zero value is a new fleet's.
type Ledger struct {
	Network string         `json:"network"`         // the IPv4 network of the slots, such as 10.98.0.0/24
	IPv6    string         `json:"ipv6,omitempty"`  // the IPv6 network of the same slots; "": none
	Hosts   map[string]int `json:"hosts"`           // host name -> slot, the monitor's included
	Freed   []Tombstone    `json:"freed,omitempty"` // targets that are gone, the longest gone first
}

// Tombstone is a slot that a removed target had. It is reused last, so that the target can return to it.
type Tombstone struct {
	Name string `json:"name"`
	Slot int    `json:"slot"`
}

// Parse reads a ledger that json.Marshal wrote. An empty text is the ledger of a new fleet. A ledger that contradicts itself
// is an error: addresses given by guesswork would move hosts.
func Parse(raw []byte) (Ledger, error) {
	var l Ledger
	if len(bytes.TrimSpace(raw)) == 0 {
		return l, nil
	}
	err := json.Unmarshal(raw, &l)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return Ledger{}, fmt.Errorf("the ledger of tunnel addresses is damaged: %w; restore the stack's state from a backup", err)
	}
	return l, nil
}

func (l Ledger) check() error {
	if _, err := netip.ParsePrefix(l.Network); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	holders := map[int]string{}
	hold := func(name string, slot, least int) error {
		if slot < least {
			return fmt.Errorf("%s has slot %d", name, slot)
		}
		if other, taken := holders[slot]; taken {
			return fmt.Errorf("%s and %s both have slot %d", other, name, slot)
		}
		holders[slot] = name
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(l.Hosts)) {
		if err := hold(name, l.Hosts[name], MonitorSlot); err != nil {
			return err
		}
	}
	for _, freed := range l.Freed {
		// Only a target that became the monitor is both: its former slot waits for it.
		if slot, there := l.Hosts[freed.Name]; there && slot != MonitorSlot {
			return fmt.Errorf("%s has slot %d and is gone from slot %d", freed.Name, slot, freed.Slot)
		}
		if err := hold(freed.Name, freed.Slot, MonitorSlot+1); err != nil {
			return err
		}
	}
	return nil
}

// Assign is the ledger of the fleet that has exactly this monitor and these targets. Those that stay keep their slots. A
// target that returns gets its former slot, if no other host got it since; new ones get, in their order, first the slots that were
// never used, then those that have been free longest. l itself does not change.
//
// Errors: the network changed in another way than growing in place; it has no address left; a name occurs twice.
func (l Ledger) Assign(monitor string, targets []string, v4 netip.Prefix) (Ledger, error) {
	if err := distinct(monitor, targets); err != nil {
		return Ledger{}, err
	}
	if err := l.mayUse(v4); err != nil {
		return Ledger{}, err
	}
	next := l.keep(monitor, targets)
	next.Network = v4.String()
	next.comeBack(targets)
	if err := next.admit(targets, v4); err != nil {
		return Ledger{}, err
	}
	return next, nil
}

// Also is the ledger of a fleet whose hosts have addresses in an IPv6 network too, with the same slots; the zero Prefix means no
// such network. Error: they have addresses in another one.
func (l Ledger) Also(v6 netip.Prefix) (Ledger, error) {
	if !v6.IsValid() {
		l.IPv6 = ""
		return l, nil
	}
	if l.IPv6 != "" && l.IPv6 != v6.String() {
		return Ledger{}, fmt.Errorf("network.ipv6: the fleet's addresses lie in %s, and addresses never move, so it can't become %s; "+
			"put it back, or leave IPv6 out for one update", l.IPv6, v6)
	}
	l.IPv6 = v6.String()
	return l, nil
}

func distinct(monitor string, targets []string) error {
	seen := map[string]bool{monitor: true}
	for _, name := range targets {
		if seen[name] {
			return fmt.Errorf("%s: two hosts of this name can't have one tunnel address each; rename one", name)
		}
		seen[name] = true
	}
	return nil
}

// mayUse says whether the hosts' addresses stay the same in this network.
func (l Ledger) mayUse(v4 netip.Prefix) error {
	if !v4.IsValid() || !v4.Addr().Is4() || v4 != v4.Masked() {
		return fmt.Errorf("network.cidr: %s is not an IPv4 network", v4)
	}
	if l.Network == "" {
		return nil
	}
	former, err := netip.ParsePrefix(l.Network)
	if err != nil {
		return fmt.Errorf("the ledger's network: %w", err)
	}
	if v4.Addr() == former.Addr() && v4.Bits() <= former.Bits() {
		return nil
	}
	return fmt.Errorf("network.cidr: the fleet's addresses lie in %s, and addresses never move, so it can't become %s; "+
		"put it back%s, or `pulumi destroy` the fleet first", former, v4, growth(former, ", let it grow in place, to %s"))
}

// keep is the ledger of those hosts that stay, with a tombstone for every target that was removed.
func (l Ledger) keep(monitor string, targets []string) Ledger {
	next := Ledger{IPv6: l.IPv6, Hosts: map[string]int{monitor: MonitorSlot}, Freed: slices.Clone(l.Freed)}
	wanted := map[string]bool{}
	for _, name := range targets {
		wanted[name] = true
	}
	for _, name := range l.bySlot() {
		switch slot := l.Hosts[name]; {
		case slot == MonitorSlot:
			// The monitor's slot is only for monitors: a target with a former monitor's name is a new host.
		case wanted[name]:
			next.Hosts[name] = slot
		default:
			next.Freed = append(next.Freed, Tombstone{name, slot})
		}
	}
	return next
}

func (l Ledger) bySlot() []string {
	return slices.SortedFunc(maps.Keys(l.Hosts), func(a, b string) int { return l.Hosts[a] - l.Hosts[b] })
}

// comeBack gives returning targets their former slots, before any new target may get one.
func (l *Ledger) comeBack(targets []string) {
	for _, name := range targets {
		i := slices.IndexFunc(l.Freed, func(t Tombstone) bool { return t.Name == name })
		if i < 0 {
			continue
		}
		l.Hosts[name] = l.Freed[i].Slot
		l.Freed = slices.Delete(l.Freed, i, i+1)
	}
}

// admit gives slots to the targets that have none.
func (l *Ledger) admit(targets []string, v4 netip.Prefix) error {
	if capacity(v4) < MonitorSlot {
		return exhausted("the monitor", v4)
	}
	used := map[int]bool{}
	for _, slot := range l.Hosts {
		used[slot] = true
	}
	for _, t := range l.Freed {
		used[t.Slot] = true
	}
	never := MonitorSlot
	for _, name := range targets {
		if _, has := l.Hosts[name]; has {
			continue
		}
		for used[never] {
			never++
		}
		switch {
		case never <= capacity(v4):
			l.Hosts[name] = never
			used[never] = true
		case len(l.Freed) > 0:
			l.Hosts[name] = l.Freed[0].Slot
			l.Freed = l.Freed[1:]
		default:
			return exhausted(name, v4)
		}
	}
	return nil
}

func exhausted(name string, v4 netip.Prefix) error {
	grow := growth(v4, "let it grow in place, to %s")
	if grow == "" {
		// 10.98.1.0/24 can only grow into 10.98.0.0/23, where all addresses would change.
		grow = "it can't grow in place, so `pulumi destroy` the fleet first, and choose a larger one"
	}
	return fmt.Errorf("network.cidr: %s has %d addresses for hosts and none is left for %s; %s", v4, capacity(v4), name, grow)
}

// growth formats the next larger network with the same first address; "" if there is none.
func growth(v4 netip.Prefix, sentence string) string {
	larger := netip.PrefixFrom(v4.Addr(), v4.Bits()-1)
	if !larger.IsValid() || larger != larger.Masked() {
		return ""
	}
	return fmt.Sprintf(sentence, larger)
}

// capacity is the number of slots in a network: all addresses except the network's own and the broadcast address.
func capacity(v4 netip.Prefix) int { return max(0, 1<<(32-v4.Bits())-2) }

// Address is the slot's address in an IPv4 or IPv6 network: the network's own address plus the slot. It is the zero Addr if
// the network is zero or too small, which Assign refuses.
func Address(prefix netip.Prefix, slot int) netip.Addr {
	if !prefix.IsValid() || slot < 0 || slot > math.MaxInt32 {
		return netip.Addr{}
	}
	raw := prefix.Masked().Addr().AsSlice()
	for i, carry := len(raw)-1, slot; i >= 0; i-- {
		carry += int(raw[i])
		raw[i] = byte(carry)
		carry >>= 8
	}
	addr, _ := netip.AddrFromSlice(raw)
	if !prefix.Contains(addr) {
		return netip.Addr{}
	}
	return addr
}
