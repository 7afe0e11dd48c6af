package plan

import (
	"fmt"
	"path"
	"strings"

	"github.com/promwire/promwire/provisioners/page"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
)

// library is the same for every host of this version of promwire.
var library = scripts.Functions().With(map[string]string{
	"causes":  scripts.Causes,
	"fence":   scripts.Fence,
	"history": scripts.History,
	"receive": scripts.Receive,
	"renew":   scripts.Renew,
	"rules":   prometheus.RulesFile(),
	"watch":   scripts.Watch,
})

// Library comes in front of a Plan's Script when that is applied: it installs the functions that this script and later ones call. It is
// the same for all hosts and 70 KB long, so keep it out of Pulumi's state.
func Library() string {
	file := scripts.LibraryPath
	write := call{words: []string{"cat"}, input: library.Text()}
	return fmt.Sprintf("# install_library writes the functions that are called below, and by later scripts.\ninstall_library() {\nmkdir -p %s\n{\n%s} >%s.$$\nmv %s.$$ %s\n}\n",
		path.Dir(file), write, file, file, file)
}

// MonitorLibrary is Library for the monitor: the files of its page come too, packed. Scripts name only their version, so they are in no state.
func MonitorLibrary() string {
	var names []string
	var texts strings.Builder
	for _, f := range page.Files() {
		names = append(names, f.Name)
		pipe, packed := scripts.Unpack(f.Text)
		fmt.Fprintf(&texts, "text_page_%s() {\n%s\n%s}\n", f.Name, pipe, packed)
	}
	return fmt.Sprintf("# The fleet page, see page.sh.\nPAGE_FILES='%s'\n%s", strings.Join(names, " "), texts.String()) + Library()
}

// use begins a script that needs the library. An undo accepts any version: its host may have an older or a newer one.
func use(host, verb string) call {
	if verb == withdraw {
		return do("use", host, verb)
	}
	return do("use", host, verb, library.Version())
}

// withdraw is what Enrol's undo is called in messages.
const withdraw = "withdraw"

// head is what such a script begins with.
var head = scripts.Lean(scripts.Use)
