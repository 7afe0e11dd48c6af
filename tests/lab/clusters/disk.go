package clusters

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// initScript is the first process of a node.
//
//go:embed init.sh
var initScript string

// node is a cluster's node, with all that its boot depends on.
type node struct {
	record
	plan
	group string // its cgroup, from the root of each hierarchy
	pause string // reference of the image of pods' first process
}

// makeDisk writes what a node needs at boot. What exists already stays, with its keys; settings are written again.
func (l *lab) makeDisk(n node) error {
	disk := l.disk(n.Name)
	for _, dir := range []string{"cni", "etcd", "containerd", "kubelet", "log", "programs"} {
		if err := os.MkdirAll(filepath.Join(disk, dir), 0o700); err != nil {
			return err
		}
	}
	files, err := settings(n)
	if err != nil {
		return err
	}
	if err := writeAll(disk, files); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(disk, "pki")); err == nil {
		return nil
	}
	if files, err = keys(n); err != nil {
		return err
	}
	partial := filepath.Join(disk, "pki.partial")
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return err
	}
	if err := writeAll(partial, files); err != nil {
		return err
	}
	return os.Rename(partial, filepath.Join(disk, "pki"))
}

// writeAll writes files into a folder.
func writeAll(dir string, files map[string][]byte) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// keys are the files of the folder pki: the cluster's certificates, and for each of its clients a kubeconfig.
func keys(n node) (map[string][]byte, error) {
	authority, err := newAuthority(n.Name)
	if err != nil {
		return nil, err
	}
	own, err := authority.pair()
	if err != nil {
		return nil, err
	}
	accounts, err := newAuthority("service accounts of " + n.Name) // only its key is used
	if err != nil {
		return nil, err
	}
	signer, err := accounts.pair()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"ca.crt": own.certificate, "ca.key": own.key, "accounts.key": signer.key}
	for _, c := range credentials(n) {
		issued, err := authority.issue(c.user, c.groups, c.names, c.addresses...)
		if err != nil {
			return nil, err
		}
		files[c.file+".crt"], files[c.file+".key"] = issued.certificate, issued.key
		files[c.file+".conf"], err = kubeconfig(access{
			name: n.Name, server: fmt.Sprintf("https://%s:%d", n.plan.node, apiPort), authority: own.certificate, user: issued,
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// settings are the files that the node's programs read at their start.
func settings(n node) (map[string][]byte, error) {
	files := map[string][]byte{"containerd.toml": []byte(containerd(n)), "resolv.conf": nil}
	for name, value := range map[string]any{
		"kubelet.yaml":         kubelet(n), // JSON is YAML
		"cni/10-pods.conflist": network(n),
	} {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}
