package plan

import (
	"fmt"

	"github.com/promwire/promwire/provisioners/cause"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// namesCauses is what says why a target does not answer.
func (v MonitorValues) namesCauses() []call {
	url := fmt.Sprintf("%s://127.0.0.1:%d", v.Web.Scheme(), prometheus.Port)
	return []call{
		putText("causes", cause.Path, "755", "bash", "-n"),
		do("record", "file", cause.Metrics),
		unit(cause.Service, cause.Unit(url, v.Web.User, v.Hub, v.peers())),
		unit(cause.Timer, cause.TimerUnit()),
		do("reread", cause.Service),
		do("service", cause.Timer),
	}
}
