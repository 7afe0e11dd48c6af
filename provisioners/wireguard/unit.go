package wireguard

import "github.com/promwire/promwire/provisioners/systemd"

// Unit is the tunnel's unit, an instance of the one from wireguard-tools.
const Unit = "wg-quick@" + Name + ".service"

// DropIn adds to Unit what a host without an operator needs: a start that fails, for example because the monitor's name can't
// be resolved yet, is tried again without end.
func DropIn() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"StartLimitIntervalSec=0"}},
		{Name: "Service", Lines: []string{"Restart=on-failure", "RestartSec=5"}},
	}.Render()
}
