package machines

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed boot.sh
var bootScript string

// PowerOff ends a machine as a power loss does. Its disk stays. It is not an error if it is off already.
func (l *Lab) PowerOff(ctx context.Context, name string) error {
	return l.power(ctx, name, "power off", func(r record) error { return l.halt(ctx, r) })
}

// PowerOn boots a machine that is off. It is not an error if it is on already.
func (l *Lab) PowerOn(ctx context.Context, name string) error {
	return l.power(ctx, name, "power on", func(r record) error {
		on, err := l.groups.populated(name)
		if on || err != nil {
			return err
		}
		return l.boot(r)
	})
}

// power runs one change of a machine at a time.
func (l *Lab) power(ctx context.Context, name, verb string, do func(record) error) error {
	err := l.locked(ctx, func() error {
		r, err := l.find(name)
		if err != nil {
			return err
		}
		return do(r)
	})
	if err != nil {
		return fmt.Errorf("%s: %s: %w", name, verb, err)
	}
	return nil
}

// boot starts boot.sh in the machine's cgroup and does not wait for it: the machine outlives this process.
func (l *Lab) boot(r record) error {
	group, named, err := l.groups.create(r.Name)
	if err != nil {
		return err
	}
	defer group.Close()
	console, err := os.OpenFile(filepath.Join(l.dir(r.Name), "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer console.Close()
	kernel := ""
	if r.Boot == Virtual {
		if kernel, err = l.kernel(r.Image); err != nil {
			return err
		}
	}
	cmd := exec.Command("bash", "-c", bootScript, "boot.sh")
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"NAME=" + r.Name, "GROUP=" + named,
		"ROUTER=" + l.router(), "NAMESPACE=" + l.namespace(r.Name), "LINK=" + r.link(),
		"ROUTES=" + routes(r),
		"IMAGE=" + l.images[r.Image], "UPPER=" + l.upper(r.Name), "WORK=" + l.work(r.Name), "ROOT=" + l.root(r.Name),
		"KERNEL=" + kernel, "DISK=" + l.disk(r.Name), "AGENT=" + agentSocket, "MAC=" + r.mac(),
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // so that no zombie stays while this process lives
	return nil
}

// bootPatience is how long a machine with a kernel of its own may take to boot. It is there so that one that never does is noticed.
const bootPatience = 15 * time.Minute

// Booted waits until commands run in a machine with a kernel of its own. One without has booted in seconds; see cloud.Slow.
func (l *Lab) Booted(ctx context.Context, name string) error {
	r, err := l.find(name)
	if err != nil || r.Boot != Virtual {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootPatience)
	defer cancel()
	_, err = l.Exec(ctx, name, "true")
	return err
}

// routes are the machine's addresses, as routes of the router.
func routes(r record) string {
	list := r.V4.String()
	if r.V6.IsValid() {
		list += " " + r.V6.String()
	}
	return list
}

// halt ends all processes of a machine and unplugs it. It is not an error if the machine is off already.
func (l *Lab) halt(ctx context.Context, r record) error {
	if err := l.groups.kill(ctx, r.Name); err != nil {
		return err
	}
	// The link first: with only the namespace it would go too, but some time later, and the next boot must not find it.
	if err := l.unplug(ctx, r); err != nil {
		return err
	}
	return deleteNamespace(ctx, l.namespace(r.Name))
}

// unplug removes a machine's link. It is not an error if it is gone already.
func (l *Lab) unplug(ctx context.Context, r record) error {
	_, err := run(ctx, "", "ip", "-netns", l.router(), "link", "delete", r.link())
	if err == nil {
		return nil
	}
	if _, gone := run(ctx, "", "ip", "-netns", l.router(), "link", "show", r.link()); gone != nil {
		return nil //nolint:nilerr // there is no link left to remove
	}
	return err
}
