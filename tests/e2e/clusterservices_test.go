package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/tests/lab/clusters"
)

// node is the address that a cluster's node has in the cloud's network.
func (c cluster) node() netip.Addr {
	c.t.Helper()
	all, err := clusters.List(c.lab.Folder)
	require.NoError(c.t, err)
	for _, known := range all {
		if known.Name == c.name {
			return known.Address
		}
	}
	require.Fail(c.t, "no cluster", c.name)
	return netip.Addr{}
}

// throughTunnel does what the output "clusters" prints: its first part runs until the work is done, its second one has more added.
func (s *story) throughTunnel(name, args string) string {
	s.t.Helper()
	line := ""
	for _, row := range s.output("clusters").([]any) {
		if row := row.(map[string]any); row["name"] == name {
			line = row["kubectl"].(string)
		}
	}
	forward, kubectl, found := strings.Cut(line, "; ")
	require.True(s.t, found, line)
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	ssh := s.printed(ctx, forward)
	session, err := ssh.StdinPipe() // the session goes on as long as it is open
	require.NoError(s.t, err)
	defer session.Close()
	require.NoError(s.t, ssh.Start())
	defer ssh.Wait()
	defer cancel()
	var out []byte
	s.eventually(func() error {
		out, err = output(s.printed(ctx, kubectl+" "+args))
		return err
	})
	return strings.TrimSpace(string(out))
}

// passwords are those of cluster a's Pushgateway, by user.
func (s *story) passwords() map[string]string {
	s.t.Helper()
	byUser := map[string]string{}
	gateway := s.output("pushgateways").(map[string]any)["a"].(map[string]any)
	for user, password := range gateway["passwords"].(map[string]any) {
		byUser[user] = password.(string)
	}
	return byUser
}

// push is curl in a pod, at the Pushgateway's Service. It returns the HTTP status, "000" of no answer.
func (c cluster) push(pod netip.Addr, path string, args ...string) string {
	c.t.Helper()
	gateway := c.output("pushgateways").(map[string]any)["a"].(map[string]any)
	url := gateway["url"].(string)
	at, _ := strings.CutPrefix(url, "https://")
	service := c.ours("get", "service", "pushgateway", "-o", "jsonpath={.spec.clusterIP}")
	command := fmt.Sprintf("curl -s -o /dev/null -w '%%{http_code}' --connect-timeout 4 --max-time 10 --cacert <(echo '%s') --resolve %s:%s %s %s%s || true",
		gateway["certificate"], at, service, strings.Join(args, " "), url, path)
	out, err := c.inPod(pod, command)
	require.NoError(c.t, err)
	return out
}

// podsWatch: pods of one namespace ask the monitor's Prometheus, through the gateway and the tunnel, and no others do.
func podsWatch(s *story) {
	c := s.cluster("a")
	service := c.ours("get", "service", "to-monitor-1", "-o", "jsonpath={.spec.clusterIP}")
	asks := func(pod netip.Addr) string {
		out, err := c.inPod(pod, fmt.Sprintf("curl -s -g -o /dev/null -w '%%{http_code}' --connect-timeout 4 --max-time 10 'http://%s:9090/federate?match[]=up' || true", service))
		require.NoError(s.t, err)
		return out
	}
	assert.Equal(s.t, "200", asks(c.pod("batch", "stranger=job")))
	assert.Equal(s.t, "000", asks(c.pod("shop", "stranger=job")), "another namespace")
	assert.Equal(s.t, "000", asks(c.role(desired.RoleReflect)), "another pod of promwire's")
	assert.Contains(s.t, s.output("edges"), "[a/batch] -->|9090|")
}

