package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// machine is an SSH server that runs nothing, but remembers what it was asked to.
type machine struct {
	server              // as a command's inputs have it
	answer string       // what every command prints
	status uint32       // what every command ends with
	hangs  bool         // no command ends after its answer
	loud   bool         // every command prints without end
	silent bool         // accepts connections and says nothing
	refuse int          // connections that are closed at once
	others []ssh.Signer // host keys of other types

	mu     sync.Mutex // guards what follows
	lines  []string
	inputs []string
	dialed []string // addresses that clients reached through it
	seen   int      // connections
}

func key(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "somebody@example.com")
	require.NoError(t, err)
	return signer, string(pem.EncodeToMemory(block))
}

func publicLine(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// newMachine starts one that lets in user admin with a key of its own.
func newMachine(t *testing.T, as ...func(*machine)) *machine {
	t.Helper()
	hostKey, _ := key(t)
	operator, private := key(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	m := &machine{server: server{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, User: "admin", DialErrorLimit: 3,
		HostKey: publicLine(hostKey), PrivateKey: private,
	}}
	for _, change := range as {
		change(m)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "admin" || string(key.Marshal()) != string(operator.PublicKey().Marshal()) {
			return nil, errors.New("not let in")
		}
		return nil, nil
	}}
	config.AddHostKey(hostKey)
	for _, other := range m.others {
		config.AddHostKey(other)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go m.serve(conn, config)
		}
	}()
	return m
}

func (m *machine) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	m.mu.Lock()
	m.seen++
	refused := m.seen <= m.refuse
	m.mu.Unlock()
	if refused {
		return
	}
	if m.silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for asked := range channels {
		if asked.ChannelType() == "direct-tcpip" {
			go m.forward(asked)
			continue
		}
		channel, requests, err := asked.Accept()
		if err != nil {
			return
		}
		go m.execute(channel, requests)
	}
}

func (m *machine) execute(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var line struct{ Command string }
		if err := ssh.Unmarshal(request.Payload, &line); request.Type != "exec" || err != nil {
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		input, _ := io.ReadAll(channel)
		m.mu.Lock()
		m.lines, m.inputs = append(m.lines, line.Command), append(m.inputs, string(input))
		m.mu.Unlock()
		if m.hangs {
			_, _ = io.WriteString(channel, m.answer)
			continue
		}
		for line := strings.Repeat("y", 1<<15); m.loud; {
			if _, err := io.WriteString(channel, line); err != nil {
				return
			}
		}
		_, _ = io.WriteString(channel, m.answer)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{m.status}))
		return
	}
}

func (m *machine) forward(asked ssh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if err := ssh.Unmarshal(asked.ExtraData(), &to); err != nil {
		_ = asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	at := net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port)))
	m.mu.Lock()
	m.dialed = append(m.dialed, at)
	m.mu.Unlock()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		_ = asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	go func() { _, _ = io.Copy(conn, channel) }()
	_, _ = io.Copy(channel, conn)
}

// ran is what the machine was asked to run.
func (m *machine) ran() (lines, inputs []string, connections int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines, m.inputs, m.seen
}

// forwarded are the addresses that clients reached through the machine.
func (m *machine) forwarded() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dialed
}

func TestRun(t *testing.T) {
	m := newMachine(t)
	long := strings.Repeat("# a line of a library\n", 10_000)
	require.NoError(t, m.run(t.Context(), "bash -s -- apply", long))
	lines, inputs, connections := m.ran()
	assert.Equal(t, []string{"bash -s -- apply"}, lines)
	assert.Equal(t, []string{hello + long}, inputs)
	assert.Equal(t, 1, connections)
}

func TestRunSaysWhatTheScriptSaid(t *testing.T) {
	m := newMachine(t, func(m *machine) { m.answer, m.status = "promwire: node-1: converge: the disk is full\n", 1 })
	err := m.run(t.Context(), "bash -s -- apply", "exit 1\n")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "exited with status 1")
	assert.Contains(t, err.Error(), m.answer)
}

// A machine whose bash never answers, and one that prints without end, are named, and cost neither time nor memory.
func TestRunEndsWhateverTheMachineDoes(t *testing.T) {
	m := newMachine(t, func(m *machine) { m.hangs = true; m.patience = 50 * time.Millisecond })
	err := m.run(t.Context(), "bash -s", "echo\n")
	require.ErrorIs(t, err, errShell)
	assert.Contains(t, err.Error(), m.address()+": it lets the operator in, but its bash has not answered")

	m = newMachine(t, func(m *machine) { m.loud = true })
	err = m.run(t.Context(), "bash -s", "yes\n")
	require.ErrorIs(t, err, errLoud)
	assert.Contains(t, err.Error(), m.address()+": its script was ended because it printed more than 16 MB")
	assert.Contains(t, err.Error(), "bytes are left out here]")
	assert.Less(t, len(err.Error()), 3*keptBytes)
}

