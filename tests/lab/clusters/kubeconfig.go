package clusters

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Kubeconfig is the file with a context for each of a lab's clusters, by its name. It is there as long as there are clusters.
func Kubeconfig(f folder.Folder) string { return filepath.Join(f.Run, "clusters", "kubeconfig") }

// access is how one user reaches one API server.
type access struct {
	name      string // of the context
	server    string // URL
	authority []byte // PEM
	user      pair
}

// kubeconfig is a file for kubectl and its like. The first context is the current one.
func kubeconfig(all ...access) ([]byte, error) {
	type entry = map[string]any
	var clusters, users, contexts []entry
	for _, a := range all {
		clusters = append(clusters, entry{"name": a.name, "cluster": entry{
			"server": a.server, "certificate-authority-data": base64.StdEncoding.EncodeToString(a.authority),
		}})
		users = append(users, entry{"name": a.name, "user": entry{
			"client-certificate-data": base64.StdEncoding.EncodeToString(a.user.certificate),
			"client-key-data":         base64.StdEncoding.EncodeToString(a.user.key),
		}})
		contexts = append(contexts, entry{"name": a.name, "context": entry{"cluster": a.name, "user": a.name}})
	}
	file := entry{"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": contexts}
	if len(all) > 0 {
		file["current-context"] = all[0].name
	}
	return yaml.Marshal(file)
}

// writeKubeconfig writes the file with all clusters that there are.
func (l *lab) writeKubeconfig() error {
	records, err := l.records()
	if err != nil {
		return err
	}
	var all []access
	for _, r := range records {
		a, err := l.administrator(r)
		if err != nil {
			return fmt.Errorf("%s: read the administrator's certificate: %w", r.Name, err)
		}
		all = append(all, a)
	}
	text, err := kubeconfig(all...)
	if err != nil {
		return err
	}
	return replace(filepath.Join(l.folder, "kubeconfig"), text)
}

// administrator is how the operator reaches a cluster.
func (l *lab) administrator(r record) (access, error) {
	a := access{name: r.Name, server: r.API}
	for _, file := range []struct {
		name string
		text *[]byte
	}{{"ca.crt", &a.authority}, {"admin.crt", &a.user.certificate}, {"admin.key", &a.user.key}} {
		text, err := os.ReadFile(filepath.Join(l.disk(r.Name), "pki", file.name))
		if err != nil {
			return access{}, err
		}
		*file.text = text
	}
	return a, nil
}
