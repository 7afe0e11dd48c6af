package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/port"
)

// ofGrafana finds lines of docs/grafana.md that are indented as code.
func (s *story) ofGrafana(lines string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana.md"))
	require.NoError(s.t, err)
	found := regexp.MustCompile(`(?m)^ +(` + lines + `)$`).FindSubmatch(text)
	require.NotNil(s.t, found, lines)
	return string(found[1])
}

// grafanaConf is the file of sshd's that says what the user may.
const grafanaConf = "/etc/ssh/sshd_config.d/grafana.conf"

// grafanaReaches: the key of docs/grafana.md leads to the monitor's Prometheus, and to nothing else: it is no login, and listens nowhere.
func grafanaReaches(s *story) {
	key := filepath.Join(s.t.TempDir(), "key")
	require.NoError(s.t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).Run())
	public, err := os.ReadFile(key + ".pub")
	require.NoError(s.t, err)
	_, err = s.ssh("monitor-1", s.ofGrafana(`restrict,\S+`)+" "+string(public), "useradd --create-home --shell /bin/bash grafana && "+
		"install -d -o grafana -m 700 ~grafana/.ssh && install -o grafana -m 600 /dev/stdin ~grafana/.ssh/authorized_keys")
	require.NoError(s.t, err)
	_, err = s.ssh("monitor-1", s.ofGrafana(`Match User grafana(?:\n {8}\S.*)+`), "cat >"+grafanaConf+" && systemctl restart ssh")
	require.NoError(s.t, err)

	s.grafanaForwards(key)
	_, alias := s.sshConfig("monitor-1")
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	for does, says := range map[string]string{
		"%s id":                             "", // what the forced command says is on standard output
		"-s %s sftp":                        "",
		"-N -R 127.0.0.1:19999:[::1]:1 %s":  "remote port forwarding failed",
		"-N -R 127.0.0.1:1:[::1]:1 %s":      "remote port forwarding failed",
		"-N -R /var/tmp/grafana:[::1]:1 %s": "remote port forwarding failed",
		"-W 127.0.0.1:22 %s":                "administratively prohibited",
		"-W 127.0.0.1:9093 %s":              "administratively prohibited",
	} {
		said, err := output(s.printed(ctx, "ssh -l grafana -i "+key+" -o ExitOnForwardFailure=yes "+fmt.Sprintf(does, alias)))
		require.NoError(s.t, ctx.Err(), "it may: %s", does)
		require.ErrorContains(s.t, err, says, does)
		assert.NotContains(s.t, string(said), "uid=", does)
	}
	s.mustOn("monitor-1", "rm "+grafanaConf+" && systemctl restart ssh && userdel --force --remove grafana 2>&1")
}

// grafanaForwards runs the line of the service on Grafana's machine until Prometheus has answered there.
func (s *story) grafanaForwards(key string) {
	s.t.Helper()
	free, err := port.Free()
	require.NoError(s.t, err)
	line := strings.NewReplacer("ssh ", "ssh -i "+key+" ", "-L 9090:", fmt.Sprintf("-L 127.0.0.1:%d:", free), "MONITOR", s.address("monitor-1")).
		Replace(s.ofGrafana(`ssh .*grafana@MONITOR`))
	ctx, cancel := context.WithCancel(s.t.Context())
	forward := s.printed(ctx, "exec "+line)
	require.NoError(s.t, forward.Start())
	defer func() {
		cancel()
		_ = forward.Wait()
	}()
	s.eventually(func() error {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/-/ready", free))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", line, response.Status)
		}
		return nil
	})
}
