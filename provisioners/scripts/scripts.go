// Package scripts has the bash files that plans are made of. Each is a whole file that shellcheck and an editor understand;
// what differs from host to host is in the calls that package plan writes below them.
package scripts

import _ "embed"

// The files, by what they do. All but Fence, Receive and Renew only define functions; Base comes first.
var (
	//go:embed base.sh
	Base string
	//go:embed bootstrap.sh
	Bootstrap string
	//go:embed undo.sh
	Undo string
	//go:embed use.sh
	Use string
	//go:embed sshd.sh
	SSHD string
	//go:embed release.sh
	Release string
	//go:embed service.sh
	Service string
	//go:embed tunnel.sh
	Tunnel string
	//go:embed peers.sh
	Peers string
	//go:embed firewall.sh
	Firewall string
	//go:embed receipt.sh
	Receipt string
	//go:embed certificate.sh
	Certificate string
	//go:embed authority.sh
	Authority string
	//go:embed web.sh
	Web string
	//go:embed pushgateway.sh
	Pushgateway string
	//go:embed scrape.sh
	Scrape string
	//go:embed identity.sh
	Identity string
	//go:embed exporters.sh
	Exporters string
	//go:embed federate.sh
	Federate string
	//go:embed former.sh
	Former string
	//go:embed fence.sh
	Fence string
	//go:embed receive.sh
	Receive string
	//go:embed renew.sh
	Renew string
)
