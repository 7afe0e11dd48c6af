package alertmanager

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/provisioners/secrets"
)

// Test is the alert that an update raises to see that the receiver gets it.
const Test = "PromwireTest"

// grouped is how alerts become one notification, where the operator says nothing: what is wrong in one region is one.
var grouped = []any{"alertname", "region"}

// inhibited is what is not sent, where the operator says nothing: what else is wrong with a host that is down, and that hosts are down because
// the hub is.
var inhibited = []any{
	map[string]any{
		"source_matchers": []any{`alertname="TargetDown"`, `job="node"`, `role="target"`},
		"target_matchers": []any{`alertname!="TargetDown"`},
		"equal":           []any{"name"},
	},
	map[string]any{
		"source_matchers": []any{`alertname="HubDown"`},
		"target_matchers": []any{`alertname="TargetDown"`, `cause="hub"`},
	},
}

// A Configuration is Alertmanager's, checked by its own loader. The zero value is none.
type Configuration struct {
	Text      string   // alertmanager.yml
	Secrets   []string // names of the secrets that it reads, sorted
	Delivery  Delivery // of an alert that no route is for
	Heartbeat bool     // whether it has a Heartbeat, which needs a rule
}

// Delivery is how an alert arrives: at a receiver, by integrations of several kinds.
type Delivery struct {
	Receiver     string
	Integrations map[string]int // how many of each, by the name that metrics have, such as webhook
}

// Watchdog is the alert that is always there, as long as scraping, rules and alerting work.
const Watchdog = "Watchdog"

// Heartbeat is an outside service that is called as long as Watchdog is there.
type Heartbeat struct {
	Secret   string        // name of the secret that is its URL
	Interval time.Duration // of the calls, in whole seconds
}

// Complete makes a Configuration of what the operator wrote in Alertmanager's own terms: it groups and inhibits, unless he says how, has
// a route for Test, and one for heartbeat unless that is nil. Errors say where.
func Complete(own map[string]any, heartbeat *Heartbeat) (Configuration, error) {
	whole := maps.Clone(own)
	route, is := whole["route"].(map[string]any)
	if !is {
		return Configuration{}, errors.New("route: missing: say which receiver gets the alerts, such as {receiver: ops}")
	}
	route = maps.Clone(route)
	if _, said := route["group_by"]; !said {
		route["group_by"] = grouped
	}
	if _, said := whole["inhibit_rules"]; !said {
		whole["inhibit_rules"] = inhibited
	}
	first := []any{tested(route["receiver"])}
	if heartbeat != nil {
		receivers, _ := whole["receivers"].([]any)
		whole["receivers"] = append(slices.Clone(receivers), heartbeat.receiver())
		first = append(first, heartbeat.route())
	}
	routes, _ := route["routes"].([]any)
	route["routes"] = append(first, routes...)
	whole["route"] = route
	text, err := yaml.Marshal(whole)
	if err != nil {
		return Configuration{}, err
	}
	loaded, err := config.Load(string(text))
	if err != nil {
		return Configuration{}, fmt.Errorf("not accepted by Alertmanager: %w", err)
	}
	if err := secretless(own, loaded); err != nil {
		return Configuration{}, err
	}
	return Configuration{
		Text: string(text), Secrets: Secrets.Names(whole), Delivery: delivery(own, loaded.Route.Receiver), Heartbeat: heartbeat != nil,
	}, nil
}

// tested is the route of the alert Test: at once, and alone.
func tested(receiver any) map[string]any {
	return map[string]any{
		"receiver": receiver, "matchers": []any{`alertname="` + Test + `"`},
		"group_by": []any{"alertname", "run"}, "group_wait": "0s", "group_interval": "10s",
	}
}

// beating is the receiver of a Heartbeat.
const beating = "promwire-heartbeat"

func (h Heartbeat) receiver() map[string]any {
	return map[string]any{"name": beating, "webhook_configs": []any{
		map[string]any{"url_file": Secrets.File(h.Secret), "send_resolved": false},
	}}
}

// route sends Watchdog once in an interval. It is due again before the next one, even if the service takes a while to answer: otherwise each second
// call would be left out.
func (h Heartbeat) route() map[string]any {
	return map[string]any{
		"receiver": beating, "matchers": []any{`alertname="` + Watchdog + `"`}, "group_by": []any{"alertname"}, "group_wait": "0s",
		"group_interval": model.Duration(h.Interval).String(), "repeat_interval": model.Duration(h.Interval / 2).String(),
	}
}

// inState is why a configuration must have no secret.
const inState = "and the configuration is in the stack's state and in previews"

// secretless reports secrets in clear text. Alertmanager's own types know which values are secret, and print none of them; all but passwords in
// other URLs.
func secretless(own map[string]any, loaded *config.Config) error {
	var printed any
	if err := yaml.Unmarshal([]byte(loaded.String()), &printed); err != nil {
		return err
	}
	var found []error
	secrets.Each("", printed, func(at, key, value string) {
		if value != "<secret>" {
			return
		}
		found = append(found, fmt.Errorf("%s: is a secret, %s; set it with `pulumi config set --secret --path promwire:secrets.NAME`, and write "+
			"in its place the key that reads a file, such as %s_file: %s", at, inState, key, Secrets.File("NAME")))
	})
	secrets.Each("", own, func(at, _, value string) {
		if u, err := url.Parse(value); err == nil && u.Host != "" && u.User != nil {
			if _, has := u.User.Password(); has {
				found = append(found, fmt.Errorf("%s: has a password in its URL, %s; leave it out", at, inState))
			}
		}
	})
	return errors.Join(found...)
}

// delivery counts what a receiver sends.
func delivery(own map[string]any, receiver string) Delivery {
	d := Delivery{Receiver: receiver, Integrations: map[string]int{}}
	receivers, _ := own["receivers"].([]any)
	for _, r := range receivers {
		r, _ := r.(map[string]any)
		if r["name"] != receiver {
			continue
		}
		for key, list := range r {
			integration, is := strings.CutSuffix(key, "_configs")
			if all, ok := list.([]any); is && ok && len(all) > 0 {
				d.Integrations[integration] = len(all)
			}
		}
	}
	return d
}

// Words are the Delivery in a script: the receiver, then integration=number, sorted.
func (d Delivery) Words() []string {
	words := []string{d.Receiver}
	for _, integration := range slices.Sorted(maps.Keys(d.Integrations)) {
		words = append(words, fmt.Sprintf("%s=%d", integration, d.Integrations[integration]))
	}
	return words
}
