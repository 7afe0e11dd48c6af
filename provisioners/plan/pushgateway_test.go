package plan

import (
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/release"
)

// TestPushgatewayRefuses: what a Pushgateway needs, and names that can't be users.
func TestPushgatewayRefuses(t *testing.T) {
	pinned := release.Pushgateway
	for _, c := range []struct {
		want    string
		jobs    []string
		release release.Release
	}{
		{"", []string{"backup"}, pinned},
		{"", nil, release.Release{}},
		{"version \"\" is not like 1.2.3", []string{"backup"}, release.Release{Name: "pushgateway"}},
		{`"a b" is not a valid user name`, []string{"backup", "a b"}, pinned},
		{"prometheus is the user that scrapes", []string{"prometheus"}, pinned},
	} {
		v := monitorValues()
		v.Jobs, v.Releases.Pushgateway = c.jobs, c.release
		_, err := Monitor(v)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.jobs, err, c.want)
		}
	}
}

// TestPushgatewayOrder: the order of the jobs changes nothing, and without jobs the script only removes a Pushgateway.
func TestPushgatewayOrder(t *testing.T) {
	scripts := map[string]bool{}
	for _, jobs := range [][]string{{"a", "b"}, {"b", "a"}} {
		v := monitorValues()
		v.Jobs, v.Releases.Pushgateway = jobs, release.Pushgateway
		p, err := Monitor(v)
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Script()
		if err != nil {
			t.Fatal(err)
		}
		scripts[text] = true
		if strings.Contains(text, "\nremove_pushgateway\n") || strings.Index(text, "\npushers a b\n") > strings.Index(text, "\nservice pushgateway.service") {
			t.Error("it is removed, or starts before its users exist")
		}
	}
	if len(scripts) != 1 {
		t.Error("the order of jobs changes the script")
	}
	p, err := Monitor(monitorValues())
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	_, plan, _ := strings.Cut(text, "\napply() {\n")
	if !strings.Contains(plan, "\nremove_pushgateway\n") || strings.Contains(plan, "9091") || strings.Contains(plan, "job_name: pushgateway") {
		t.Errorf("a monitor without jobs has a Pushgateway:\n%s", plan)
	}
}
