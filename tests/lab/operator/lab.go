package operator

// Lab is what the operator's machine must know of the lab to fill in a stack's file: where the cloud's API and the
// releases' mirror are, and how the machines that were already there are reached.
type Lab struct {
	// API is the base URL of the lab's cloud, as in digitalocean:apiEndpoint, such as http://127.0.0.1:8080.
	API string `json:"api"`
	// Token is what the cloud's API takes as digitalocean:token.
	Token string `json:"token"`
	// Mirror is the base URL that replaces https://github.com for the releases' downloads, without a slash at its end.
	Mirror string `json:"mirror"`
	// From are the networks that the operator connects from, as the machines see it. They replace a stack's own ssh.from.
	From []string `json:"from"`
	// Releases are the versions that the mirror serves, by their keys in promwire:fleet.releases.
	Releases map[string]Release `json:"releases"`
	// Machines are the lab's existing machines, by the names that they have in a stack's file. They may be added to as
	// long as no run is under way.
	Machines map[string]Machine `json:"machines,omitempty"`
	// Kubeconfig is the path of the file in which a stack's clusters are contexts, if the file says nothing else.
	Kubeconfig string `json:"kubeconfig"`
	// Images are the references that the lab's clusters have, by their keys in promwire:fleet.images. They replace those of a stack
	// with clusters, and may be added to as long as no run is under way.
	Images map[string]string `json:"images,omitempty"`
}

// Release is one version of a program on the mirror.
type Release struct {
	Version string            `json:"version"` // without the leading v
	SHA256  map[string]string `json:"sha256"`  // by architecture (amd64, arm64), in hex
}

// Machine says how to log in to a machine.
type Machine struct {
	Address string   `json:"address"`
	Port    int      `json:"port"`
	User    string   `json:"user"`
	HostKey string   `json:"hostKey"` // an authorized_keys line without options or comment: type and base64
	Bastion *Machine `json:"bastion,omitempty"`
}
