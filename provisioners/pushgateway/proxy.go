package pushgateway

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// ProxyPort is TCP: where the proxy listens, on the pod's addresses, by TLS.
	ProxyPort = 8443
	// ReadyPort is TCP: where the proxy answers GET /-/ready, on loopback, once the Pushgateway behind it is ready.
	ReadyPort = 8081

	// NginxConf, Htpasswd and ProxyCertificate are paths in the container of the proxy, nginx.
	NginxConf        = "/etc/nginx/nginx.conf"
	Htpasswd         = "/etc/nginx/htpasswd"
	ProxyCertificate = "/etc/nginx/tls/tls.crt"
	// Scratch is the only folder where nginx writes.
	Scratch = "/run/nginx"
)

//go:embed nginx.conf
var nginxConf string

// Proxy is nginx in the pod of a Pushgateway that listens only on loopback. It separates the right to push from the right to scrape:
// a pusher puts, posts and deletes below /metrics/job/ITS-NAME, so that the job is forced, and a scraper gets /metrics.
type Proxy struct {
	Pushers  []User
	Scrapers []User
}

// Args are the arguments of the Pushgateway's command, behind the proxy.
func (p Proxy) Args() []string { return []string{"--web.listen-address=" + at(loopback, Port)} }

// NginxConf is the text of the file NginxConf. It has names, and no hash.
func (p Proxy) NginxConf() (string, error) {
	if _, err := p.users(); err != nil {
		return "", err
	}
	return strings.Replace(nginxConf, roles, role("pusher", p.Pushers)+role("scraper", p.Scrapers), 1), nil
}

// Htpasswd is the text of the file Htpasswd.
func (p Proxy) Htpasswd() (string, error) {
	users, err := p.users()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, user := range users {
		fmt.Fprintf(&b, "%s:%s\n", user.Name, user.Hash)
	}
	return b.String(), nil
}

func (p Proxy) users() ([]User, error) {
	users, err := sorted(slices.Concat(p.Pushers, p.Scrapers))
	if err != nil {
		return nil, fmt.Errorf("pushgateway's proxy: %w", err)
	}
	return users, nil
}

// roles is the line in the file that the users replace.
const roles = "        # (users)\n"

// role are the lines that give users a role, sorted. They are regular expressions because nginx compares other words without case.
func role(name string, users []User) string {
	lines := make([]string, len(users))
	for i, user := range users {
		lines[i] = fmt.Sprintf("        \"~^%s$\" %s;\n", regexp.QuoteMeta(user.Name), name)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
