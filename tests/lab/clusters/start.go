package clusters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/images"
	"github.com/promwire/promwire/tests/lab/machines"
)

// bootTime is how long a cluster may take to answer.
const bootTime = 5 * time.Minute

// clusterName is what a cluster may be called; its name is part of paths, and its node's.
var clusterName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Start makes the clusters named that the lab has not, boots those that are off, and waits until all of them work: the node is
// ready, and the DNS answers. It makes what it needs first (programs, images, the lab's network), and says so on log. The clusters
// go on when this process ends.
func Start(ctx context.Context, f folder.Folder, names []string, options Options, log io.Writer) ([]Cluster, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("start clusters: %w", errRoot)
	}
	b, err := prepare(ctx, f, options, log)
	if err != nil {
		return nil, fmt.Errorf("start clusters: %w", err)
	}
	var records []record
	err = b.lab.locked(ctx, func() error {
		for _, name := range names {
			r, err := b.start(ctx, name, options)
			if err != nil {
				return fmt.Errorf("%s: start cluster: %w", name, err)
			}
			records = append(records, r)
		}
		return b.lab.writeKubeconfig()
	})
	if err != nil {
		return nil, err
	}
	if err := b.awaitAll(ctx, records); err != nil {
		return nil, err
	}
	var clusters []Cluster
	for _, r := range records {
		r.On = true
		clusters = append(clusters, r.Cluster)
	}
	return clusters, nil
}

// awaitAll waits until all of the clusters work, side by side.
func (b *boot) awaitAll(ctx context.Context, records []record) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	all, ctx := errgroup.WithContext(ctx)
	for _, r := range records {
		all.Go(func() error {
			if err := b.await(ctx, r); err != nil {
				return fmt.Errorf("%s: start cluster: %w", r.Name, err)
			}
			return nil
		})
	}
	return all.Wait()
}

// boot is what nodes are booted with.
type boot struct {
	lab      *lab
	network  machines.Network
	programs programs
	images   []images.Image
}

// prepare makes what all clusters need.
func prepare(ctx context.Context, f folder.Folder, options Options, log io.Writer) (*boot, error) {
	l, err := locate(f, log)
	if err != nil {
		return nil, err
	}
	programs, err := ensurePrograms(ctx, f, options.Programs, log)
	if err != nil {
		return nil, err
	}
	images, err := images.Ensure(ctx, f, log)
	if err != nil {
		return nil, err
	}
	lab, err := machines.Open(ctx, f, log)
	if err != nil {
		return nil, err
	}
	return &boot{lab: l, network: lab.Network(), programs: programs, images: images}, nil
}

// start records a cluster, makes its disk and boots it. One that runs does not change.
func (b *boot) start(ctx context.Context, name string, options Options) (record, error) {
	if !clusterName.MatchString(name) {
		return record{}, errors.New("not a name: lower-case letters, digits and hyphens, 32 at most")
	}
	r, err := b.lab.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		r, err = b.allot(name, options)
	}
	if err != nil {
		return record{}, err
	}
	if on, err := b.lab.groups.populated(name); on || err != nil {
		return r, err
	}
	// What a power loss leaves on a machine that goes on; of cgroups that nobody is in, the kubelet takes its time.
	if err := b.lab.halt(ctx, r); err != nil {
		return record{}, err
	}
	fmt.Fprintf(b.lab.log, "booting cluster %s at %s\n", name, r.Address)
	n := node{
		record: r, plan: newPlan(b.network, r.Number),
		group: b.lab.groups.path(name), pause: b.image("pause").Reference,
	}
	if err := b.lab.makeDisk(n); err != nil {
		return record{}, err
	}
	if err := b.lab.connect(ctx, r, n.plan); err != nil {
		return record{}, err
	}
	return r, b.run(n)
}

// allot makes the record of a new cluster.
func (b *boot) allot(name string, options Options) (record, error) {
	records, err := b.lab.records()
	if err != nil {
		return record{}, err
	}
	number := 0
	for slices.ContainsFunc(records, func(r record) bool { return r.Number == number }) {
		number++
	}
	if number >= most {
		return record{}, fmt.Errorf("the lab has %d clusters already, and no address for more: stop one", most)
	}
	p := newPlan(b.network, number)
	plugin := options.Plugin
	if plugin == "" {
		plugin = Calico
	}
	r := record{Number: number, Cluster: Cluster{
		Name: name, Address: p.node, API: fmt.Sprintf("https://%s:%d", p.api, apiPort), Plugin: plugin,
	}}
	if err := os.MkdirAll(b.lab.dir(name), 0o700); err != nil {
		return record{}, err
	}
	return r, b.lab.keep(r)
}

// image is one of the lab's by its name.
func (b *boot) image(name string) images.Image {
	i := slices.IndexFunc(b.images, func(i images.Image) bool { return i.Name == name })
	if i < 0 {
		return images.Image{}
	}
	return b.images[i]
}

// run starts init.sh in the node's cgroup and namespaces and does not wait for it: the cluster outlives this process.
func (b *boot) run(n node) error {
	group, err := b.lab.groups.create(n.Name)
	if err != nil {
		return err
	}
	defer group.Close()
	console, err := os.OpenFile(b.lab.console(n.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer console.Close()
	root := filepath.Join(b.lab.dir(n.Name), "root")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	cmd := exec.Command("nsenter", "--net=/run/netns/"+b.lab.namespace(n.Name), "--",
		"unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child", "--mount-proc", "--propagation", "private",
		"--", "bash", "-c", initScript, "init.sh")
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"NAME=" + n.Name, "ROOT=" + root, "DISK=" + b.lab.disk(n.Name), "PROGRAMS=" + b.programs.lines(),
		"ADDRESS=" + n.plan.node.String(), "PODS=" + n.pods.String(), "SERVICES=" + n.services.String(),
		fmt.Sprintf("API_PORT=%d", apiPort), "PLUGIN=" + string(n.Plugin),
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // so that no zombie stays while this process lives
	return nil
}

// console is what init.sh says.
func (l *lab) console(name string) string { return filepath.Join(l.dir(name), "console.log") }

// programs are the paths of what a node runs and this machine has not, by the names that they have on the node.
type programs map[string]string

// lines are the programs as init.sh takes them.
func (p programs) lines() string {
	var lines []string
	for name, path := range p {
		lines = append(lines, name+" "+path)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
