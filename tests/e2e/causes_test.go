package e2e

import "fmt"

// causesNamed: the monitor knows its peers by name, and says of each target that does not answer why.
func causesNamed(s *story) {
	const seen = `count(time() - promwire_peer_last_handshake_seconds{name="monitor-1",host=~"node-[123]"} < 180 and promwire_peer_receive_bytes_total > 0)`
	s.becomes(seen, 3)
	s.becomes(`sum(promwire_peers_unknown{name="monitor-1"})`, 0)
	s.becomes(`count(promwire_target_enrolled{name="monitor-1"})`, 3)
	broken := []struct{ host, stop, start, cause string }{
		{"node-1", "systemctl stop node_exporter.socket node_exporter.service", "systemctl start node_exporter.socket", "refused"},
		{
			"node-2", "systemctl stop promwire-watch.timer wg-quick@promwire0.service", "systemctl start wg-quick@promwire0.service promwire-watch.timer",
			"tunnel",
		},
	}
	s.fault("an exporter stopped, and another target's tunnel", "at rest", named, func() {
		for _, b := range broken {
			s.mustOn(b.host, b.stop)
		}
	}, func() {
		for _, b := range broken {
			s.becomes(fmt.Sprintf(`count(promwire_target_cause{name="monitor-1",host=%q,exported_job="node",cause=%q})`, b.host, b.cause), 1)
			s.becomes(fmt.Sprintf(`count(ALERTS{alertname="TargetDown",alertstate="firing",name=%q,job="node",cause=%q})`, b.host, b.cause), 1)
		}
	})
	s.becomes(`count(ALERTS{alertname="TargetDown",alertstate="firing"})`, 2)
	for _, b := range broken {
		s.mustOn(b.host, b.start)
	}
	s.becomes(`count(up{role="target"} == 1)`, 3)
	s.nothingDrifts()
	s.becomes(`count(promwire_target_cause) or vector(0)`, 0)
}
