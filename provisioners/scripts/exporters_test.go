package scripts

import (
	"strings"
	"testing"
)

// TestExporters: an exporter that the owner runs is refused, and one that promwire runs is not.
func TestExporters(t *testing.T) {
	t.Parallel()
	// running is a host on which systemctl says that every unit is active and enabled; idle, that none is.
	const (
		running = "systemctl() { :; }\n"
		idle    = "systemctl() { [[ $1 != is-* ]]; }\n"
	)
	for _, c := range []struct {
		name, text string
		said       string
		fails      bool
	}{
		{"the owner's is refused", running + "refuse_owners_exporter a.service pkg", "a.service of the package pkg is the owner's and runs already", true},
		{"one that does not run is accepted", idle + "refuse_owners_exporter a.service pkg; cat $STATE/manifest", "exporter a.service\n", false},
		{"ours is accepted again", idle + "refuse_owners_exporter a.service pkg\n" + running + "refuse_owners_exporter a.service pkg; echo known", "known\n", false},
		{"one that is not listed any more is removed", idle + "refuse_owners_exporter a.service p; refuse_owners_exporter b.service p\n" +
			"packaged_exporters b.service; cat $STATE/manifest", "exporter b.service\n", false},
		{"a missing secret file", "secret_file postgres /mnt/none DATA", "secret file /mnt/none does not exist; make it, with mode 600", true},
		{"a secret file that others can read", "touch /mnt/s; chmod 644 /mnt/s; secret_file postgres /mnt/s DATA", "can be read by others than root", true},
		{"a secret file", "touch /mnt/s; chmod 600 /mnt/s; secret_file postgres /mnt/s DATA; echo taken", "taken\n", false},
		{"flags that a program knows", "knows_flags ls /bin/ls --version --all; echo known", "known\n", false},
		{"flags of a package that is not there yet", "knows_flags ls /mnt/none --version --all; echo known", "known\n", false},
		{"flags that it does not know", "knows_flags ls /bin/ls --version --no-such-flag", "unrecognized option '--no-such-flag'", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.text, c.said, c.fails)
		})
	}
}

// TestKnowsFlags: a flag that the exporter does not know is refused, whichever way it reads its flags, and it is never started.
func TestKnowsFlags(t *testing.T) {
	t.Parallel()
	// kingpin ends at --version, whatever follows. goFlags takes the next word for a value that is missing, and starts if --version is gone.
	const (
		start   = "touch /mnt/started; exit 1"
		kingpin = `for word in "$@"; do case $word in
--version) exit 0 ;; --keys=* | --quiet) ;; *) echo "x: error: unknown long flag '$word', try --help"; exit 1 ;;
esac; done; ` + start
		goFlags = `version=; while [ $# -gt 0 ]; do case $1 in
--version) version=yes ;; --keys=* | --quiet) ;; --keys) shift; [ $# -gt 0 ] || { echo "flag needs an argument: -keys"; exit 2; } ;;
*) echo "flag provided but not defined: $1"; exit 2 ;;
esac; shift; done; [ -z "$version" ] || exit 0; ` + start
	)
	for name, program := range map[string]string{"kingpin": kingpin, "Go's flags": goFlags} {
		for _, c := range []struct {
			flags, said string
			fails       bool
		}{
			{"--keys=a --quiet", "known\n", false},
			{"--bogus", "--bogus", true},
			{"--quiet --bogus --keys=a", "--bogus", true},
			{"--quiet --keys", "--keys", true},
		} {
			t.Run(name+": "+c.flags, func(t *testing.T) {
				said := check(t, "chmod 777 /mnt; printf '#!/bin/bash\\n%s\\n' "+quote(program)+" >/mnt/x; chmod 755 /mnt/x\n"+
					"trap 'ls /mnt >&2' EXIT; (knows_flags x /mnt/x --version "+c.flags+") && echo known", c.said, c.fails)
				if strings.Contains(said, "started") {
					t.Errorf("it was started: %s", said)
				}
			})
		}
	}
}

// quote makes a text one word of bash.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
