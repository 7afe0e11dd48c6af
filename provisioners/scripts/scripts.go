// Package scripts has the bash files that plans are made of. Each is a whole file that shellcheck and an editor understand; names, paths and
// ports that Go knows too are variables there (see constants). What differs from host to host is in the calls that package plan writes
// below them.
package scripts

import (
	_ "embed"
	"strings"
)

// Complete texts: files with the constants that they use. Fence, History, Receive, Renew, Watch and Causes are programs of their own; Use is
// how a command begins.
var (
	Use     = WithConstants(useFile)
	Fence   = WithConstants(fenceFile)
	History = WithConstants(historyFile)
	Receive = WithConstants(receiveFile)
	Renew   = WithConstants(renewFile)
	Watch   = WithConstants(watchFile)
	Causes  = WithConstants(shebang.FindString(causesFile) + Cause + strings.TrimPrefix(causesFile, shebang.FindString(causesFile)))
)

// Their files.
var (
	//go:embed use.sh
	useFile string
	//go:embed fence.sh
	fenceFile string
	//go:embed history.sh
	historyFile string
	//go:embed receive.sh
	receiveFile string
	//go:embed renew.sh
	renewFile string
	//go:embed watch.sh
	watchFile string
	//go:embed causes.sh
	causesFile string
)

// Files that only define functions, by what they do. Base comes first; WithConstants makes them complete.
var (
	//go:embed base.sh
	Base string
	//go:embed bootstrap.sh
	Bootstrap string
	//go:embed generations.sh
	Generations string
	//go:embed roles.sh
	Roles string
	//go:embed undo.sh
	Undo string
	//go:embed sshd.sh
	SSHD string
	//go:embed release.sh
	Release string
	//go:embed service.sh
	Service string
	//go:embed ports.sh
	Ports string
	//go:embed tunnel.sh
	Tunnel string
	//go:embed peers.sh
	Peers string
	//go:embed firewall.sh
	Firewall string
	//go:embed survey.sh
	Survey string
	//go:embed others.sh
	Others string
	//go:embed receipt.sh
	Receipt string
	//go:embed certificate.sh
	Certificate string
	//go:embed authority.sh
	Authority string
	//go:embed web.sh
	Web string
	//go:embed page.sh
	Page string
	//go:embed secrets.sh
	Secrets string
	//go:embed alertmanager.sh
	Alertmanager string
	//go:embed pushgateway.sh
	Pushgateway string
	//go:embed scrape.sh
	Scrape string
	//go:embed identity.sh
	Identity string
	//go:embed exporters.sh
	Exporters string
	//go:embed relay.sh
	Relay string
	//go:embed federate.sh
	Federate string
	//go:embed retention.sh
	Retention string
	//go:embed former.sh
	Former string
	//go:embed owner.sh
	Owner string
	//go:embed rules.sh
	Rules string
	//go:embed observe.sh
	Observe string
	//go:embed cause.sh
	Cause string
)
