package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/stacks/settings/document"
)

// maxHostName is RFC 1123's (section 2.1) length of a whole DNS name, in bytes.
const maxHostName = 253

// user is what useradd(8) takes on Debian and Ubuntu, dots and capitals included; at most 32 characters.
var user = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// hostKeyTypes are those that can be pinned. A client offers exactly the pinned key's type, and "ssh-rsa" as such means
// signatures with SHA-1, which today's servers refuse.
var hostKeyTypes = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}

// existing says whether an entry means an existing machine: any key on how to reach it makes it one.
func existing(m document.Machine) bool {
	return m.Server != document.Server{} || m.Bastion != nil
}

func (c *checker) machine(path string, m document.Machine, exporters []exporter.Choice) *Machine {
	for _, droplet := range []struct{ key, value string }{{"size", m.Size}, {"image", m.Image}} {
		if droplet.value != "" {
			c.Add(path+"."+droplet.key, "is only for droplets, and this is an existing machine, because it has an address, hostKey or bastion")
		}
	}
	machine := &Machine{SSHServer: c.server(path, m.Server), CloseOthers: m.CloseOthers}
	machine.Open = c.open(path+".open", m.Open, machine.Port, exporters)
	if m.Bastion != nil {
		bastion := c.server(path+".bastion", *m.Bastion)
		machine.Bastion = &bastion
	}
	return machine
}

func (c *checker) server(path string, s document.Server) plan.SSHServer {
	e := plan.SSHServer{
		Address: s.Address,
		User:    or(s.User, defaultUser),
		Port:    c.number(path+".port", s.Port, defaultSSHPort, 1, maxPort),
	}
	if s.Address == "" {
		c.Add(path+".address", "missing: give the IP address or DNS name of this machine")
	} else {
		c.address(path+".address", s.Address)
	}
	if !user.MatchString(e.User) {
		c.Add(path+".user", "%q is not a valid user name; use letters, digits, dots, hyphens and underscores, a letter or underscore first, at most 32", e.User)
	}
	if s.HostKey == "" {
		c.Add(path+".hostKey", "missing: promwire only connects to machines that prove their identity; %s", scan(s.Address))
	} else {
		e.HostKey = c.hostKey(path+".hostKey", s)
	}
	return e
}

// scan is the command that prints a machine's host key.
func scan(address string) string {
	return fmt.Sprintf("`ssh-keyscan -t ed25519 %s` prints it; compare it with /etc/ssh/ssh_host_ed25519_key.pub on the machine",
		or(address, "HOST"))
}

// hostKey checks a public key and leaves its comment out.
func (c *checker) hostKey(path string, s document.Server) string {
	// A line of ssh-keyscan or known_hosts begins with the host's name.
	if first, rest, _ := strings.Cut(s.HostKey, " "); strings.HasPrefix(rest, "ssh-") || strings.HasPrefix(rest, "ecdsa-") {
		c.Add(path, "begins with %q; leave out everything before the key's type", first)
		return ""
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		c.Add(path, "is not a public key (type, space, base64); %s", scan(s.Address))
		return ""
	}
	if !slices.Contains(hostKeyTypes, key.Type()) {
		c.Add(path, "is of type %s, which cannot be pinned; use ssh-ed25519 or ecdsa-sha2-*; %s", key.Type(), scan(s.Address))
		return ""
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// address checks an IP address or DNS name that connections are made to.
func (c *checker) address(path, text string) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil && !hostName(text):
		c.Add(path, "%q is neither an IP address nor a DNS name; write it without user, port or brackets", text)
	case err == nil && (addr.IsUnspecified() || addr.IsMulticast() || addr.Zone() != ""):
		c.Add(path, "%s is not the address of a single machine", text)
	}
}

// hostName says whether the text is a DNS name: labels and dots, the last label not all digits (that's a mistyped address).
func hostName(text string) bool {
	text = strings.TrimSuffix(strings.ToLower(text), ".")
	labels := strings.Split(text, ".")
	for _, l := range labels {
		if len(l) > maxLabel || !label.MatchString(l) {
			return false
		}
	}
	return len(text) <= maxHostName && !digit.MatchString(labels[len(labels)-1])
}
