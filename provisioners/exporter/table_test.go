package exporter

import (
	"regexp"
	"strings"
	"testing"
)

// TestTable: every row has all that a host and the monitor need, and no two rows conflict.
func TestTable(t *testing.T) {
	ports := map[int]string{}
	names := map[string]bool{}
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(e.Name) || names[e.Name] {
				t.Errorf("the name %q is not valid for a job, or another row has it", e.Name)
			}
			names[e.Name] = true
			if (e.Release == "") == (e.Package == "") {
				t.Error("it comes from a release or from a package")
			}
			for what, value := range map[string]string{
				"Sees": e.Sees, "Unit": e.Unit, "Program": e.Program, "User": e.User, "ListenFlag": e.ListenFlag, "CheckFlag": e.CheckFlag,
			} {
				if value == "" {
					t.Errorf("%s is missing", what)
				}
			}
			if strings.ContainsAny(e.Sees, ":\n") {
				t.Error("Sees is a part of its user's GECOS field, which a colon would end")
			}
			if (e.ConfigFile == "") != (e.Config == "") {
				t.Error("a configuration and its path need each other")
			}
			for _, port := range []int{e.Port, e.Port + TLSOffset} {
				if ports[port] != "" {
					t.Errorf("port %d is that of %s, too", port, ports[port])
				}
				ports[port] = e.Name
			}
		})
	}
	if len(names) < 8 {
		t.Errorf("only %d exporters", len(names))
	}
	if strings.Contains(strings.Join(ForTargets(), " "), Blackbox) || !strings.Contains(strings.Join(ForTargets(), " "), Node) {
		t.Errorf("targets can have %v", ForTargets())
	}
	if _, err := Find("nothing"); err == nil || !strings.Contains(err.Error(), "postgres") {
		t.Errorf("an unknown exporter: %v; want a list of all", err)
	}
}

func TestParseProbe(t *testing.T) {
	for text, want := range map[string]Probe{
		"https://example.net/health?a=b": {URL: "https://example.net/health?a=b", Module: "http", Target: "https://example.net/health?a=b"},
		"http://198.51.100.7:8080":       {URL: "http://198.51.100.7:8080", Module: "http", Target: "http://198.51.100.7:8080"},
		"tcp://example.net:5432":         {URL: "tcp://example.net:5432", Module: "tcp", Target: "example.net:5432"},
		"tls://[2001:db8::1]:993":        {URL: "tls://[2001:db8::1]:993", Module: "tls", Target: "[2001:db8::1]:993"},
		"icmp://[2001:db8::1]":           {URL: "icmp://[2001:db8::1]", Module: "icmp", Target: "2001:db8::1"},
		"icmp://example.net":             {URL: "icmp://example.net", Module: "icmp", Target: "example.net"},
	} {
		if got, err := ParseProbe(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                            "is not a URL to probe",
		"example.net":                 "is not a URL to probe",
		"ftp://example.net":           "is not a URL to probe",
		"https://":                    "is not a URL to probe",
		"https://a:secret@b.net":      "has a user or password",
		"tcp://example.net":           "needs a host and a port only",
		"tls://example.net:1/x":       "needs a host and a port only",
		"icmp://example.net:7":        "needs a host only",
		"https://example.net\x00evil": "is not a URL to probe",
	} {
		if got, err := ParseProbe(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v; want %q", text, got, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}
