package e2e

import (
	"fmt"

	"github.com/stretchr/testify/assert"
)

// ownersPrometheus is Debian's package of Prometheus, where the monitor is to be.
type ownersPrometheus struct {
	files string // of the owner's, and their SHA-256
	then  string // when it had scraped itself
}

// moved is where the owner moves the one file that stands in promwire's way.
const moved = "/etc/prometheus/prometheus.yml.own"

// refusedPrometheus: it runs, so the machine is refused, and it runs on. The owner does as the message says: he removes the package, whose
// configuration and data stay, and moves its configuration away.
func refusedPrometheus(s *story) ownersPrometheus {
	const is = "systemctl show -P MainPID -P ActiveState -P UnitFileState prometheus; " +
		"find /etc/prometheus /etc/default/prometheus -type f -print0 | sort -z | xargs -0 sha256sum"
	var p ownersPrometheus
	s.eventually(func() (err error) {
		p.then, err = s.on("monitor-1", "date +%s && "+scraped("$(date +%s)"))
		return err
	})
	before := s.mustOn("monitor-1", is)
	s.edit(set("targets", []any{}))
	printed := s.upFails()
	s.edits = s.edits[:len(s.edits)-1]
	assert.Contains(s.t, printed, "promwire: monitor-1: converge: /etc/prometheus/prometheus.yml, /usr/lib/systemd/system/prometheus.service "+
		"(of a package to remove) exists already and is not promwire's; move it away, or leave this host out of the fleet")
	assert.Equal(s.t, before, s.mustOn("monitor-1", is))
	s.mustOn("monitor-1", "apt-get remove -qq -y prometheus && mv /etc/prometheus/prometheus.yml "+moved)
	p.files = s.mustOn("monitor-1", "find /etc/prometheus /etc/default/prometheus /var/lib/prometheus -type f -print0 | xargs -0 sha256sum")
	return p
}

// scraped succeeds if Prometheus on this machine had scraped itself at a time.
func scraped(at string) string {
	return fmt.Sprintf(`curl --silent --fail "http://127.0.0.1:9090/api/v1/query?query=up%%7Bjob=%%22prometheus%%22%%7D==1&time=%s" | grep -o '"value"' >&2`, at)
}

// stays: none of the owner's files is another one.
func (p ownersPrometheus) stays(s *story) {
	s.t.Helper()
	s.mustOn("monitor-1", "sha256sum --quiet --check <<'END'\n"+p.files+"\nEND")
}

// returns: the owner installs the package again, which runs at once and has what it had recorded.
func (p ownersPrometheus) returns(s *story) {
	s.t.Helper()
	s.mustOn("monitor-1", "mv "+moved+" /etc/prometheus/prometheus.yml && apt-get install -qq -y --no-install-recommends prometheus")
	s.eventually(func() error {
		_, err := s.on("monitor-1", "systemctl is-enabled prometheus && "+scraped(p.then))
		return err
	})
}
