package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/cgroup"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/operator"
)

// phase is a run of Pulumi that is killed, and what the fleet is once it is well again.
type phase struct {
	name    string
	destroy bool
	targets []string
}

// phases follow each other: each begins with what the former left.
var phases = []phase{
	{name: "first up", targets: []string{"node-1"}},
	{name: "add", targets: []string{"node-1", "node-2"}},
	{name: "remove", targets: []string{"node-1"}},
	{name: "destroy", destroy: true},
}

// TestKills kills the engine, its plugins and the program at random moments of each phase. One more run must end well, and leave nothing
// that nobody knows. It looks long for what is rare, so `make e2e` leaves it out, and `make e2e-kills` runs it. That is a choice of
// Makefile and no build tag, so that compiler and linter see it always.
//
// PROMWIRE_KILLS is the number of kills, 50 if it is not set; PROMWIRE_KILLS_SEED makes the moments those of a former run.
func TestKills(t *testing.T) {
	kills := number(t, "PROMWIRE_KILLS", 50)
	seed := number(t, "PROMWIRE_KILLS_SEED", time.Now().Unix())
	t.Logf("PROMWIRE_KILLS=%d PROMWIRE_KILLS_SEED=%d", kills, seed)
	s := newStory(t, "lab")
	s.leaveKey()
	usual := make([]time.Duration, len(phases))
	for i, p := range phases {
		s.step("undisturbed "+p.name, func(s *story) {
			began := time.Now()
			require.NoError(s.t, s.start(p).wait())
			usual[i] = time.Since(began)
			s.well(p)
		})
	}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	failed := 0
	for i := range int(kills) {
		p := phases[i%len(phases)]
		after := time.Duration(random.Int64N(int64(usual[i%len(phases)])))
		ok := t.Run(fmt.Sprintf("%d %s after %.1f s", i+1, p.name, after.Seconds()), func(t *testing.T) {
			at := *s
			at.t = t
			at.round(i+1, p, after)
		})
		if !ok {
			if failed++; failed == 3 {
				t.Fatal("three kills did not end well; the later ones would begin with what these left")
			}
		}
	}
}

func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text, ok := os.LookupEnv(variable)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, variable)
	return n
}

