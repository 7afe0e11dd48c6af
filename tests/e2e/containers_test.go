package e2e

import (
	"context"
	"fmt"
	"slices"
)

// Ports that real Docker publishes: Docker alone on its host, beside ufw, and beside firewalld.

// publishedPorts are those of containers: 8080 is open to everybody, 8081 is not under open, 8082 is open to containers of Docker's own bridge,
// 8083 to who comes by the uplink, and 8084 to containers of other bridges. What containers ask the host for, Docker's proxy on the host answers.
var publishedPorts = []int{8080, 8081, 8082, 8083, 8084}

// publishedObey: containers that come later publish ports, by IPv4 and IPv6. These are open as open says, and to nobody else.
func publishedObey(s *story) {
	const late = "docker run --detach --restart always --name late --publish 8081:80 --publish 8082:80 --publish 8083:80 container /bin/busybox httpd -f -h /"
	s.mustOn("cache-1", late)
	s.mustOn("monitor-1", late)
	s.mustOn("db-1", late+" && docker network create apps && "+
		"docker run --detach --restart always --name app --network apps --publish 8084:80 container /bin/busybox httpd -f -h /")
	s.publishedObeys()
}

// removeContainers leaves only the first one. Docker starts again, so that it has its former address.
func removeContainers(s *story) {
	for _, host := range []string{"cache-1", "monitor-1"} {
		s.mustOn(host, "docker rm --force late && systemctl restart docker")
	}
	s.mustOn("db-1", "docker rm --force late app && docker network rm apps && systemctl restart docker")
}

// containersRun waits until they do again.
func (s *story) containersRun() {
	s.t.Helper()
	for host, names := range map[string]string{"db-1": "app late shop", "cache-1": "late shop", "monitor-1": "late shop"} {
		s.eventually(func() error {
			printed, err := s.on(host, "docker ps --filter status=running --format '{{.Names}}' | sort | xargs")
			if err == nil && printed != names {
				err = fmt.Errorf("%s: %q run, wanted %q", host, printed, names)
			}
			return err
		})
	}
}

// publishedObeys tries all the ports from everywhere: from outside, from the host itself, and from its containers.
func (s *story) publishedObeys() {
	s.t.Helper()
	s.publishedBesideUFW()
	s.publishedBesideFirewalld()
	v4, v6 := tcps(s.address("db-1"), publishedPorts...), tcps(s.address6("db-1"), publishedPorts...)
	open4, open6 := tcps(s.address("db-1"), 8080, 8083), tcps(s.address6("db-1"), 8080, 8083)
	both, open := slices.Concat(v4, v6), slices.Concat(open4, open6)
	s.reaches("db-1", s.host("db-1"), both, both)
	checks := []func() error{
		func() error { return s.holds("cache-1, which has no IPv6", s.host("cache-1"), v4, open4) },
		func() error {
			return s.holds("a container of db-1", s.container("db-1", "late"), v4, tcps(s.address("db-1"), 8080, 8082))
		},
		func() error {
			return s.holds("a container of db-1 in a network of its own", s.container("db-1", "app"), v4, tcps(s.address("db-1"), 8080, 8084))
		},
	}
	for by, from := range map[string]where{"operator": here, "router": s.router, "web-1": s.host("web-1"), "monitor-1": s.host("monitor-1")} {
		checks = append(checks, func() error { return s.holds(by, from, both, open) })
	}
	s.eventually(func() error { return together(checks) })
}

// publishedBesideUFW: cache-1 has another firewall, too. What containers ask the host for needs both: ufw admits them to 8082 only, promwire to
// 8080 as well. Nobody but the router has a way there.
func (s *story) publishedBesideUFW() {
	s.t.Helper()
	all := tcps(s.address("cache-1"), publishedPorts[:4]...)
	s.reaches("cache-1", s.host("cache-1"), all, all)
	s.eventually(func() error {
		return together([]func() error{
			func() error { return s.holds("router", s.router, all, tcps(s.address("cache-1"), 8080, 8083)) },
			func() error {
				return s.holds("a container of cache-1", s.container("cache-1", "late"), all, tcps(s.address("cache-1"), 8082))
			},
		})
	})
}

// publishedBesideFirewalld: Docker has its bridges in a zone of firewalld's that admits all. By IPv6 its proxy answers on the host itself,
// where firewalld drops what comes from outside.
func (s *story) publishedBesideFirewalld() {
	s.t.Helper()
	v4 := tcps(s.address("monitor-1"), publishedPorts[:4]...)
	both, open := append(tcps(s.address6("monitor-1"), publishedPorts[:4]...), v4...), tcps(s.address("monitor-1"), 8080)
	s.reaches("monitor-1", s.host("monitor-1"), both, both)
	checks := []func() error{
		func() error { return s.holds("a container of monitor-1", s.container("monitor-1", "late"), v4, open) },
	}
	for by, from := range map[string]where{"operator": here, "router": s.router, "web-1": s.host("web-1")} {
		checks = append(checks, func() error { return s.holds(by, from, both, open) })
	}
	s.eventually(func() error { return together(checks) })
}

// container is a place: what runs there has the container's network, and the host's files.
func (s *story) container(host, name string) where {
	const enter = `exec nsenter --net --target "$(docker inspect --format '{{.State.Pid}}' "$0")" -- "$@"`
	return func(ctx context.Context, command ...string) ([]byte, error) {
		return s.host(host)(ctx, append([]string{"bash", "-c", enter, name}, command...)...)
	}
}

func tcps(address string, ports ...int) []end {
	var all []end
	for _, port := range ports {
		all = append(all, tcp(address, port))
	}
	return all
}
