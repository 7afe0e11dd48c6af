package bench

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// puppets are hosts that run nothing: one SSH server on every address of this machine's loopback, which says to each script what a healthy
// host would. With it, the real engine and plugins have as many hosts as a benchmark likes.
type puppets struct {
	Port        int
	HostKey     string
	connections atomic.Int64
	keys        sync.Map                           // of their tunnels, private, by the address of the host
	applied     func(key wgtypes.Key, plan string) // what happens when a host is told its plan; nil: nothing
}

func newPuppets(b *testing.B) *puppets {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(signer)
	p := &puppets{
		Port:    listener.Addr().(*net.TCPAddr).Port,
		HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))),
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn, config)
		}
	}()
	return p
}

func (p *puppets) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	if start, _ := reader.Peek(4); string(start) != "SSH-" { // as sshd, which ends a probe's connection at once
		return
	}
	_, channels, requests, err := ssh.NewServerConn(peeked{conn, reader}, config)
	if err != nil {
		return // a probe of the verification's, which only wants the port to be open
	}
	p.connections.Add(1)
	go ssh.DiscardRequests(requests)
	for asked := range channels {
		channel, requests, err := asked.Accept()
		if err != nil {
			return
		}
		go p.run(conn.LocalAddr().(*net.TCPAddr).IP.String(), channel, requests)
	}
}

// peeked is a connection whose beginning was read already.
type peeked struct {
	net.Conn
	reader io.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.reader.Read(b) }

func (p *puppets) run(address string, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		_ = request.Reply(request.Type == "exec", nil)
		if request.Type != "exec" {
			continue
		}
		script, _ := io.ReadAll(channel)
		_, _ = fmt.Fprintln(channel, p.says(address, string(script)))
		_, _ = channel.SendRequest("exit-status", false, make([]byte, 4))
		return
	}
}

// key is a host's own for the tunnel, which it keeps.
func (p *puppets) key(address string) wgtypes.Key {
	fresh, _ := wgtypes.GeneratePrivateKey()
	key, _ := p.keys.LoadOrStore(address, fresh)
	return key.(wgtypes.Key)
}

// says is what a script prints in the end: facts or a receipt. The gate's table of what it proved may be empty.
func (p *puppets) says(address, script string) string {
	answer := map[string]any{
		"host": "node-1", "scripts": "0123456789ab", "changed": []string{}, "firewall": strings.Repeat("0", 64),
		"versions": map[string]string{"node_exporter": "1.12.1", "promwire": "0.0.0"},
	}
	switch {
	case strings.Contains(script, "\nprint_facts\n"):
		answer = map[string]any{
			"publicKey": p.key(address).PublicKey().String(), "hostKey": p.HostKey, "arch": "amd64", "os": "debian 12", "wireguard": "kernel", "request": "",
		}
	case !strings.Contains(script, "\napply() {\n"):
		return ""
	case p.applied != nil:
		p.applied(p.key(address), script)
	}
	text, _ := json.Marshal(answer)
	return string(text)
}
