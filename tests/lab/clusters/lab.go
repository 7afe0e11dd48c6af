package clusters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
)

// lab is where the clusters of one lab are.
type lab struct {
	folder string // where all state is: folder.Run/clusters
	id     string // distinguishes this lab's links, namespaces and cgroups from another's; the machines' too
	groups groups
	log    io.Writer
}

// errRoot is what an ordinary user gets.
var errRoot = errors.New("clusters need root: run the lab as root")

// locate says which lab a folder's is, without touching anything.
func locate(f folder.Folder, log io.Writer) (*lab, error) {
	run, err := filepath.Abs(f.Run)
	if err != nil {
		return nil, err
	}
	id, err := machines.Identify(f)
	if err != nil {
		return nil, err
	}
	groups, err := findGroups("promwire-" + id + "-clusters")
	if err != nil {
		return nil, err
	}
	return &lab{folder: filepath.Join(run, "clusters"), id: id, groups: groups, log: log}, nil
}

// List lists all clusters of a lab, sorted by name.
func List(f folder.Folder) ([]Cluster, error) {
	l, err := locate(f, io.Discard)
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	records, err := l.records()
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	var clusters []Cluster
	for _, r := range records {
		if r.On, err = l.groups.populated(r.Name); err != nil {
			return nil, fmt.Errorf("list clusters: %s: %w", r.Name, err)
		}
		clusters = append(clusters, r.Cluster)
	}
	return clusters, nil
}

// Stop ends a cluster and removes all of it. It is not an error if there is none.
func Stop(ctx context.Context, f folder.Folder, name string) error {
	l, err := locate(f, io.Discard)
	if err == nil {
		err = l.locked(ctx, func() error { return l.remove(ctx, name) })
	}
	if err != nil {
		return fmt.Errorf("%s: stop cluster: %w", name, err)
	}
	return nil
}

// remove ends a cluster and removes its disk, its record last.
func (l *lab) remove(ctx context.Context, name string) error {
	r, err := l.find(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := l.halt(ctx, r); err != nil {
		return err
	}
	if err := os.RemoveAll(l.disk(name)); err != nil {
		return err
	}
	if err := os.RemoveAll(l.dir(name)); err != nil {
		return err
	}
	return l.writeKubeconfig()
}

// halt ends all processes of a cluster and unplugs its node. It is not an error if it is off already.
func (l *lab) halt(ctx context.Context, r record) error {
	if err := l.groups.kill(ctx, r.Name); err != nil {
		return err
	}
	return l.disconnect(ctx, r)
}