// One that has answered may then be silent for longer.
func TestRunIsPatientWithAScript(t *testing.T) {
	m := newMachine(t, func(m *machine) { m.hangs = true; m.answer = "promwire\n"; m.patience = 100 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 5*m.patience)
	defer cancel()
	assert.ErrorIs(t, m.run(ctx, "bash -s", "sleep 1000\n"), context.DeadlineExceeded)
}

func TestSaid(t *testing.T) {
	var s said
	text := ""
	for i := range 20_000 {
		line := strconv.Itoa(i) + "\n"
		text += line
		_, _ = s.Write([]byte(line))
	}
	left := len(text) - 2*keptBytes
	assert.Equal(t, text[:keptBytes]+"\n["+strconv.Itoa(left)+" bytes are left out here]\n"+text[len(text)-keptBytes:], s.String())

	for _, length := range []int{0, 1, keptBytes, keptBytes + 1, 2 * keptBytes} {
		s = said{}
		_, _ = s.Write([]byte(text[:length]))
		assert.Equal(t, text[:length], s.String(), length)
	}
	s = said{}
	_, _ = s.Write([]byte(text))
	assert.LessOrEqual(t, len(s.first)+len(s.last), 3*keptBytes)
	assert.True(t, strings.HasSuffix(s.String(), text[len(text)-keptBytes:]))
}

// A machine that can't prove itself gets nothing to run, and neither does one behind a bastion that can't.
func TestRunPinsHostKeys(t *testing.T) {
	stranger, _ := key(t)
	bastion, m := newMachine(t), newMachine(t)
	for name, spoil := range map[string]func(s *server){
		"another key":              func(s *server) { s.HostKey = publicLine(stranger) },
		"no key":                   func(s *server) { s.HostKey = "" },
		"another key of a bastion": func(s *server) { b := bastion.server; b.HostKey = publicLine(stranger); s.bastion = &b },
		"no key of a bastion":      func(s *server) { b := bastion.server; b.HostKey = ""; s.bastion = &b },
		"another user":             func(s *server) { s.User = "root" },
	} {
		to := m.server
		spoil(&to)
		assert.Error(t, to.run(t.Context(), "bash -s", "echo"), name)
	}
	lines, _, _ := m.ran()
	assert.Empty(t, lines)
	assert.Empty(t, bastion.forwarded())
}

// What another attempt can't change is not tried again, except on a machine that may still boot.
func TestRunEndsWhereItIsHopeless(t *testing.T) {
	stranger, other := key(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ofOtherType, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		spoil func(s *server)
		said  string
	}{
		"another host key":            {func(s *server) { s.HostKey = publicLine(stranger) }, "host key mismatch"},
		"no host key of this type":    {func(s *server) { s.HostKey = publicLine(ofOtherType) }, "no common algorithm for host key"},
		"another key of the operator": {func(s *server) { s.PrivateKey = other }, "unable to authenticate"},
		"too late":                    {func(s *server) { s.live = time.Nanosecond; s.HostKey, s.Port = publicLine(stranger), 1 }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			to := m.server
			to.DialErrorLimit = DialsToLive
			c.spoil(&to)
			err := to.run(t.Context(), "bash -s", "echo\n")
			require.ErrorContains(t, err, "no connection after 1 attempts: ")
			assert.ErrorContains(t, err, c.said)
			assert.False(t, server{DialErrorLimit: DialsToBoot}.hopeless(err, time.Minute))
		})
	}
}

// A machine is asked once, whoever asks at the same time, and not at all if it has just answered a script.
func TestAskOnce(t *testing.T) {
	askedBy := func(m *machine, count int) (ended []error) {
		all := make(chan error)
		for range count {
			go func() { all <- m.ask(t.Context(), "bash -s") }()
		}
		for range count {
			ended = append(ended, <-all)
		}
		return ended
	}
	m := newMachine(t, func(m *machine) { m.hangs = true; m.patience = 50 * time.Millisecond })
	for _, err := range askedBy(m, 9) {
		require.ErrorIs(t, err, errShell)
	}
	require.ErrorIs(t, m.ask(t.Context(), "bash -s"), errShell, "what failed is asked again")
	_, _, connections := m.ran()
	assert.Less(t, connections, 10)
	assert.Greater(t, connections, 1)

	m = newMachine(t, func(m *machine) { m.answer = "promwire\n" })
	for _, err := range askedBy(m, 9) {
		require.NoError(t, err)
	}
	_, inputs, connections := m.ran()
	assert.Equal(t, []string{hello}, inputs)
	assert.Equal(t, 1, connections)

	m = newMachine(t, func(m *machine) { m.answer = "promwire\n" })
	require.NoError(t, m.run(t.Context(), "bash -s", "echo\n"))
	require.NoError(t, m.ask(t.Context(), "bash -s"))
	_, _, connections = m.ran()
	assert.Equal(t, 1, connections)
}

func TestRunThroughABastion(t *testing.T) {
	bastion, m := newMachine(t), newMachine(t)
	to := m.server
	to.bastion = &bastion.server
	require.NoError(t, to.run(t.Context(), "bash -s", "echo\n"))
	lines, inputs, _ := m.ran()
	assert.Equal(t, []string{"bash -s"}, lines)
	assert.Equal(t, []string{hello + "echo\n"}, inputs)
	assert.Equal(t, []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port))}, bastion.forwarded())
}

