// Package version says which promwire this is.
package version

import "runtime/debug"

// Release is the version in which receipts and scripts know promwire, as https://semver.org has it, without a "v". Between two releases it
// is the next one with "-dev" behind. It stands in the script of each host, so it must not change with each commit: whatever changes
// there makes the next update connect to all hosts.
const Release = "0.2.0-dev"

// revision is the commit that a release was built from. The linker sets it; see Makefile.
var revision string

// module is this module's path. Only where it is the main one, the commit that Go noted in the binary is promwire's.
const module = "github.com/promwire/promwire"

// String is the release and, in brackets, the commit that this program was built from, in 12 hex digits; "+" behind it says that there
// were changes that are not in the commit. Where nobody noted a commit it is the release alone.
func String() string {
	commit := revision
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		commit = noted(info)
	}
	if commit == "" {
		return Release
	}
	return Release + " (" + commit + ")"
}

// noted is the commit that Go noted when it built the program; "" if there is none, or it is another module's.
func noted(info *debug.BuildInfo) string {
	if info.Main.Path != module {
		return ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if commit == "" {
		return ""
	}
	commit = commit[:min(12, len(commit))]
	if settings["vcs.modified"] == "true" {
		commit += "+"
	}
	return commit
}
