package plan

import (
	"errors"
	"slices"

	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/release"
)

// pushgatewayMB is the disk space for its archive and contents, in MB, with a margin.
const pushgatewayMB = 64

func (v MonitorValues) checkJobs() error {
	if len(v.Jobs) == 0 {
		return nil
	}
	err := v.Releases.Pushgateway.Check()
	for _, job := range v.Jobs {
		err = errors.Join(err, pushgateway.CheckName(job))
		if job == pushgateway.Scraper {
			err = errors.Join(err, errors.New("jobs: prometheus is the user that scrapes, not a batch job"))
		}
	}
	return err
}

func (v MonitorValues) pushgateway() pushgateway.Host {
	return pushgateway.Host{Own: v.Tunnel.Addresses, Networks: v.Tunnel.Networks}
}

// pushRules open the Pushgateway to the tunnel: only the monitor's peers can send packets through it.
func (v MonitorValues) pushRules() []nftables.Rule {
	if len(v.Jobs) == 0 {
		return nil
	}
	return nftables.TCP(nftables.Inside, v.Tunnel.Networks, pushgateway.Port)
}

// pushed is what Prometheus scrapes from it.
func (v MonitorValues) pushed() *prometheus.Pushed {
	if len(v.Jobs) == 0 {
		return nil
	}
	return &prometheus.Pushed{At: v.pushgateway().At(), Jobs: v.jobs()}
}

func (v MonitorValues) pushgatewayFiles() []call {
	if len(v.Jobs) == 0 {
		return nil
	}
	return join(
		install(v.Releases.Mirror, v.Releases.Pushgateway, pushgatewayMB, pushgateway.Name),
		user(pushgateway.Name, "Pushgateway"),
		[]call{
			do(append([]string{"pushers"}, v.jobs()...)...),
			unit(pushgateway.Service, v.pushgateway().Unit()),
		})
}

// pushgatewayRuns starts it before Prometheus scrapes it, or removes it afterwards.
func (v MonitorValues) pushgatewayRuns() []call {
	if len(v.Jobs) == 0 {
		return nil
	}
	return []call{
		do("service", pushgateway.Service, release.Binaries+"/"+pushgateway.Name),
		do("pushgateway_answers", v.pushgateway().At()),
		do("prune", pushgateway.Name, v.Releases.Pushgateway.Version),
	}
}

func (v MonitorValues) pushgatewayEnds() []call {
	if len(v.Jobs) > 0 {
		return nil
	}
	return []call{do("remove_pushgateway")}
}

// jobs are sorted, so that their order changes nothing on the host.
func (v MonitorValues) jobs() []string { return slices.Sorted(slices.Values(v.Jobs)) }
