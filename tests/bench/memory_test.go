package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// peaks are the highest resident sets of the processes that one run of Pulumi consists of, in bytes; and how many bytes its CLI wrote, which
// are mostly the state's.
type peaks struct{ cli, plugins, program, written float64 }

// watch looks at the processes below this one until it is stopped. The kernel keeps each process's own peak, so that little
// is missed between two looks.
func watch(b *testing.B) (stop func() peaks) {
	// From here on this process's own peak is measured again; see proc_pid_clear_refs(5).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	done, result := make(chan struct{}), make(chan peaks)
	go func() {
		var highest peaks
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				result <- highest
				return
			case <-tick.C:
				highest.look()
			}
		}
	}()
	return func() peaks {
		close(done)
		return <-result
	}
}

// look notes what is higher than before. Processes that end meanwhile, or can't be read, are ignored.
func (p *peaks) look() {
	all, _ := procfs.AllProcs()
	parents, names := map[int]int{}, map[int]string{}
	for _, process := range all {
		if stat, err := process.Stat(); err == nil {
			parents[process.PID], names[process.PID] = stat.PPID, stat.Comm
		}
	}
	var now peaks
	for _, process := range all {
		status, err := process.NewStatus()
		if err != nil || !below(process.PID, parents) {
			continue
		}
		resident := float64(status.VmHWM)
		switch name := names[process.PID]; {
		case process.PID == os.Getpid():
			now.program += resident
		case name == "pulumi":
			now.cli += resident
			if io, err := process.IO(); err == nil {
				now.written += float64(io.WChar)
			}
		case strings.HasPrefix(name, "pulumi-"): // the kernel cuts names off behind 15 bytes
			now.plugins += resident
		}
	}
	p.cli, p.plugins, p.program = max(p.cli, now.cli), max(p.plugins, now.plugins), max(p.program, now.program)
	p.written = max(p.written, now.written)
}

// below says whether a process is this one or comes from it.
func below(pid int, parents map[int]int) bool {
	for pid > 1 && pid != os.Getpid() {
		pid = parents[pid]
	}
	return pid == os.Getpid()
}
