package scripts

import (
	"testing"
)

// TestExporters: an exporter that the owner runs is refused, and one that promwire runs is not.
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
		{"the owner's is refused", running + "refuse_owners_exporter a.service pkg", "a.service of the package pkg is the owner's and runs already", true},
		{"one that does not run is accepted", idle + "refuse_owners_exporter a.service pkg; cat $STATE/manifest", "exporter a.service\n", false},
		{"ours is accepted again", idle + "refuse_owners_exporter a.service pkg\n" + running + "refuse_owners_exporter a.service pkg; echo known", "known\n", false},
		{"one that is not listed any more is removed", idle + "refuse_owners_exporter a.service p; refuse_owners_exporter b.service p\n" +
			"packaged_exporters b.service; cat $STATE/manifest", "exporter b.service\n", false},
		{"a missing secret file", "secret_file postgres /mnt/none DATA", "secret file /mnt/none does not exist; make it, with mode 600", true},
		{"a secret file that others can read", "touch /mnt/s; chmod 644 /mnt/s; secret_file postgres /mnt/s DATA", "can be read by others than root", true},
		{"a secret file", "touch /mnt/s; chmod 600 /mnt/s; secret_file postgres /mnt/s DATA; echo taken", "taken\n", false},
		{"flags that a program knows", "knows_flags ls /bin/ls --all --version; echo known", "known\n", false},
		{"flags of a package that is not there yet", "knows_flags ls /mnt/none --all --version; echo known", "known\n", false},
		{"flags that it does not know", "knows_flags ls /bin/ls --no-such-flag --version", "unrecognized option '--no-such-flag'", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.text, c.said, c.fails)
		})
	}
}
