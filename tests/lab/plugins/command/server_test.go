package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// host is an SSH server that runs commands with this machine's shell, and keeps count.
type host struct {
	t       *testing.T
	address *net.TCPAddr
	config  *ssh.ServerConfig

	key       string            // the user's private key
	keys      map[string]string // host keys by type, as lines of authorized_keys
	acceptEnv string            // the one variable that a client may set
	refusals  atomic.Int32      // how many of the next connections to hang up on

	dialled atomic.Int32  // TCP connections so far
	open    atomic.Int32  // SSH connections that are open now
	changed chan struct{} // gets something after open changed

	mu       sync.Mutex
	commands []string      // all that were run
	done     chan struct{} // gets something after a command was run and its output sent
}

// serve starts a host, which ends with the test.
func serve(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, keys: map[string]string{}, changed: make(chan struct{}, 100), done: make(chan struct{}, 100)}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	h.key = string(pem.EncodeToMemory(block))
	user, err := ssh.NewPublicKey(public)
	must(t, err)
	h.config = &ssh.ServerConfig{PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if conn.User() != "root" || string(key.Marshal()) != string(user.Marshal()) {
			return nil, io.EOF
		}
		return nil, nil
	}}
	h.addHostKeys()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	h.address = listener.Addr().(*net.TCPAddr)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go h.accept(conn)
		}
	}()
	return h
}

// addHostKeys makes keys of three types. The RSA key signs with SHA-2 only, as today's sshd does.
func (h *host) addHostKeys() {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(h.t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.t, err)
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	must(h.t, err)
	for _, key := range []any{ed, ec, old} {
		signer, err := ssh.NewSignerFromKey(key)
		must(h.t, err)
		if signer.PublicKey().Type() == ssh.KeyAlgoRSA {
			signer, err = ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSASHA256})
			must(h.t, err)
		}
		h.config.AddHostKey(signer)
		h.keys[signer.PublicKey().Type()] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	}
}

// connection is a Command's connection to the host, with some properties changed.
func (h *host) connection(changes properties) properties {
	return with(properties{"host": "127.0.0.1", "port": h.address.Port, "privateKey": h.key, "dialErrorLimit": 0}, changes)
}

// ran are the commands that the host has run.
func (h *host) ran() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.commands, ", ")
}

// await waits until n connections are open.
func (h *host) await(n int32) {
	h.t.Helper()
	for h.open.Load() != n {
		select {
		case <-h.changed:
		case <-h.t.Context().Done():
			h.t.Fatalf("%d connections are open, want %d", h.open.Load(), n)
		}
	}
}

func (h *host) accept(conn net.Conn) {
	h.dialled.Add(1)
	defer conn.Close()
	if h.refusals.Add(-1) >= 0 {
		return
	}
	client, channels, requests, err := ssh.NewServerConn(conn, h.config)
	if err != nil {
		return
	}
	h.open.Add(1)
	h.changed <- struct{}{}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		switch channel.ChannelType() {
		case "session":
			go h.session(channel)
		case "direct-tcpip":
			go h.forward(channel)
		default:
			channel.Reject(ssh.UnknownChannelType, "unknown")
		}
	}
	client.Wait()
	h.open.Add(-1)
	h.changed <- struct{}{}
}

func (h *host) session(fresh ssh.NewChannel) {
	channel, requests, err := fresh.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	var environment []string
	for req := range requests {
		switch req.Type {
		case "env":
			var variable struct{ Name, Value string }
			ok := ssh.Unmarshal(req.Payload, &variable) == nil && variable.Name == h.acceptEnv
			if ok {
				environment = append(environment, variable.Name+"="+variable.Value)
			}
			req.Reply(ok, nil)
		case "exec":
			var command struct{ Line string }
			ok := ssh.Unmarshal(req.Payload, &command) == nil
			req.Reply(ok, nil)
			h.exec(channel, command.Line, environment)
			return
		default:
			req.Reply(false, nil)
		}
	}
}

func (h *host) exec(channel ssh.Channel, line string, environment []string) {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Env = slices.Concat(environment, []string{"PATH=/usr/bin:/bin"})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
	cmd.Run()
	h.mu.Lock()
	h.commands = append(h.commands, line)
	h.mu.Unlock()
	status := struct{ Code uint32 }{uint32(cmd.ProcessState.ExitCode())}
	channel.SendRequest("exit-status", false, ssh.Marshal(status))
	h.done <- struct{}{}
}

// forward makes the host a bastion.
func (h *host) forward(fresh ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(fresh.ExtraData(), &to); err != nil {
		fresh.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	conn, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.ParseIP(to.Host), Port: int(to.Port)})
	if err != nil {
		fresh.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	channel, requests, err := fresh.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	go io.Copy(conn, channel)
	io.Copy(channel, conn)
}
