package settings

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/stacks/settings/document"
)

var (
	// flagForm is one word of a command line: a long flag, with its value behind an equals sign.
	flagForm = regexp.MustCompile(`^--?[a-z][a-z0-9.-]*(=.*)?$`)
	// endingFlags make an exporter print something and exit.
	endingFlags = regexp.MustCompile(`^(h|help.*|version|completion-.*)$`)
	// listenFlags decide where an exporter listens and how it is asked, by the names that exporters have for that.
	listenFlags = regexp.MustCompile(
		`^(web\.(listen|config|systemd|telemetry|route|external).*|telemetry\.(address|endpoint)|listen|metrics-path|tls-server-.*)$`)
	// secretFlag is the name of a flag that has a secret as its value.
	secretFlag = regexp.MustCompile(`(^|[.-])(password|passwd|pass|secret|token|api-key)$`)
	// secretPath is an absolute path without anything that systemd would expand.
	secretPath = regexp.MustCompile(`^(/[A-Za-z0-9_.@:+=,-]+)+$`)
)

// kernelFolders are file systems that hold no files of the host's owner.
var kernelFolders = []string{"/proc", "/sys", "/dev"}

// flags are the operator's for one exporter. Whether the exporter knows them, the host asks its program.
func (c *checker) flags(path string, e exporter.Exporter, flags []string) []string {
	for i, flag := range flags {
		at := document.Index(path, i)
		switch name := flagName(flag); {
		case flag == "": // reported when it was decoded
		case !flagForm.MatchString(flag) || strings.ContainsFunc(flag, unicode.IsControl):
			c.Add(at, "%q is not one flag; write it like --name or --name=value, each flag an entry of its own", flag)
		case endingFlags.MatchString(name):
			c.Add(at, "%q makes the exporter exit at once; leave it out", flag)
		case setByPromwire(e, name):
			c.Add(at, "--%s is set by promwire; leave it out", name)
		case listenFlags.MatchString(name):
			c.Add(at, "--%s changes where or how the exporter listens, which promwire decides; leave it out", name)
		case secretFlag.MatchString(name) || urlPassword(flagValue(flag)):
			c.Add(at, "--%s has a secret, and flags are in the stack's state and in the host's list of processes; "+
				"put it into a file on the host, which secrets names, or leave it out", name)
		case slices.Contains(flags[:i], flag):
			c.Add(at, "%q is in the list twice; write it once", flag)
		}
	}
	return flags
}

// setByPromwire says whether a flag of this name is in the exporter's row.
func setByPromwire(e exporter.Exporter, name string) bool {
	own := append([]string{e.ListenFlag, e.WebFlag, e.CheckFlag}, e.Flags...)
	return slices.ContainsFunc(own, func(flag string) bool { return flagName(flag) == name })
}

// flagName is a flag's name without hyphens and value. A program takes -name for --name.
func flagName(flag string) string {
	name, _, _ := strings.Cut(flag, "=")
	return strings.TrimLeft(name, "-")
}

// flagValue is a flag's value; "" if it has none.
func flagValue(flag string) string {
	_, value, _ := strings.Cut(flag, "=")
	return value
}

// secretFile is where an exporter's secret lies on the host.
func (c *checker) secretFile(at string, e exporter.Exporter, file string) string {
	switch {
	case file == "":
	case e.Secret == "":
		c.Add(at, "the exporter %s needs no secret; leave it out", e.Name)
	case !secretPath.MatchString(file) || path.Clean(file) != file:
		c.Add(at, "%q is not an absolute path of a file on the host; write it like /etc/exporters/%s.env, with letters, digits and _.@:+=,- only",
			file, e.Name)
	case slices.ContainsFunc(kernelFolders, func(folder string) bool { return strings.HasPrefix(file, folder+"/") }):
		c.Add(at, "%s is not a place for files; write it like /etc/exporters/%s.env", path.Dir(file), e.Name)
	}
	return file
}
