package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/tests/lab/machines"
)

// Who reaches whom. A port that nobody serves says nothing about who may reach it: so the test serves it itself, sees that it
// answers where it is served, and only then tries it from elsewhere.

//go:embed answers.pl
var answersScript string

//go:embed serve.pl
var serveScript string

// where is a place in the lab: it runs a command there, and returns what that prints.
type where func(ctx context.Context, command ...string) ([]byte, error)

// end is what may answer: PROTOCOL/ADDRESS/PORT.
type end string

func tcp(address string, port int) end { return end(fmt.Sprintf("tcp/%s/%d", address, port)) }
func udp(address string, port int) end { return end(fmt.Sprintf("udp/%s/%d", address, port)) }

// here is the operator's machine.
func here(ctx context.Context, command ...string) ([]byte, error) {
	return output(exec.CommandContext(ctx, command[0], command[1:]...))
}

// router is the lab's router. What it sends passes no cloud firewall, so hosts and nodes stand for themselves.
func (s *story) router(ctx context.Context, command ...string) ([]byte, error) {
	id, err := machines.Identify(s.lab.Folder)
	if err != nil {
		return nil, err
	}
	return here(ctx, append([]string{"nsenter", "--net=/run/netns/" + machines.Router(id), "--"}, command...)...)
}

// host is one of the fleet's.
func (s *story) host(name string) where {
	return func(ctx context.Context, command ...string) ([]byte, error) {
		return s.lab.Machines.Exec(ctx, s.machine(name), command...)
	}
}

func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, err
}

// answering are those of the ends that answer somebody there, sorted.
func (s *story) answering(from where, ends []end) ([]end, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	out, err := from(ctx, append([]string{"perl", "-e", answersScript, "--"}, words(ends)...)...)
	if err != nil {
		return nil, err
	}
	var answered []end
	for _, word := range strings.Fields(string(out)) {
		answered = append(answered, end(word))
	}
	slices.Sort(answered)
	return answered, nil
}

func words(ends []end) []string {
	all := make([]string, len(ends))
	for i, e := range ends {
		all[i] = string(e)
	}
	return all
}

// serve makes all of the ends answer where they are, and sees that they do, until it is stopped or the step ends.
func (s *story) serve(at where, ends []end) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	process, err := at(ctx, append([]string{"perl", "-e", serveScript, "--"}, words(ends)...)...)
	require.NoError(s.t, err)
	stop = sync.OnceFunc(func() {
		_, _ = at(context.WithoutCancel(ctx), "kill", strings.TrimSpace(string(process))) // one that had nothing to serve is gone already
	})
	s.t.Cleanup(stop)
	// Not even root on a target reaches its own fence's port: that something listens there is all that can be seen.
	reachable := slices.DeleteFunc(slices.Clone(ends), fenced)
	s.reaches("who serves it", at, reachable, reachable)
	if len(reachable) < len(ends) {
		listens, err := at(ctx, "ss", "-Hltn", fmt.Sprintf("sport = :%d", fence.Port))
		require.NoError(s.t, err)
		assert.NotEmpty(s.t, listens, "nobody listens at the fence's port")
	}
	return stop
}

func fenced(e end) bool {
	return strings.HasPrefix(string(e), "tcp/") && strings.HasSuffix(string(e), fmt.Sprintf("/%d", fence.Port))
}

// seen is what answers somebody, beside what should.
type seen struct {
	by            string // who tried; for people
	more, missing []end
}

// sees tries all the ends from somewhere.
func (s *story) sees(by string, from where, all, want []end) (seen, error) {
	answered, err := s.answering(from, all)
	if err != nil {
		return seen{}, fmt.Errorf("%s: %w", by, err)
	}
	others := func(ends, those []end) []end {
		return slices.DeleteFunc(slices.Clone(ends), func(e end) bool { return slices.Contains(those, e) })
	}
	return seen{by, others(answered, want), others(want, answered)}, nil
}

func (s seen) err() error {
	if len(s.more)+len(s.missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s: answers and must not: %q; must answer and does not: %q", s.by, s.more, s.missing)
}

// reaches sees that of all the ends exactly those wanted answer somebody.
func (s *story) reaches(by string, from where, all, want []end) {
	s.t.Helper()
	s.eventually(func() error { return s.holds(by, from, all, want) })
}

// holds is an error as long as something does not answer that must. What must not answer must not once: that fails the test.
func (s *story) holds(by string, from where, all, want []end) error {
	seen, err := s.sees(by, from, all, want)
	if err != nil {
		return err
	}
	if len(seen.more) > 0 {
		assert.NoError(s.t, seen.err())
		return nil
	}
	return seen.err()
}

// together runs checks side by side.
func together(checks []func() error) error {
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { errs[i] = check() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// firewall serves ports, by tcp and udp, at all addresses of some hosts, and sees that everybody else in the lab reaches exactly what
// is wanted of them: the operator, who is outside the cloud, its router, and each host of the fleet, by its name.
func (s *story) firewall(hosts []string, ports []int, want map[string][]end) {
	s.t.Helper()
	ends := map[string][]end{}
	for _, host := range hosts {
		for _, address := range strings.Fields(s.mustOn(host, "hostname -I")) {
			for _, port := range ports {
				ends[host] = append(ends[host], tcp(address, port), udp(address, port))
			}
		}
		defer s.serve(s.host(host), ends[host])()
	}
	views := map[string]where{"operator": here, "router": s.router}
	for _, host := range s.hosts() {
		views[host] = s.host(host)
	}
	var checks []func() error
	for by, from := range views {
		var theirs []end
		for host, of := range ends {
			if host != by {
				theirs = append(theirs, s.routed(by, of)...)
			}
		}
		checks = append(checks, func() error { return s.holds(by, from, theirs, want[by]) })
	}
	s.eventually(func() error { return together(checks) })
}

// routed are those of the ends to which somebody has a way within the lab: only hosts have one into the tunnel, and only the router
// to machines behind a bastion.
func (s *story) routed(by string, ends []end) []end {
	network := s.lab.Machines.Network()
	return slices.DeleteFunc(slices.Clone(ends), func(e end) bool {
		address := netip.MustParseAddr(strings.Split(string(e), "/")[1])
		switch {
		case network.V4.Contains(address) || network.V6.Contains(address):
			return false
		case tunnelNetwork.Contains(address):
			return by == "operator" || by == "router"
		}
		return by != "router"
	})
}

// tunnelNetwork is that of the stacks.
var tunnelNetwork = netip.MustParsePrefix("10.98.0.0/24")
