package plan

import (
	"slices"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/secrets"
)

// give makes the named secrets all that a service's folder has.
func give(folder secrets.Folder, user string, names []string, values map[string]string) []call {
	var calls []call
	for _, name := range names {
		calls = append(calls, call{words: []string{"secret", string(folder), user, name}, input: values[name]})
	}
	return append(calls, do(slices.Concat([]string{"secrets_only", string(folder)}, names)...))
}

// RemoteWriteValues are what the secrets of a monitor's remote writing depend on.
type RemoteWriteValues struct {
	Host    string // name of the monitor
	Names   []string
	Secrets map[string]string // values by name, of all Names
}

// RemoteWrite is the script that gives Prometheus the secrets of its remote writing, which it reads again with each request. It is a secret.
// The monitor must have converged.
func RemoteWrite(v RemoteWriteValues) string {
	calls := append([]call{use(v.Host, "remote-write")}, give(prometheus.Secrets, prometheus.Name, v.Names, v.Secrets)...)
	return script("Prometheus's secrets for writing elsewhere", head, function{apply, append(calls, do("receipt", ""))})
}

// remoteWriteEnds removes the secrets of a remote writing that reads none any more: then no RemoteWrite comes.
func (v MonitorValues) remoteWriteEnds() []call {
	if len(v.RemoteWrite.Secrets) > 0 {
		return nil
	}
	return give(prometheus.Secrets, prometheus.Name, nil, nil)
}
