package version

import (
	"runtime/debug"
	"testing"
)

func TestString(t *testing.T) {
	t.Cleanup(func() { revision = "" })
	revision = "0123456789ab"
	if got, want := String(), Release+" (0123456789ab)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoted(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	build := func(path, commit, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: path}, Settings: []debug.BuildSetting{
			{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: modified},
		}}
	}
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{build(module, commit, "false"), "0123456789ab"},
		{build(module, commit, "true"), "0123456789ab+"},
		{build(module, "", "false"), ""},
		{build("example.com/their/program", commit, "false"), ""},
		{&debug.BuildInfo{Main: debug.Module{Path: module}}, ""},
	} {
		if got := noted(c.info); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.info, got, c.want)
		}
	}
}
