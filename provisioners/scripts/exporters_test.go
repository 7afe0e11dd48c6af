package scripts

import (
	"testing"
)

// TestExporters: what the owner runs is left alone, and what promwire runs is known again.
func TestExporters(t *testing.T) {
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
		{"the owner's is refused", running + "not_the_owners a.service pkg", "a.service of the package pkg is the owner's and runs already", true},
		{"one that does not run is taken", idle + "not_the_owners a.service pkg; cat $STATE/manifest", "exporter a.service\n", false},
		{"ours is known again", idle + "not_the_owners a.service pkg\n" + running + "not_the_owners a.service pkg; echo known", "known\n", false},
		{"one that is not listed any more ends", idle + "not_the_owners a.service p; not_the_owners b.service p\n" +
			"packaged_exporters b.service; cat $STATE/manifest", "exporter b.service\n", false},
		{"a secret file that is not there", "secret_file postgres /mnt/none DATA", "secret file /mnt/none is not there; make it, with mode 600", true},
		{"a secret file that others can read", "touch /mnt/s; chmod 644 /mnt/s; secret_file postgres /mnt/s DATA", "is not root's alone", true},
		{"a secret file", "touch /mnt/s; chmod 600 /mnt/s; secret_file postgres /mnt/s DATA; echo taken", "taken\n", false},
		{"flags that a program knows", "knows_flags ls /bin/ls --all --version; echo known", "known\n", false},
		{"flags that it does not know", "knows_flags ls /bin/ls --no-such-flag --version", "unrecognized option '--no-such-flag'", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.text, c.said, c.fails)
		})
	}
}
