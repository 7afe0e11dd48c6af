// Package version says which promwire this is.
package version

import "runtime/debug"

// Release is promwire's version in receipts and scripts, as in https://semver.org, without a "v". Between two releases it is the next
// one with "-dev" at the end. It is part of each host's script, so it must not change with each commit: whatever changes there makes
// the next update connect to all hosts.
const Release = "0.2.0-dev"

// revision is the commit that a release was built from. The linker sets it; see .ci/release.
var revision string

// module is this module's path. Only if it is the main module, the commit in the binary is promwire's.
const module = "github.com/promwire/promwire"

// String is the release and, in brackets, the commit that this program was built from, in 12 hex digits; "+" after it says that there
// were uncommitted changes. Without a commit it is only the release.
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

// noted is the commit that Go wrote into the program when it built it; "" if there is none, or it is another module's.
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
