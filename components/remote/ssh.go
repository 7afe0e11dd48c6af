package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/retry"
	"golang.org/x/crypto/ssh"
)

// Bounds of one connection. Between them, attempts to connect are as far apart as the plugin's: from 100 ms to 5 s.
const (
	dialTimeout      = 15 * time.Second                   // one attempt, as the plugin's
	handshakeTimeout = 2 * time.Minute                    // after it; sshd itself waits so long for a login (LoginGraceTime)
	runTimeout       = (scriptSeconds + 60) * time.Second // a script, which its own timeout ends before, if its host is alive
	shellTimeout     = 2 * time.Minute                    // until bash has answered, which takes a busy host some seconds
	liveTimeout      = 40 * time.Second                   // after which a machine that was there before is not tried again
)

var (
	errOtherKey = errors.New("host key mismatch")
	errSilent   = errors.New("the host has not answered for too long, and may be down; run `pulumi up` again")
	errShell    = fmt.Errorf("it lets the operator in, but its bash has not answered for %s; log in and see what /bin/bash, sudo and the "+
		"user's shell are, and whether its disk is full", shellTimeout)
	errLoud = fmt.Errorf("its script was ended because it printed more than %d MB; see the beginning and the end of it", mostBytes>>20)
)

// hello begins what bash reads: its answer shows at once that bash is there, whatever comes after it.
const hello = "echo promwire >&2\n"

// server is an SSH server, as a command's inputs have it.
type server struct {
	Host, User, HostKey, PrivateKey string
	Port                            int
	DialErrorLimit                  int     // how many attempts may fail
	bastion                         *server // nil: reached directly

	patience time.Duration // until bash has answered; 0: shellTimeout
	live     time.Duration // until it is not tried again; 0: liveTimeout
}

// What this program knows of machines, by id. It may live longer than one update.
var (
	answered sync.Map // time.Time: when their bash answered last
	asking   sync.Map // *func() error: those that are asked just now
)

// answerHolds is how long an answer stands for the next ones.
const answerHolds = 5 * time.Minute

// id tells machines apart: two may have the same address behind two bastions.
func (s server) id() string {
	if s.bastion == nil {
		return s.address()
	}
	return s.bastion.address() + " " + s.address()
}

// ask finds out whether the machine's bash answers a command line, unless it did so a moment ago. However many want to know, one asks.
func (s server) ask(ctx context.Context, line string) error {
	once := sync.OnceValue(func() error {
		if last, known := answered.Load(s.id()); known && time.Since(last.(time.Time)) < answerHolds {
			return nil
		}
		return s.run(ctx, line, "")
	})
	shared, _ := asking.LoadOrStore(s.id(), &once)
	err := (*shared.(*func() error))()
	asking.CompareAndDelete(s.id(), shared)
	return err
}

// dialer opens a connection from this machine, or from a bastion.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// run runs a command line there, which is bash, with a script as its standard input. Its output is in the error, and otherwise not used.
// Whatever the host does, run ends, and keeps little of what the host says.
func (s server) run(ctx context.Context, line, input string) error {
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, errSilent)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(ctx, func() { client.Close() })()
	impatient := time.AfterFunc(cmp.Or(s.patience, shellTimeout), func() { end(errShell) })
	defer impatient.Stop()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	output := &said{heard: func() { impatient.Stop(); answered.Store(s.id(), time.Now()) }, over: func() { end(errLoud) }}
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader(hello+input), output, output
	err = session.Run(line)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: running %q:\n%s", s.address(), err, line, strings.TrimPrefix(output.String(), "promwire\n"))
	}
	return nil
}

// dial connects, through the bastion if there is one. A host may be booting, so it is tried as often as the inputs say.
func (s server) dial(ctx context.Context) (*ssh.Client, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	if s.bastion == nil {
		return s.connect(ctx, (&net.Dialer{}).DialContext, config)
	}
	bastion, err := s.bastion.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("bastion: %w", err)
	}
	client, err := s.connect(ctx, bastion.DialContext, config)
	if err != nil {
		bastion.Close()
		return nil, fmt.Errorf("from the bastion %s: %w", s.bastion.Host, err)
	}
	go func() {
		_ = client.Wait()
		bastion.Close()
	}()
	return client, nil
}

// connect tries until an attempt succeeds, too many have failed, or another one would fail too.
func (s server) connect(ctx context.Context, dial dialer, config *ssh.ClientConfig) (*ssh.Client, error) {
	began := time.Now()
	ok, client, err := retry.Until(ctx, retry.Acceptor{Accept: func(failed int, _ time.Duration) (bool, any, error) {
		client, err := s.attempt(ctx, dial, config)
		if err != nil && (failed >= s.DialErrorLimit || s.hopeless(err, time.Since(began))) {
			return false, nil, fmt.Errorf("%s: no connection after %d attempts: %w", s.address(), failed+1, err)
		}
		return err == nil, client, nil
	}})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, context.Cause(ctx)
	}
	return client.(*ssh.Client), nil
}

// hopeless says whether it is no use to try again: a machine that was there before is silent for long, shows another key than the pinned one, or
// does not let the operator in. One that may still boot may lack its keys.
func (s server) hopeless(err error, since time.Duration) bool {
	if s.DialErrorLimit > DialsToLive {
		return false
	}
	return since >= cmp.Or(s.live, liveTimeout) || errors.Is(err, errOtherKey) || errors.As(err, new(*ssh.AlgorithmNegotiationError)) ||
		strings.Contains(err.Error(), "unable to authenticate")
}

func (s server) attempt(ctx context.Context, dial dialer, config *ssh.ClientConfig) (*ssh.Client, error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := dial(dialing, "tcp", s.address())
	if err != nil {
		return nil, err
	}
	greeting, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	defer context.AfterFunc(greeting, func() { conn.Close() })()
	through, channels, requests, err := ssh.NewClientConn(conn, s.address(), config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ssh.NewClient(through, channels, requests), nil
}

func (s server) address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// config pins the host's key: no connection is made to a machine that can't prove itself. Only the operator's key logs in, never an agent's.
func (s server) config() (*ssh.ClientConfig, error) {
	signer, err := ssh.ParsePrivateKey([]byte(s.PrivateKey))
	if err != nil {
		return nil, fmt.Errorf("the operator's key: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		return nil, fmt.Errorf("the host key to pin: %w", err)
	}
	return &ssh.ClientConfig{
		User:              s.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   pinned(key),
		HostKeyAlgorithms: []string{key.Type()}, // the settings have no RSA keys, which have several
	}, nil
}

// pinned admits only this host key.
func pinned(key ssh.PublicKey) ssh.HostKeyCallback {
	same := ssh.FixedHostKey(key)
	return func(host string, remote net.Addr, shown ssh.PublicKey) error {
		if same(host, remote, shown) != nil {
			return errOtherKey
		}
		return nil
	}
}
