package plan

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/page"
	"github.com/promwire/promwire/provisioners/scripts"
)

// TestPage: what comes in front of the monitor's script has every file of the page, as it is, and the script has none of them.
func TestPage(t *testing.T) {
	p, err := Monitor(monitorValues())
	if err != nil {
		t.Fatal(err)
	}
	script, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(script, "\npage "+page.Version()+"\n") || strings.Contains(script, "uPlot") {
		t.Error("the script does not name the page's version, or has more of it than that")
	}
	files := page.Files()
	for _, f := range files {
		cmd := exec.CommandContext(t.Context(), "bash", "-s")
		// What put would get.
		cmd.Stdin = strings.NewReader(MonitorLibrary() + scripts.Base + "\ncase \" $PAGE_FILES \" in *' " + f.Name + " '*) from_library 'page_" + f.Name + "' cat ;; esac\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != f.Text {
			t.Errorf("%s arrives with %d bytes instead of %d: %v", f.Name, len(out), len(f.Text), err)
		}
	}
	if got := len(MonitorLibrary()) - len(Library()); got > 80_000 {
		t.Errorf("the page is %d bytes of what is sent to the monitor", got)
	}
	if strings.Contains(Library(), "PAGE_FILES='") {
		t.Error("targets get the page too")
	}
}