// leaveKey leaves the operator's key in the account under the fleet's own name, as a run does that was killed before its state knew the
// key. The first run takes it over, and later ones register it, which is one more resource to be killed at.
func (s *story) leaveKey() {
	s.t.Helper()
	var answer struct {
		Keys []godo.Key `json:"ssh_keys"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.cloud("account/keys")), &answer))
	for _, key := range answer.Keys {
		s.request(http.MethodDelete, "account/keys/"+strconv.Itoa(key.ID))
	}
	require.NoError(s.t, registerKey(s.t.Context(), s.lab, "promwire-lab-operator"))
}

// round is one kill and what comes after it.
func (s *story) round(n int, p phase, after time.Duration) {
	f := faults.add(fmt.Sprintf("kill %d, after %.1f s", n, after.Seconds()), p.name)
	var outcome []string
	defer func() {
		f.ended(s.t, strings.Join(outcome, ", "))
		if s.t.Failed() {
			f.outcome = strings.Join(append([]string{notWell}, outcome...), ", ")
			s.keepState(n)
		}
	}()
	victim := s.start(p)
	if victim.killAfter(s.t, after) {
		outcome = append(outcome, "killed")
	} else {
		outcome = append(outcome, "it had ended")
	}
	f.began = time.Now()
	said, err := s.run(p, refreshed)
	if err != nil && locked.MatchString(said) {
		outcome = append(outcome, "locked")
		require.NoError(s.t, s.lab.Operator.Cancel(s.t.Context(), s.stack))
		said, err = s.run(p, refreshed)
	}
	if err != nil && duplicate.MatchString(said) {
		outcome = append(outcome, "a cloud firewall removed")
		s.removeUnknownFirewalls()
		said, err = s.run(p, refreshed)
	}
	require.NoError(s.t, err, "%s\n\nThe killed run said:\n%s", said, victim.said)
	if ids := orphans(said); len(ids) > 0 {
		outcome = append(outcome, fmt.Sprintf("%d droplets named and removed", len(ids)))
		for _, id := range ids { // as doctl does
			s.request(http.MethodDelete, "droplets/"+id)
		}
	}
	s.well(p)
}

// locked is what a run says of the lock of one that was killed; the latter, if that was while it wrote its lock.
var locked = regexp.MustCompile(`the stack is currently locked|unexpected end of JSON input`)

// duplicate is what the cloud says of a firewall that it made for a run that was killed before the state knew.
var duplicate = regexp.MustCompile(`409 .*duplicate name`)

// removeUnknownFirewalls removes those that the state does not have, as docs/operating.md says.
func (s *story) removeUnknownFirewalls() {
	s.t.Helper()
	known := map[string]bool{}
	for _, r := range s.resources() {
		known[fmt.Sprint(r.ID)] = true
	}
	var answer struct{ Firewalls []godo.Firewall }
	require.NoError(s.t, json.Unmarshal([]byte(s.cloud("firewalls")), &answer))
	for _, f := range answer.Firewalls {
		if !known[f.ID] {
			s.request(http.MethodDelete, "firewalls/"+f.ID)
		}
	}
}

// refreshed is how docs/operating.md says to run after a kill: the cloud may have deleted what the state has still.
func refreshed(o *operator.Options) { o.Refresh = true }

// run is one more run of the phase, in this process. It returns what the operator reads.
func (s *story) run(p phase, options ...func(*operator.Options)) (string, error) {
	s.edits = p.edits()
	chosen, progress := s.options()
	for _, option := range options {
		option(&chosen)
	}
	var err error
	if p.destroy {
		_, err = s.lab.Operator.Destroy(s.t.Context(), s.stack, chosen)
	} else {
		_, err = s.lab.Operator.Up(s.t.Context(), s.stack, chosen)
	}
	if err != nil {
		fmt.Fprintf(progress, "\n%v", err)
	}
	return progress.String(), err
}

func (p phase) edits() []operator.Edit {
	if p.destroy {
		return nil
	}
	return []operator.Edit{targets(func(list []any) []any {
		return slices.DeleteFunc(list, func(t any) bool { return !slices.Contains(p.targets, t.(map[string]any)["name"].(string)) })
	})}
}

// deletes is the command that a run's warning of orphans ends with.
var deletes = regexp.MustCompile(`doctl compute droplet delete ([0-9 ]+)`)

// orphans are the droplets that a run names as nobody's.
func orphans(said string) []string {
	match := deletes.FindStringSubmatch(said)
	if match == nil {
		return nil
	}
	return strings.Fields(match[1])
}

// well: the cloud has what the state has and nothing else, all targets are up, and the monitor knows nobody else.
func (s *story) well(p phase) {
	s.t.Helper()
	s.eventually(func() error { return s.nothingLeft() })
	if p.destroy {
		assert.Empty(s.t, s.resources())
		for _, kind := range []string{"droplets", "firewalls", "tags", "account/keys"} {
			assert.NotContains(s.t, s.cloud(kind), "promwire-lab", kind)
		}
		return
	}
	s.findMachines()
	tunnels := s.tunnels()
	assert.Len(s.t, tunnels, 1+len(p.targets))
	s.allUp(tunnels)
	peers := strings.Fields(s.mustOn("monitor-1", "wg show promwire0 peers"))
	assert.Len(s.t, peers, len(p.targets), "peers of the monitor")
	said, err := s.run(p)
	require.NoError(s.t, err, said)
	assert.Contains(s.t, said, "unchanged", said)
	assert.NotRegexp(s.t, `\d+ (created|updated|replaced|deleted)`, said, "what was well changes again")
	assert.Empty(s.t, orphans(said), "the removed droplets are named still")
}

// kinds are the cloud's kinds of things that cost money or names, by their types in the state.
var kinds = map[string]string{
	"digitalocean:index/droplet:Droplet":   "droplets",
	"digitalocean:index/firewall:Firewall": "firewalls",
	"digitalocean:index/sshKey:SshKey":     "account/keys",
}

// nothingLeft compares the cloud's things with those of the state.
func (s *story) nothingLeft() error {
	known := map[string][]string{}
	for _, r := range s.resources() {
		if kind, ok := kinds[r.Type]; ok {
			known[kind] = append(known[kind], fmt.Sprint(r.ID))
		}
	}
	for _, kind := range kinds {
		var answer map[string]json.RawMessage
		if err := json.Unmarshal([]byte(s.cloud(kind)), &answer); err != nil {
			return err
		}
		var there []struct {
			ID   any
			Name string
		}
		list := answer[strings.Replace(kind, "account/", "ssh_", 1)]
		decoder := json.NewDecoder(bytes.NewReader(list))
		decoder.UseNumber()
		if err := decoder.Decode(&there); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		var ids []string
		for _, t := range there {
			ids = append(ids, fmt.Sprint(t.ID))
		}
		slices.Sort(ids)
		slices.Sort(known[kind])
		if !slices.Equal(ids, known[kind]) {
			return fmt.Errorf("%s: the cloud has %v, the state %v", kind, there, known[kind])
		}
	}
	return nil
}

// findMachines finds the droplets' machines by their addresses: one that was made while an orphan had its name has another.
func (s *story) findMachines() {
	s.t.Helper()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	for name, r := range s.resources() {
		host, ok := strings.CutSuffix(name, "-droplet")
		if !ok {
			continue
		}
		for _, m := range all {
			if m.V4.String() == r.Outputs["ipv4Address"] {
				s.moved[host] = m.Name
			}
		}
	}
}

// keepState copies the backend's files of a kill that did not end well, which the end of the test removes.
func (s *story) keepState(kill int) {
	from := filepath.Join(s.lab.Folder.Run, "operator", "state")
	to := filepath.Join(s.lab.Folder.Source, ".lab", "kills", fmt.Sprintf("%d-%d", os.Getpid(), kill))
	if assert.NoError(s.t, os.CopyFS(to, os.DirFS(from))) {
		s.t.Logf("the backend's files are kept in %s", to)
	}
}

// order is what a process that will be killed is told on its standard input.
type order struct {
	Folder  folder.Folder
	Lab     operator.Lab
	Tools   operator.Tools
	Stack   string
	Destroy bool
	Targets []string
}

// victimVariable makes the test program run an order instead of its tests.
const victimVariable = "PROMWIRE_KILLS_VICTIM"

// begins is what a victim says before the run.
const begins = "the run begins\n"

// runVictim runs Pulumi, with the program in this process, until somebody kills it.
func runVictim(ctx context.Context) error {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	op, err := operator.New(o.Folder, o.Lab, o.Tools, stacks.Run)
	if err != nil {
		return err
	}
	p := phase{destroy: o.Destroy, targets: o.Targets}
	options := operator.Options{Progress: os.Stdout, Edit: func(fleet map[string]any) {
		for _, edit := range p.edits() {
			edit(fleet)
		}
	}}
	fmt.Print(begins)
	if p.destroy {
		_, err = op.Destroy(ctx, o.Stack, options)
	} else {
		_, err = op.Up(ctx, o.Stack, options)
	}
	return err
}

// victim is a process that runs Pulumi. All that it starts stays in its cgroup, even what begins a process group of its own, as the
// engine lets plugins do.
type victim struct {
	group string
	said  *bytes.Buffer
	ended chan struct{} // closed when it has ended
	err   error         // what it ended with
}

// start starts a phase, and returns once its run begins.
func (s *story) start(p phase) *victim {
	s.t.Helper()
	root, err := cgroup.Root()
	require.NoError(s.t, err)
	v := &victim{group: filepath.Join(root, fmt.Sprintf("promwire-kills-%d", os.Getpid())), said: &bytes.Buffer{}, ended: make(chan struct{})}
	require.NoError(s.t, os.MkdirAll(v.group, 0o755))
	group, err := os.Open(v.group)
	require.NoError(s.t, err)
	defer group.Close()
	s.t.Cleanup(func() {
		assert.NoError(s.t, cgroup.Kill(context.Background(), v.group))
		assert.NoError(s.t, cgroup.Remove(context.Background(), v.group))
	})
	input, err := json.Marshal(order{
		Folder: s.lab.Folder, Lab: s.lab.Operator.Lab(), Tools: openTools(), Stack: s.stack, Destroy: p.destroy, Targets: p.targets,
	})
	require.NoError(s.t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(s.t, cmd.Start())
	go func() {
		v.err = cmd.Wait()
		_ = write.Close()
		close(v.ended)
	}()
	first := make([]byte, len(begins))
	_, err = io.ReadFull(read, first)
	require.NoError(s.t, err, string(first))
	require.Equal(s.t, begins, string(first))
	go func() { _, _ = io.Copy(v.said, read) }()
	return v
}

// wait waits until it ends by itself.
func (v *victim) wait() error {
	<-v.ended
	if v.err != nil {
		return fmt.Errorf("%w\n%s", v.err, v.said)
	}
	return nil
}

// killAfter kills all of it after a while, and says whether there was anything left to kill.
func (v *victim) killAfter(t *testing.T, after time.Duration) bool {
	t.Helper()
	select {
	case <-v.ended:
		return false
	case <-time.After(after):
	}
	require.NoError(t, cgroup.Kill(t.Context(), v.group))
	<-v.ended
	return true
}
