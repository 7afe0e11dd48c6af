package plan

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/release"
)

// alertmanagerMB is the disk space for its archive and contents, in MB, with a margin.
const alertmanagerMB = 160

func (v MonitorValues) checkAlertmanager() error {
	if v.Alertmanager == nil {
		return nil
	}
	return v.Releases.Alertmanager.Check()
}

// alertmanagerAt is where Prometheus sends alerts.
func (v MonitorValues) alertmanagerAt() string {
	if v.Alertmanager == nil {
		return ""
	}
	return alertmanager.At
}

func (v MonitorValues) alertmanagerFiles() []call {
	if v.Alertmanager == nil {
		return nil
	}
	return join(
		install(v.Releases.Mirror, v.Releases.Alertmanager, alertmanagerMB, alertmanager.Name, "amtool"),
		user(alertmanager.Name, "Alertmanager"),
		[]call{
			do("dir", alertmanager.Folder, "755"),
			do("dir", alertmanager.Data, "750", alertmanager.Name),
			do("alertmanager_login"),
			put(alertmanager.Config, "640:root:"+alertmanager.Name, v.Alertmanager.Text, "amtool", "check-config"),
			unit(alertmanager.Service, alertmanager.Unit(v.AlertmanagerURL)),
		})
}

// alertmanagerRuns starts it before Prometheus sends it alerts.
func (v MonitorValues) alertmanagerRuns() []call {
	if v.Alertmanager == nil {
		return nil
	}
	return []call{
		do("service", alertmanager.Service, release.Binaries+"/"+alertmanager.Name, alertmanager.WebConfig),
		do("reload", alertmanager.Service, alertmanager.Config),
		do("alertmanager_answers"),
		do("prune", alertmanager.Name, v.Releases.Alertmanager.Version),
	}
}

func (v MonitorValues) alertmanagerEnds() []call {
	if v.Alertmanager != nil {
		return nil
	}
	return []call{do("remove_alertmanager")}
}

// AlertingValues are what the secrets of a monitor's receivers depend on.
type AlertingValues struct {
	Host          string // name of the monitor
	Configuration alertmanager.Configuration
	Secrets       map[string]string // values by name, of all that the Configuration reads
	Test          bool              // whether an alert must arrive
}

// Alerting is the script that gives Alertmanager its secrets, and tests that an alert arrives. It is a secret. The monitor must have
// converged. Another Configuration is another script, so that it is tested again.
func Alerting(v AlertingValues) string {
	calls := append([]call{use(v.Host, "alerting")}, give(alertmanager.Secrets, alertmanager.Name, v.Configuration.Secrets, v.Secrets)...)
	if v.Test {
		calls = append(calls, do(append([]string{"alert_arrives"}, v.Configuration.Delivery.Words()...)...))
	}
	sum := sha256.Sum256([]byte(v.Configuration.Text))
	return script("alerts go out, by the configuration "+hex.EncodeToString(sum[:6]), head, function{apply, append(calls, do("receipt", ""))})
}
