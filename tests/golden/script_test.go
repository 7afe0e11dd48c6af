package golden

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/systemd"
)

// packed is a text that travels packed, as a script has it.
var packed = regexp.MustCompile(`base64 --decode <<'END' \| gzip --decompress.*\n([A-Za-z0-9+/=]+)\nEND\n`)

// readable is a script with what it brings of provisioners/scripts for itself in full, comments and all. That what travels of it is the
// same to bash is tested where it is.
func readable(script string) string {
	script = strings.Replace(script, scripts.Lean(scripts.Use), scripts.Use, 1)
	if strings.Contains(script, "\neval \"$functions\"\n") {
		script = "#!/usr/bin/env bash\n" + scripts.WithConstants(scripts.Base+scripts.Identity+scripts.Bootstrap+scripts.Undo+scripts.Receipt) + script
	}
	return script
}

// files are what a script puts on its host: path and text. A firewall's or a target's text is listed under the file that it becomes.
func files(t *testing.T, script string) map[string]string {
	t.Helper()
	found := map[string]string{}
	lines := strings.SplitAfter(script, "\n")
	for i := 0; i < len(lines); i++ {
		command, rest, ok := strings.Cut(lines[i], "<<'")
		words := strings.Fields(command)
		if !ok || len(words) < 2 || !strings.HasSuffix(rest, "'\n") {
			continue
		}
		end := strings.TrimSuffix(rest, "'\n") + "\n"
		var text strings.Builder
		for i++; i < len(lines) && lines[i] != end; i++ {
			text.WriteString(lines[i])
		}
		if at := slices.Index(words, "put"); at > 0 { // what is done to the text first: retention fit 1GB put FILE
			words = words[at:]
		}
		switch words[0] {
		case "put":
			found[words[1]] = strings.Replace(text.String(), "$SANDBOX", strings.Join(systemd.Sandbox(), "\n"), 1)
		case "scrape":
			found["/etc/prometheus/targets.d/"+words[1]+".json"] = text.String()
		case "firewall":
			found["/etc/promwire/firewall.nft"] = text.String()
		}
	}
	if len(found) == 0 {
		t.Fatal("the script puts no file anywhere")
	}
	return found
}

// tunnel is the configuration that a host assembles from its parts, with its own key.
func tunnel(parts map[string]string) string {
	const folder = "/etc/wireguard/promwire0.d/"
	text := parts[folder+"interface.conf"] + "PrivateKey = " + key('p').String() + "\n"
	for _, name := range []string{"peer-monitor.conf", "peer-node-1.conf"} {
		text += parts[folder+name]
	}
	return text
}
