package prometheus

import (
	"fmt"
	"strings"
)

// Cause is why a target does not answer: the label cause of the alert TargetDown.
type Cause struct {
	Word  string // as provisioners/scripts/cause.sh and causes.sh print it
	Means string // what it means and where to look: the end of a sentence, in Markdown
}

// Causes are all of them, those that concern a whole host first.
func Causes() []Cause {
	return []Cause{
		{"tunnel", "nothing comes through its tunnel: the host is off, its network is, or its tunnel; `systemctl status wg-quick@promwire0` there"},
		{"hub", "the monitor hears nothing of the hub, and this host is behind it; see the alert HubDown"},
		{"unreachable", "the monitor has no way to the host's address; `ip route get` on the monitor"},
		{"name", "the monitor can't resolve the host's name"},
		{"clock", "the clocks of host and monitor differ, so a certificate seems expired, or not valid yet; `timedatectl set-ntp true`"},
		{"filtered", "the host drops the packets to this port; `nft list ruleset` there"},
		{"mtu", "small answers arrive and large ones do not; set `mtu: 1280` for this host"},
		{"refused", "the host answers, and nothing listens at the port: the exporter has stopped; `systemctl status` of its unit there"},
		{"hanging", "something accepts the connection and does not answer; `journalctl` of the exporter's unit there"},
		{"relay", "the host's relay works, and what is behind it does not; `systemctl status` of the exporter's unit there"},
		{"certificate", "host and monitor do not trust each other's certificates; `pulumi up`"},
		{"other", "what answers at the port has no metrics, such as another program; `ss -ltnp` there"},
		{"limits", "it answers more than `monitor.prometheus.limits` admits"},
		{"unscraped", "it answers the monitor, and Prometheus still does not scrape it; `journalctl -u prometheus` on the monitor"},
	}
}

// explained is the template of a sentence on the label cause, for an annotation in single quotes.
func explained() string {
	var b strings.Builder
	b.WriteString("{{ with $labels.cause }}")
	begin := "if"
	for _, c := range Causes() {
		fmt.Fprintf(&b, "{{ %s eq . \"%s\" }}%s", begin, c.Word, c.Means)
		begin = "else if"
	}
	b.WriteString("{{ else }}{{ . }}{{ end }}{{ else }}" +
		"{{ if eq $labels.role \"monitor\" }}it is the monitor's own; `systemctl status` of its unit there{{ else }}not known yet{{ end }}{{ end }}")
	return strings.ReplaceAll(b.String(), "'", "''")
}