// A server may have host keys of several types. The client asks for the pinned one.
func TestRunAsksForThePinnedKey(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	m := newMachine(t, func(m *machine) { m.others = []ssh.Signer{other} })
	for _, pinned := range []string{m.HostKey, publicLine(other)} {
		to := m.server
		to.HostKey = pinned
		assert.NoError(t, to.run(t.Context(), "bash -s", "echo\n"), pinned)
	}
}

func TestRunTriesAgain(t *testing.T) {
	m := newMachine(t, func(m *machine) { m.refuse = 2; m.DialErrorLimit = 2 })
	require.NoError(t, m.run(t.Context(), "bash -s", "echo\n"))
	_, _, connections := m.ran()
	assert.Equal(t, 3, connections)

	m = newMachine(t, func(m *machine) { m.refuse = 3; m.DialErrorLimit = 2 })
	err := m.run(t.Context(), "bash -s", "echo\n")
	require.Error(t, err)
	assert.Contains(t, err.Error(), m.address()+": no connection after 3 attempts: ")
	_, _, connections = m.ran()
	assert.Equal(t, 3, connections)
}

// Attempts do not multiply: one connection to the bastion serves all of them, and a bastion that is down ends it.
func TestRunTriesAgainThroughABastion(t *testing.T) {
	bastion, m := newMachine(t), newMachine(t, func(m *machine) { m.refuse = 2 })
	to := m.server
	to.bastion = &bastion.server
	require.NoError(t, to.run(t.Context(), "bash -s", "echo\n"))
	_, _, connections := bastion.ran()
	assert.Equal(t, 1, connections)

	down := newMachine(t, func(m *machine) { m.refuse = 100; m.DialErrorLimit = 2 })
	to.bastion = &down.server
	err := to.run(t.Context(), "bash -s", "echo\n")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "bastion: "+down.address()+": no connection after 3 attempts: ")
	_, _, connections = down.ran()
	assert.Equal(t, 3, connections)
}

func TestRunEndsWithItsContext(t *testing.T) {
	for name, m := range map[string]*machine{
		"while the script runs":       newMachine(t, func(m *machine) { m.hangs = true }),
		"while the host says nothing": newMachine(t, func(m *machine) { m.silent = true }),
		"between attempts":            newMachine(t, func(m *machine) { m.refuse = 1000; m.DialErrorLimit = 1000 }),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- m.server.run(ctx, "bash -s", "sleep 1000\n") }()
			for {
				lines, _, connections := m.ran()
				if len(lines) > 0 || (!m.hangs && connections > 0) {
					break
				}
				runtime.Gosched()
			}
			cancel()
			assert.ErrorIs(t, <-ended, context.Canceled)
		})
	}
}

// What a hook gets are the inputs as the plugin would.
func TestInputs(t *testing.T) {
	inputs := resource.PropertyMap{
		"stdin": resource.NewProperty("echo\n"),
		"connection": resource.MakeSecret(resource.NewProperty(resource.PropertyMap{
			"host": resource.NewProperty("198.51.100.7"), "port": resource.NewProperty(2222.0), "user": resource.NewProperty("admin"),
			"hostKey": resource.NewProperty("ssh-ed25519 A"), "privateKey": resource.MakeSecret(resource.NewProperty("secret")),
			"dialErrorLimit": resource.NewProperty(10.0), "perDialTimeout": resource.NewProperty(15.0),
			"proxy": resource.NewProperty(resource.PropertyMap{
				"host": resource.NewProperty("198.51.100.2"), "port": resource.NewProperty(22.0), "user": resource.NewProperty("root"),
				"hostKey": resource.NewProperty("ssh-ed25519 B"), "privateKey": resource.NewProperty("secret"),
				"dialErrorLimit": resource.NewProperty(3.0),
			}),
		})),
	}
	to, script, err := read(inputs)
	require.NoError(t, err)
	assert.Equal(t, "echo\n", script)
	assert.Equal(t, server{
		Host: "198.51.100.7", Port: 2222, User: "admin", HostKey: "ssh-ed25519 A", PrivateKey: "secret", DialErrorLimit: 10,
		bastion: &server{Host: "198.51.100.2", Port: 22, User: "root", HostKey: "ssh-ed25519 B", PrivateKey: "secret", DialErrorLimit: 3},
	}, to)
	_, _, err = read(resource.PropertyMap{"stdin": resource.NewProperty(1.0)})
	assert.Error(t, err)
}

// The same key in fewer bytes, and whatever else as it is.
func TestShortest(t *testing.T) {
	signer, openSSH := key(t)
	short := shortest(openSSH)
	assert.Less(t, len(short), len(openSSH)/2)
	parsed, err := ssh.ParsePrivateKey([]byte(short))
	require.NoError(t, err)
	assert.Equal(t, signer.PublicKey().Marshal(), parsed.PublicKey().Marshal())
	assert.Equal(t, short, shortest(short))
	assert.Equal(t, "no key", shortest("no key"))
}
