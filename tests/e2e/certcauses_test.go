package e2e

import (
	"bytes"
	"fmt"

	"github.com/stretchr/testify/assert"
)

// finds waits until a query of the monitor's Prometheus, which may ask for a password, finds something.
func (s *story) finds(promql string) {
	s.t.Helper()
	s.eventually(func() error {
		said, err := s.lab.Query(s.t.Context(), s.machine("monitor-1"), promql)
		if err == nil && !bytes.Contains(said, []byte(`"value"`)) {
			err = fmt.Errorf("nothing is %s", promql)
		}
		return err
	})
}

// causesByCertificates: the monitor asks its Prometheus with a password, by TLS, and its targets with its certificate, and says of each that is down
// why: one exporter has stopped, at another's port is somebody with a certificate of his own, and a third shows one that the monitor's
// clock says is not valid yet.
func causesByCertificates(s *story) {
	const (
		stop  = "systemctl stop node_exporter-tls.socket node_exporter-tls.service"
		early = `cd ` + impostorFolder + ` && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=early -keyout early.key 2>/dev/null |
			openssl x509 -req -CA $a/certificate.pem -CAkey $a/key.pem -not_before 20990101000000Z -not_after 20991231000000Z -out early.pem 2>/dev/null`
		impostor = `%s; umask 077; cat >/run/e2e-pair <<'END'
%s
END
systemd-run --quiet --collect --unit e2e-squat openssl s_server -accept %s:19100 -www -cert /run/e2e-pair -key /run/e2e-pair`
	)
	s.impostors()
	s.mustOn("monitor-1", "a=/etc/promwire/authority/1; "+early)
	s.fault("an exporter stopped, and two others' certificates wrong", "at rest", named, func() {
		s.mustOn("node-1", stop)
		for host, pair := range map[string]string{"node-2": "early", direct: "stranger"} {
			text := s.mustOn("monitor-1", fmt.Sprintf("cat %[1]s/%[2]s.pem %[1]s/%[2]s.key", impostorFolder, pair))
			s.mustOn(host, fmt.Sprintf(impostor, stop, text, s.scraped()[host]))
		}
	}, func() {
		for host, cause := range map[string]string{"node-1": "refused", "node-2": "clock", direct: "certificate"} {
			s.finds(fmt.Sprintf(`promwire_target_cause{name="monitor-1",host=%q,exported_job="node",cause=%q}`, host, cause))
		}
	})
	said := s.mustOn("monitor-1", "journalctl --boot --unit promwire-causes --output cat")
	for _, line := range []string{
		"node-1/node: exporter: connection refused",
		"node-2/node: certificate: the host's is not valid yet by the monitor's clock",
		direct + "/node: certificate: no authority that the monitor trusts signed the host's",
	} {
		assert.Contains(s.t, said, line)
	}
	for _, host := range []string{"node-1", "node-2", direct} {
		s.mustOn(host, "if [ -e /run/e2e-pair ]; then systemctl stop e2e-squat; rm /run/e2e-pair; fi; systemctl start node_exporter-tls.socket")
	}
	s.allUp(s.scraped())
	s.finds(`absent(promwire_target_cause)`)
}
