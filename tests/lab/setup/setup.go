// Package setup makes what a lab needs before its first machine boots: Debian packages on the operator's machine, the
// programs that are built from Go modules, the mirror of release archives, and the machines' images. Everything is built
// once, kept in the lab's cache under a key of its inputs, and written whole or not at all.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Part is one thing that Ensure makes.
type Part string

// The parts, in the order in which Ensure makes them.
const (
	Packages Part = "packages" // commands of the operator's machine, from its Debian packages
	Tools    Part = "tools"    // pulumi, prometheus, promtool, node_exporter in folder.Bin
	Plugins  Part = "plugins"  // the stand-ins pulumi-resource-command and pulumi-resource-digitalocean in folder.Bin
	Mirror   Part = "mirror"   // release archives below folder.Cache/mirror; needs Tools, which it makes too
	Image    Part = "image"    // the machines' root file systems, of each of Debians; needs root
	Images   Part = "images"   // coredns, wireproxy in folder.Bin, for clusters' images; made only if it is named
	Nodes    Part = "nodes"    // commands that clusters' nodes run, from Debian packages; made only if it is named
	// Kubernetes is kubernetes, calico and calico's Definitions in folder.Bin; made only if it is named. It takes ten minutes at first.
	Kubernetes Part = "kubernetes"
	Kernels    Part = "kernels" // what machines with a kernel of their own have above the Image, and what boots them; made only if it is named
	Ansible    Part = "ansible" // ansible-playbook, from its Debian package; made only if it is named
	Browser    Part = "browser" // Chromium, from its Debian package; made only if it is named
	Peers      Part = "peers"   // peers in folder.Bin, which is many ends of a tunnel; made only if it is named
)

// lockPoll is how often a set-up that waits for another one looks whether it is done.
const lockPoll = 200 * time.Millisecond

// steps says how each part is made.
var steps = []struct {
	part Part
	make func(context.Context, folder.Folder, io.Writer) error
	rare bool // made only if it is named
}{
	{part: Packages, make: ensurePackages},
	{part: Tools, make: ensureTools},
	{part: Plugins, make: ensurePlugins},
	{part: Mirror, make: ensureMirror},
	{part: Image, make: ensureImages},
	{part: Images, make: ensureImageTools, rare: true},
	{part: Nodes, make: ensureNodes, rare: true},
	{part: Kubernetes, make: ensureKubernetes, rare: true},
	{part: Kernels, make: ensureKernels, rare: true},
	{part: Ansible, make: ensureAnsible, rare: true},
	{part: Browser, make: ensureBrowser, rare: true},
	{part: Peers, make: ensurePeers, rare: true},
}

// Ensure makes the parts asked for, all of the usual ones if none is named, and writes a line to log for each thing that it does;
// what is there already makes no line. Several processes may call it on one cache: one works, the others wait.
func Ensure(ctx context.Context, f folder.Folder, log io.Writer, parts ...Part) error {
	if err := f.Make(); err != nil {
		return fmt.Errorf("set up lab: %w", err)
	}
	unlock, err := lock(ctx, f.Cache, log)
	if err != nil {
		return fmt.Errorf("set up lab: %w", err)
	}
	defer unlock()
	for _, step := range steps {
		if !slices.Contains(parts, step.part) && (len(parts) > 0 || step.rare) {
			continue
		}
		if err := step.make(ctx, f, log); err != nil {
			return fmt.Errorf("set up lab: %s: %w", step.part, err)
		}
	}
	return nil
}

// lock locks the folder for this process. The lock is the kernel's, on the folder itself: it leaves no file, and ends
// with the process.
func lock(ctx context.Context, dir string, log io.Writer) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for said := false; ; said = true {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { d.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			d.Close()
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		if !said {
			fmt.Fprintf(log, "waiting for another set-up in %s\n", dir)
		}
		select {
		case <-ctx.Done():
			d.Close()
			return nil, fmt.Errorf("wait for another set-up in %s: %w", dir, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}
