package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
)

// story is one stack on the lab, and what its steps need to tell it.
type story struct {
	t       *testing.T
	lab     *fixture.Lab
	stack   string
	edits   []operator.Edit   // settings that changed so far
	secrets map[string]string // of promwire:secrets, by name
	moved   map[string]string // hosts that are other machines of the lab than their stack says, by name
	// patience is how long one command may take, and what comes about by itself. It is there so that a broken fleet ends the test at all.
	patience time.Duration
}

// onExisting says whether a stack is one of existing machines.
func onExisting(stack string) bool {
	return slices.Contains([]string{"existing", "exporters", "hub"}, stack)
}

// newStory begins one. Stories run side by side: each waits for its hosts most of the time.
func newStory(t *testing.T, stack string) *story {
	lab, err := open(t.Context(), stack)
	require.NoError(t, err)
	t.Parallel()
	if onExisting(stack) {
		t.Cleanup(func() { assert.NoError(t, lab.Remove(context.Background(), stack)) })
	}
	return &story{t: t, lab: lab, stack: stack, moved: map[string]string{}, patience: 3 * time.Minute}
}

// step runs one step; the story ends with the first that fails, because the next ones would only repeat it.
func (s *story) step(name string, run func(s *story)) {
	ok := s.t.Run(name, func(t *testing.T) {
		at := *s
		at.t = t
		run(&at)
		s.edits = at.edits
	})
	if !ok {
		s.t.FailNow()
	}
}

// edit changes the settings for all later runs.
func (s *story) edit(change operator.Edit) { s.edits = append(s.edits, change) }

func (s *story) options() (operator.Options, *bytes.Buffer) {
	var progress bytes.Buffer
	edits := slices.Clone(s.edits)
	return operator.Options{Progress: &progress, Secrets: s.secrets, Edit: func(fleet map[string]any) {
		for _, edit := range edits {
			edit(fleet)
		}
	}}, &progress
}

// up must succeed. It returns how many resources changed, by operation.
func (s *story) up(change ...func(*operator.Options)) map[string]int {
	s.t.Helper()
	options, progress := s.options()
	for _, c := range change {
		c(&options)
	}
	result, err := s.lab.Operator.Up(s.t.Context(), s.stack, options)
	require.NoError(s.t, err, progress.String())
	if result.Summary.ResourceChanges == nil {
		return nil
	}
	return *result.Summary.ResourceChanges
}

// upFails must fail, and returns what the operator reads then.
func (s *story) upFails(change ...func(*operator.Options)) string {
	s.t.Helper()
	options, progress := s.options()
	for _, c := range change {
		c(&options)
	}
	_, err := s.lab.Operator.Up(s.t.Context(), s.stack, options)
	require.Error(s.t, err, progress.String())
	return progress.String()
}

func (s *story) destroy() {
	s.t.Helper()
	options, progress := s.options()
	_, err := s.lab.Operator.Destroy(s.t.Context(), s.stack, options)
	require.NoError(s.t, err, progress.String())
}

// state is the whole state as text, as it lies in the backend.
func (s *story) state() string {
	s.t.Helper()
	deployment, err := s.lab.Operator.Export(s.t.Context(), s.stack)
	require.NoError(s.t, err)
	return string(deployment.Deployment)
}

// resource is one resource of the state.
type resource struct {
	URN     string
	ID      string
	Type    string
	Parent  string
	Outputs map[string]any
}

func (s *story) resources() map[string]resource {
	s.t.Helper()
	var state struct{ Resources []resource }
	require.NoError(s.t, json.Unmarshal([]byte(s.state()), &state))
	byName := map[string]resource{}
	for _, r := range state.Resources {
		name := r.URN[strings.LastIndex(r.URN, "::")+2:]
		if !strings.HasPrefix(r.Type, "pulumi:pr") && r.Type != "pulumi:pulumi:Stack" {
			byName[name] = r
		}
	}
	return byName
}

// output is one output of the stack.
func (s *story) output(name string) any {
	s.t.Helper()
	outputs, err := s.lab.Operator.Outputs(s.t.Context(), s.stack)
	require.NoError(s.t, err)
	require.Contains(s.t, outputs, name)
	return outputs[name].Value
}

// tunnels are the tunnel addresses of all hosts by name.
func (s *story) tunnels() map[string]string {
	s.t.Helper()
	addresses := map[string]string{}
	for name, address := range s.output("ledger").(map[string]any)["hosts"].(map[string]any) {
		addresses[name] = address.(string)
	}
	return addresses
}

// machine is the lab's name of a host: a droplet is called after its fleet, an existing machine as it is.
func (s *story) machine(host string) string {
	if machine, ok := s.moved[host]; ok {
		return machine
	}
	if onExisting(s.stack) {
		return host
	}
	return "promwire-" + s.stack + "-" + host
}

