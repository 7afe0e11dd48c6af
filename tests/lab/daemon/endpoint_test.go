package daemon

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/promwire/promwire/tests/lab/folder"
)

func TestNoDaemonYet(t *testing.T) {
	f := folder.Folder{Run: t.TempDir()}
	if e, running, err := Running(f); err != nil || running || e != (Endpoint{}) {
		t.Errorf("running %t at %+v: %v", running, e, err)
	}
	if err := Stop(t.Context(), f); err != nil {
		t.Errorf("stop nothing: %v", err)
	}
}

func TestUnreadableEndpoint(t *testing.T) {
	f := folder.Folder{Run: t.TempDir()}
	if err := os.WriteFile(endpointFile(f), []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, running, err := Running(f); err == nil || running {
		t.Errorf("running %t, error %v", running, err)
	}
}

// A process is identified by its PID and its start: the PID may be reused by another process, which must never be ended.
func TestStopEndsTheDaemonAndNoOther(t *testing.T) {
	f := folder.Folder{Run: t.TempDir()}
	process := exec.Command("sleep", "1000")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		process.Wait()
		close(ended)
	}()
	t.Cleanup(func() { process.Process.Kill() })
	started, err := startTime(process.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}

	other := Endpoint{PID: process.Process.Pid, Started: "1" + started}
	if err := other.write(f); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if now, err := startTime(process.Process.Pid); err != nil || now != started {
		t.Fatal("another process that has the PID was ended")
	}

	daemon := Endpoint{PID: process.Process.Pid, Started: started, API: "http://127.0.0.1:1"}
	if err := daemon.write(f); err != nil {
		t.Fatal(err)
	}
	if e, running, err := Running(f); err != nil || !running || e != daemon {
		t.Errorf("running %t at %+v: %v", running, e, err)
	}
	if err := Stop(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	<-ended
	if e, running, err := Running(f); err != nil || running || e.API != daemon.API {
		t.Errorf("afterwards: running %t at %+v: %v", running, e, err)
	}
}

func TestListenWhereTheLastDaemonDid(t *testing.T) {
	first, err := listen("127.0.0.1", "")
	if err != nil {
		t.Fatal(err)
	}
	last := "http://" + first.Addr().String()
	second, err := listen("127.0.0.1", last) // taken: any port will do
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	third, err := listen("127.0.0.1", last)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if port := third.Addr().(*net.TCPAddr).Port; port != first.Addr().(*net.TCPAddr).Port {
		t.Errorf("listens on port %d, the last daemon on %s", port, last)
	}
}
