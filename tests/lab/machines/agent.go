package machines

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/wait"
)

// A machine with a kernel of its own has QEMU's guest agent inside, which runs commands. It speaks JSON, one message a line, on a port of
// the machine that is a socket here (https://www.qemu.org/docs/master/interop/qemu-ga-ref.html).

// agentSocket is the socket's name in the machine's folder.
const agentSocket = "agent.sock"

// agentPatience is how long an agent may take for one answer, and how long one that is not there yet is given before it is asked again.
const (
	agentPatience = time.Minute
	agentAgain    = 5 * time.Second
)

// execVirtual runs a command in a machine with a kernel of its own.
func (l *Lab) execVirtual(ctx context.Context, name string, command []string) (stdout, stderr []byte, err error) {
	var started struct{ PID int }
	err = l.askAgent(ctx, name, "guest-exec", map[string]any{"path": command[0], "arg": command[1:], "capture-output": true}, &started)
	if err != nil {
		return nil, nil, err
	}
	var status struct {
		Exited           bool
		ExitCode, Signal int
		Out              []byte `json:"out-data"`
		Err              []byte `json:"err-data"`
	}
	for pause := 50 * time.Millisecond; !status.Exited && err == nil; pause = min(2*pause, time.Second) { // each question takes time from the command
		select {
		case <-time.After(pause):
			err = l.askAgent(ctx, name, "guest-exec-status", map[string]any{"pid": started.PID}, &status)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		l.killVirtual(ctx, name, started.PID)
		return nil, nil, err
	}
	switch {
	case status.Signal != 0:
		err = fmt.Errorf("signal %d", status.Signal)
	case status.ExitCode != 0:
		err = fmt.Errorf("exit status %d", status.ExitCode)
	}
	return status.Out, status.Err, err
}

// killVirtual ends a command that nobody waits for any more, as far as its machine still can.
func (l *Lab) killVirtual(ctx context.Context, name string, pid int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	_ = l.askAgent(ctx, name, "guest-exec", map[string]any{"path": "kill", "arg": []string{"-KILL", fmt.Sprint(pid)}}, &struct{}{})
}

// askAgent has a machine's agent do something, and reads what it answers. It waits for one that has not started yet.
func (l *Lab) askAgent(ctx context.Context, name, verb string, arguments, answer any) error {
	return wait.Until(ctx, func() (bool, error) {
		on, err := l.groups.populated(name)
		if err != nil {
			return false, err
		}
		if !on {
			return false, errOff
		}
		err = l.callAgent(ctx, name, verb, arguments, answer)
		if errors.Is(err, errNoAgent) {
			return false, nil
		}
		return true, err
	})
}

// errNoAgent is the error of a machine whose agent does not answer yet.
var errNoAgent = errors.New("the guest agent does not answer")

// callAgent asks an agent once. It serves one connection at a time.
func (l *Lab) callAgent(ctx context.Context, name, verb string, arguments, answer any) error {
	dir, err := os.Open(l.dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	unlock, err := folder.Lock(ctx, l.dir(name))
	if err != nil {
		return err
	}
	defer unlock()
	// A socket's path has 107 characters at most, and the folder's may be longer.
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), agentSocket))
	if err != nil {
		return errNoAgent // the emulator makes the socket
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	a := agent{conn, bufio.NewReader(conn)}
	if err := a.sync(); err != nil {
		return errNoAgent
	}
	return a.call(verb, arguments, answer)
}

// agent is a connection to one.
type agent struct {
	net.Conn
	from *bufio.Reader
}

// delimiter stands before the answer to guest-sync-delimited and nowhere else. Before a question, it ends what somebody left half said.
const delimiter = 0xff

// sync reads all that earlier connections did not wait for.
func (a agent) sync() error {
	id := rand.Int64N(1 << 50) // JSON's numbers
	if err := a.SetDeadline(time.Now().Add(agentAgain)); err != nil {
		return err
	}
	if _, err := a.Write([]byte{delimiter}); err != nil {
		return err
	}
	if err := a.ask("guest-sync-delimited", map[string]any{"id": id}); err != nil {
		return err
	}
	for {
		if _, err := a.from.ReadBytes(delimiter); err != nil {
			return err
		}
		var got int64
		if err := a.read(&got); err != nil {
			return err
		}
		if got == id {
			return nil
		}
	}
}

func (a agent) call(verb string, arguments, answer any) error {
	if err := a.SetDeadline(time.Now().Add(agentPatience)); err != nil {
		return err
	}
	if err := a.ask(verb, arguments); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	if err := a.read(answer); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

func (a agent) ask(verb string, arguments any) error {
	return json.NewEncoder(a).Encode(map[string]any{"execute": verb, "arguments": arguments})
}

// read reads one answer.
func (a agent) read(answer any) error {
	line, err := a.from.ReadBytes('\n')
	if err != nil {
		return err
	}
	reply := struct {
		Return any `json:"return"`
		Error  *struct{ Desc string }
	}{Return: answer}
	if err := json.Unmarshal(line, &reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return errors.New(reply.Error.Desc)
	}
	return nil
}