// replaced finds the machine of the droplet that replaced a host's: its name is the former one's, which was there still, and a number.
func (s *story) replaced(host string) {
	s.t.Helper()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	var names []string
	for _, m := range all {
		if rest, ok := strings.CutPrefix(m.Name, s.machine(host)+"-"); ok && strings.Trim(rest, "0123456789") == "" {
			names = append(names, m.Name)
		}
	}
	require.Len(s.t, names, 1, host)
	s.moved[host] = names[0]
}

// hosts are those of the ends of the tunnel, or targets outside it, that are machines of the lab.
func (s *story) hosts() []string {
	s.t.Helper()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	var hosts []string
	for name := range s.tunnels() {
		if slices.ContainsFunc(all, func(m machines.Machine) bool { return m.Name == s.machine(name) }) {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// address is a host's public address, address6 that of IPv6.
func (s *story) address(host string) string  { return s.find(host).V4.String() }
func (s *story) address6(host string) string { return s.find(host).V6.String() }

// find is a host as the lab has it.
func (s *story) find(host string) machines.Machine {
	s.t.Helper()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	for _, m := range all {
		if m.Name == s.machine(host) {
			return m
		}
	}
	require.Fail(s.t, "no machine", s.machine(host))
	return machines.Machine{}
}

// on runs a shell command on a host, from outside its network.
func (s *story) on(host, command string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	out, err := s.lab.Machines.Exec(ctx, s.machine(host), "bash", "-c", command)
	return strings.TrimSpace(string(out)), err
}

func (s *story) mustOn(host, command string) string {
	s.t.Helper()
	out, err := s.on(host, command)
	require.NoError(s.t, err, "%s: %s", host, command)
	return out
}

// connections are the SSH connections that each host accepted since it booted.
func (s *story) connections(hosts ...string) map[string]int {
	s.t.Helper()
	var machines []string
	for _, host := range hosts {
		machines = append(machines, s.machine(host))
	}
	counts, err := s.lab.Connections(s.t.Context(), machines...)
	require.NoError(s.t, err)
	byHost := map[string]int{}
	for _, host := range hosts {
		byHost[host] = counts[s.machine(host)]
	}
	return byHost
}

// allUp waits until Prometheus scrapes exactly these targets, monitor included, at these addresses.
func (s *story) allUp(want map[string]string) {
	s.t.Helper()
	s.eventually(func() error {
		scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
		if err != nil {
			return err
		}
		seen := map[string]string{}
		for _, scrape := range scrapes {
			if scrape.Labels["job"] != "node" {
				continue
			}
			if scrape.Health != "up" {
				return fmt.Errorf("%s is %s: %s", scrape.Labels["name"], scrape.Health, scrape.Error)
			}
			seen[scrape.Labels["name"]] = scrape.Address
		}
		if !maps.Equal(seen, want) {
			return fmt.Errorf("scraped: %v, wanted: %v", seen, want)
		}
		return nil
	})
}

// eventually polls until check has nothing to say.
func (s *story) eventually(check func() error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(s.t, err, "waited for %s", s.patience)
		case <-time.After(time.Second):
		}
	}
}

// refused are curl's exit statuses for a connection that was refused (7) or never answered (28).
func refused(status int) bool { return status == 7 || status == 28 }

// curlOn tries a URL from a host, with more arguments of curl's, and returns curl's exit status.
func (s *story) curlOn(host, url string, args ...string) int {
	s.t.Helper()
	out := s.mustOn(host, fmt.Sprintf("curl -s -o /dev/null --connect-timeout 3 --max-time 6 %s %s && echo 0 || echo $?", strings.Join(args, " "), url))
	var status int
	_, err := fmt.Sscan(out, &status)
	require.NoError(s.t, err, out)
	return status
}

// targets edits the list of targets.
func targets(change func(list []any) []any) operator.Edit {
	return func(fleet map[string]any) { fleet["targets"] = change(fleet["targets"].([]any)) }
}

// without takes targets off the list.
func without(names ...string) operator.Edit {
	return targets(func(list []any) []any {
		return slices.DeleteFunc(list, func(t any) bool { return slices.Contains(names, t.(map[string]any)["name"].(string)) })
	})
}

// with puts a droplet on the list, before all others, so that order can't be what gives it its address.
func with(name, region string) operator.Edit {
	return targets(func(list []any) []any {
		return append([]any{map[string]any{"name": name, "region": region}}, list...)
	})
}

func set(key string, value any) operator.Edit {
	return func(fleet map[string]any) { fleet[key] = value }
}

func assertUnchanged(t *testing.T, changes map[string]int) {
	t.Helper()
	for operation, count := range changes {
		assert.Equal(t, "same", operation, "%d resources", count)
	}
}

// banner is what a host's SSH port says first; "" if nobody answers.
func banner(t *testing.T, address string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "22"), 5*time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return line
}

// cloud is what the cloud's API lists of a kind.
func (s *story) cloud(kind string) string {
	s.t.Helper()
	return s.request(http.MethodGet, kind)
}

// request asks the cloud's API, and returns what it answers.
func (s *story) request(method, path string) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.lab.Endpoint.API+"/v2/"+path, nil)
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+s.lab.Endpoint.Token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return string(body)
}
