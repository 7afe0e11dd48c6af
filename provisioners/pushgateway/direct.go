package pushgateway

import (
	"fmt"
	"strings"
)

// Paths in the container of a Pushgateway in the Direct form; WebConfig is also the monitor's.
const (
	WebConfig   = Folder + "/web.yml"
	Certificate = Folder + "/tls/tls.crt"
	Key         = Folder + "/tls/tls.key"
)

// Direct is a Pushgateway in a pod with TLS and basic auth of its own on every path, so that there is no proxy to bypass.
// All users have the same rights, so its scraper must not honor labels: then the job that was pushed is exported_job.
type Direct struct {
	Users []User
}

// Args are the command's arguments. It listens on every address of the pod.
func (d Direct) Args() []string {
	return []string{fmt.Sprintf("--web.listen-address=:%d", Port), "--web.config.file=" + WebConfig}
}

// WebConfig is the text of the file WebConfig, in the format of
// https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
func (d Direct) WebConfig() (string, error) {
	users, err := sorted(d.Users)
	if err != nil {
		return "", fmt.Errorf("pushgateway: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, webConfig, Certificate, Key)
	for _, user := range users {
		fmt.Fprintf(&b, "  %q: %q\n", user.Name, user.Hash)
	}
	return b.String(), nil
}

const webConfig = `tls_server_config:
  cert_file: %s
  key_file: %s
  min_version: TLS13
basic_auth_users:
`
