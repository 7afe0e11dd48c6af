package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStay(t *testing.T) {
	for name, c := range map[string]struct {
		regions []string
		had     map[string]string
		want    []string // by member
	}{
		"a new group":                    {[]string{"a", "b"}, nil, []string{"a", "b", "a", "b"}},
		"a region more":                  {[]string{"a", "b", "c"}, map[string]string{"g-1": "a", "g-2": "b", "g-3": "a", "g-4": "b"}, []string{"a", "b", "a", "b"}},
		"a region more, two members too": {[]string{"a", "b", "c"}, map[string]string{"g-1": "a", "g-2": "b"}, []string{"a", "b", "c", "a"}},
		"a region less":                  {[]string{"b", "c"}, map[string]string{"g-1": "a", "g-2": "b", "g-3": "a", "g-4": "b"}, []string{"c", "b", "c", "b"}},
		"in another order":               {[]string{"b", "a"}, map[string]string{"g-1": "a", "g-2": "b", "g-3": "a", "g-4": "b"}, []string{"a", "b", "a", "b"}},
		"a member that was lost":         {[]string{"a", "b"}, map[string]string{"g-1": "b", "g-3": "b", "g-4": "b"}, []string{"b", "a", "b", "b"}},
		"a region that stands twice":     {[]string{"a", "a", "b"}, nil, []string{"a", "b", "a", "b"}},
		"the region of another provider": {[]string{"a"}, map[string]string{"g-1": "z"}, []string{"a", "a", "a", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Settings{Targets: []Host{{Name: "single", Region: "x"}}}
			for _, member := range []string{"g-1", "g-2", "g-3", "g-4"} {
				s.Targets = append(s.Targets, Host{Name: member, Region: "unset", Group: "g", Regions: c.regions})
			}
			s.Stay(c.had)
			assert.Equal(t, "x", s.Targets[0].Region)
			var got []string
			for _, h := range s.Targets[1:] {
				got = append(got, h.Region)
			}
			assert.Equal(t, c.want, got)
		})
	}
}
