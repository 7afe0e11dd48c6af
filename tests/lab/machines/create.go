package machines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/folder"
)

// hostName is what a machine may be called (RFC 1123); its name is part of paths too.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$`)

// Create makes a droplet and starts its boot; see cloud.Hypervisor.
func (l *Lab) Create(ctx context.Context, spec cloud.MachineSpec) (cloud.Addresses, error) {
	fail := func(err error) (cloud.Addresses, error) {
		return cloud.Addresses{}, fmt.Errorf("%s: create machine: %w", spec.Name, err)
	}
	m := Machine{Name: spec.Name, Kind: Droplet, Image: spec.Image, Region: spec.Region, User: "root"}
	r, err := l.add(ctx, m, addition{keys: spec.Keys, userData: spec.UserData, ipv6: spec.IPv6})
	if err != nil {
		return fail(err)
	}
	return l.network.addresses(r.Place, spec.IPv6), nil
}

// addition is what a new machine needs beside what is kept of it.
type addition struct {
	keys     []string // authorized_keys lines of root
	userData string
	ipv6     bool
}

// add gives a machine addresses and a disk, and starts its boot. If anything fails, nothing of it stays.
func (l *Lab) add(ctx context.Context, m Machine, a addition) (record, error) {
	if !hostName.MatchString(m.Name) || strings.Contains(m.Name, "..") {
		return record{}, errors.New("not a host name: letters, digits, dots and hyphens, 63 at most")
	}
	if !slices.Contains(Images, m.Image) {
		return record{}, fmt.Errorf("the lab has no image %q, only %s", m.Image, strings.Join(Images, ", "))
	}
	var r record
	err := l.locked(ctx, func() error {
		records, err := l.records()
		if err != nil {
			return err
		}
		if r, err = l.allot(records, m, a.ipv6); err != nil {
			return err
		}
		if err := l.build(ctx, r, a); err != nil {
			// Also when it was the context that ended.
			return errors.Join(err, l.remove(context.WithoutCancel(ctx), r))
		}
		return nil
	})
	return r, err
}

// allot makes the record of a new machine.
func (l *Lab) allot(records []record, m Machine, ipv6 bool) (record, error) {
	if slices.ContainsFunc(records, func(r record) bool { return r.Name == m.Name }) {
		return record{}, errors.New("the lab has a machine of this name: take another name, or destroy that one first")
	}
	private := m.Bastion != ""
	behind := func(r record) bool { return r.Name == m.Bastion && r.Bastion == "" }
	if private && !slices.ContainsFunc(records, behind) {
		return record{}, fmt.Errorf("bastion %q is not a machine of the lab with a public address: add it first", m.Bastion)
	}
	p, err := allot(records, m.Region, private)
	if err != nil {
		return record{}, err
	}
	addresses := l.network.addresses(p, ipv6)
	m.V4, m.V6 = addresses.V4, addresses.V6
	if m.Boot, err = l.newBoot(); err != nil {
		return record{}, err
	}
	return record{Machine: m, Number: freeNumber(records), Place: p}, nil
}

// build records the machine, makes its disk and boots it.
func (l *Lab) build(ctx context.Context, r record, a addition) error {
	for _, dir := range []string{l.upper(r.Name), l.work(r.Name), l.root(r.Name)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := writeJSON(l.recordFile(r.Name), r); err != nil {
		return err
	}
	s := seed{
		name: r.Name, keys: a.keys, userData: a.userData,
		addresses: l.network.addresses(r.Place, r.V6.IsValid()),
	}
	if err := s.write(l.upper(r.Name)); err != nil {
		return err
	}
	if err := l.loadRules(ctx); err != nil {
		return err
	}
	return l.boot(r)
}

// Destroy ends a machine and removes all of it; see cloud.Hypervisor.
func (l *Lab) Destroy(ctx context.Context, name string) error {
	err := l.locked(ctx, func() error {
		records, err := l.records()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(records, func(r record) bool { return r.Name == name })
		if i < 0 {
			return nil
		}
		return l.remove(ctx, records[i])
	})
	if err != nil {
		return fmt.Errorf("%s: destroy machine: %w", name, err)
	}
	return nil
}

// remove ends a machine and removes its disk, its record last.
func (l *Lab) remove(ctx context.Context, r record) error {
	if err := l.halt(ctx, r); err != nil {
		return err
	}
	for _, dir := range []string{l.upper(r.Name), l.work(r.Name), l.root(r.Name)} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(l.dir(r.Name)); err != nil {
		return err
	}
	return l.loadRules(ctx)
}

// List lists all machines of the lab, sorted by name.
func (l *Lab) List() ([]Machine, error) {
	records, err := l.records()
	if err != nil {
		return nil, fmt.Errorf("list machines: %w", err)
	}
	var machines []Machine
	for _, r := range records {
		if r.On, err = l.groups.populated(r.Name); err != nil {
			return nil, fmt.Errorf("list machines: %s: %w", r.Name, err)
		}
		machines = append(machines, r.Machine)
	}
	return machines, nil
}

// locked runs one change of the lab's machines at a time.
func (l *Lab) locked(ctx context.Context, change func() error) error {
	unlock, err := folder.Lock(ctx, l.folder)
	if err != nil {
		return err
	}
	defer unlock()
	return change()
}

// The parts of a machine's disk: what it wrote, what overlayfs works with, and where its root is mounted. With a kernel of its own, a
// machine writes to an image of a disk, which is made of these before its first boot.
func (l *Lab) upper(name string) string { return filepath.Join(l.dir(name), "disk") }
func (l *Lab) work(name string) string  { return filepath.Join(l.dir(name), "work") }
func (l *Lab) root(name string) string  { return filepath.Join(l.dir(name), "root") }
func (l *Lab) disk(name string) string  { return filepath.Join(l.dir(name), "disk.img") }
