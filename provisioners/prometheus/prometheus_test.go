package prometheus

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	self := Labels{Name: "watcher", Role: RoleMonitor}
	for _, c := range []struct {
		name      string
		s         Server
		has, hasn []string
	}{
		{"all", Server{self, 15 * time.Second, 15 * 24 * time.Hour, "8GB"},
			[]string{"scrape_interval: 15s\n  scrape_timeout: 10s\n  evaluation_interval: 15s\n", "      time: 15d\n      size: 8GB\n"}, nil},
		{"often", Server{self, 2 * time.Second, 36 * time.Hour, ""},
			[]string{"scrape_interval: 2s\n  scrape_timeout: 2s\n", "      time: 1d12h\n"}, []string{"size:"}},
		{"kept for ever", Server{self, time.Minute, 0, ""}, []string{"scrape_interval: 1m\n"}, []string{"storage:", "retention"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.s.Render()
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in:\n%s", part, text)
				}
			}
			for _, part := range c.hasn {
				if strings.Contains(text, part) {
					t.Errorf("%q is in:\n%s", part, text)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	labels := Labels{Name: "node-1", Region: "lon1", Role: RoleTarget, Own: map[string]string{
		"name": "somebody else", "quote": `a"b'c<&>` + "\nEND\n",
	}}
	for address, want := range map[string]string{"10.98.0.2": "10.98.0.2:9100", "fd98::2": "[fd98::2]:9100"} {
		text := Target(labels, netip.MustParseAddr(address), 9100)
		var groups []struct {
			Targets []string
			Labels  map[string]string
		}
		if err := json.Unmarshal([]byte(text), &groups); err != nil {
			t.Fatal(err)
		}
		if len(groups) != 1 || len(groups[0].Targets) != 1 || groups[0].Targets[0] != want {
			t.Errorf("%s: %+v", address, groups)
		}
		got := groups[0].Labels
		if got["name"] != "node-1" || got["region"] != "lon1" || got["role"] != "target" || got["quote"] != labels.Own["quote"] {
			t.Errorf("%s: %v", address, got)
		}
		if strings.Contains(text, "\nEND\n") {
			t.Error("a label's value can end a here-document")
		}
	}
	if labels.Own["name"] != "somebody else" {
		t.Error("rendering changed the caller's labels")
	}
}