// pushes: nobody pushes without a password, nobody another's job, nobody past the guard.
func pushes(s *story) {
	c := s.cluster("a")
	job := c.pod("batch", "stranger=job")
	data, forged := "--data-binary 'backup_bytes 42\n'", "--data-binary 'backup_bytes 13\n'"
	mine, scraper := "--user backup:"+s.passwords()["backup"], "--user prometheus:"+s.passwords()["prometheus"]
	for _, try := range []struct{ what, path, args, want string }{
		{"no password", "/metrics/job/backup", forged, "401"},
		{"a wrong one", "/metrics/job/backup", forged + " --user backup:wrong", "401"},
		{"its own job", "/metrics/job/backup", data + " " + mine, "200"},
		{"another's job", "/metrics/job/other", forged + " " + mine, "403"},
		{"another's job, encoded", "/metrics/job@base64/b3RoZXI", forged + " " + mine, "403"},
		{"reading as a job", "/metrics", mine, "403"},
		{"pushing as Prometheus", "/metrics/job/backup", forged + " " + scraper, "403"},
		{"reading without a password", "/metrics", "", "401"},
		{"reading as Prometheus", "/metrics", scraper, "200"},
	} {
		assert.Equal(s.t, try.want, c.push(job, try.path, try.args), try.what)
	}
	for what, pod := range map[string]netip.Addr{
		"another namespace": c.pod("shop", "stranger=job"), "another pod of the namespace": c.role(desired.RoleReflect),
	} {
		assert.Equal(s.t, "000", c.push(pod, "/metrics/job/backup", forged, mine), what)
	}
	// Around the guard: Pushgateway itself listens only on its pod's loopback.
	assert.Equal(s.t, fmt.Sprint(pushgateway.ProxyPort), s.listening(c.onNode, c.role(desired.RolePushgateway)), "scanned from the node")
	s.eventually(func() error {
		_, err := s.value(`job:push_time_seconds:min{cluster="a", exported_job="backup"}`)
		return err
	})
	// What was accepted, and nothing else, is what the cluster's own Prometheus has: by a scrape after the last push.
	pushed := time.Now().Unix()
	s.eventually(func() error {
		out, err := s.queryAt(s.tunnels()["a"], fmt.Sprintf(`{job="pushgateway", exported_job!=""} and on (job) timestamp(up{job="pushgateway"}) > %d`, pushed))
		if err == nil && out == "" {
			err = errors.New("not scraped since")
		}
		return err
	})
	out, err := s.queryAt(s.tunnels()["a"], `{job="pushgateway", exported_job!="", __name__!~"push_.*"}`)
	require.NoError(s.t, err)
	assert.Regexp(s.t, `^backup_bytes\{[^\n]*exported_job="backup"[^\n]*\} => 42 @[^\n]*$`, out)
}

// monitorPushgateway is one for hosts: only in the tunnel, with a password that was made on the monitor.
func monitorPushgateway(s *story) {
	s.edit(set("pushgateway", map[string]any{"enabled": true, "jobs": []any{"nightly"}}))
	s.up()
	at := s.tunnels()["monitor-1"] + ":9091"
	assert.Equal(s.t, at, strings.TrimPrefix(s.output("pushgateway").(map[string]any)["url"].(string), "http://"))
	password := s.mustOn("monitor-1", "cat /etc/pushgateway/nightly.password")
	push := func(host, user string) string {
		return s.code(host, "http://"+at+"/metrics/job/nightly", "--data-binary 'nightly_bytes 7\n'", user)
	}
	assert.Equal(s.t, "401", push("node-1", ""))
	assert.Equal(s.t, "401", push("node-1", "--user nightly:wrong"))
	assert.Equal(s.t, "200", push("node-1", "--user nightly:"+password))
	s.firewall([]string{"monitor-1"}, []int{9091}, map[string][]end{"node-1": {tcp(s.tunnels()["monitor-1"], 9091)}})
	s.eventually(func() error {
		bytes, err := s.value(`nightly_bytes{job="pushgateway", exported_job="nightly"}`)
		if err == nil && bytes != 7 {
			err = fmt.Errorf("pushed 7, read %v", bytes)
		}
		return err
	})
	assert.NotContains(s.t, s.state(), password)
	assertUnchanged(s.t, s.up())
	s.edit(func(fleet map[string]any) { delete(fleet, "pushgateway") })
	s.up()
	assert.Empty(s.t, s.mustOn("monitor-1", "ls -d /etc/pushgateway /var/lib/pushgateway /etc/systemd/system/pushgateway.service 2>/dev/null || true"))
}
