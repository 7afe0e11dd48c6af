package setup

import (
	"strings"
	"testing"
)

// TestNginx: there is one, and it runs. A second call changes nothing.
func TestNginx(t *testing.T) {
	f := checkout(t)
	first, err := Nginx(t.Context(), f, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), command{args: []string{first, "-e", "stderr", "-v"}}); err != nil {
		t.Error(err)
	}
	var said strings.Builder
	second, err := Nginx(t.Context(), f, &said)
	if err != nil || second != first || said.Len() > 0 {
		t.Errorf("the second time it is %s, %v, and said %q", second, err, said.String())
	}
}
