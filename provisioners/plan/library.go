package plan

import (
	"fmt"
	"path"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
)

// library is the same for every host of this version of promwire.
var library = scripts.Functions().With(map[string]string{
	"causes":  scripts.Causes,
	"fence":   scripts.Fence,
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
