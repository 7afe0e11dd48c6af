package machines

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// Lab is one lab's machines and network. Its methods may be called in parallel, and from several processes.
type Lab struct {
	folder  string            // where all state is: folder.Run/machines
	id      string            // distinguishes this lab's links, namespaces and cgroups from another's
	images  map[string]string // root file systems that machines share, by the names of Images
	kernel  kernelOf
	network Network
	groups  groups
	log     io.Writer
}

// kernelOf finds what machines with a kernel of their own have above an image. Few labs have it.
type kernelOf func(image string) (folder string, err error)

// errRoot is what an ordinary user gets.
var errRoot = errors.New("machines, links and firewalls need root: run the lab as root")

// Open joins the lab of a folder, and makes its network first if there is none. It needs root and the images (setup.Ensure).
// Lines about what it does go to log. There is nothing to close; Sweep ends the lab.
func Open(ctx context.Context, f folder.Folder, log io.Writer) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("open lab: %w", errRoot)
	}
	images := map[string]string{}
	for _, name := range Images {
		image, err := setup.ImageFolder(f, name)
		if err != nil {
			return nil, fmt.Errorf("open lab: %w", err)
		}
		images[name] = image
	}
	if err := f.Make(); err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	l, err := locate(f, log)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	l.images = images
	l.kernel = func(image string) (string, error) { return setup.KernelFolder(f, image) }
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	if err := l.openNetwork(ctx); err != nil {
		return nil, fmt.Errorf("open lab: network: %w", err)
	}
	return l, nil
}

// locate says which lab a folder's is, without touching anything.
func locate(f folder.Folder, log io.Writer) (*Lab, error) {
	run, err := filepath.Abs(f.Run)
	if err != nil {
		return nil, err
	}
	// The id is derived only from the folder's path, so that Sweep finds a lab whose state is gone.
	digest := sha256.Sum256([]byte(run))
	id := hex.EncodeToString(digest[:])[:6]
	groups, err := findGroups(id)
	if err != nil {
		return nil, err
	}
	return &Lab{folder: filepath.Join(run, "machines"), id: id, groups: groups, log: log}, nil
}

// Network says where the lab lives.
func (l *Lab) Network() Network { return l.network }

// link is the operator's machine's link into the lab. With the id it just fits the kernel's 15 characters.
func (l *Lab) link() string { return linkPrefix + l.id }

// linkPrefix begins the names of the links of all labs on the operator's machine.
const linkPrefix = "promwire-"

// router is the network namespace that routes.
func (l *Lab) router() string { return "promwire-" + l.id }

// namespace is the network namespace of one machine.
func (l *Lab) namespace(name string) string { return l.router() + "-" + name }
