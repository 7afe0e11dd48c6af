package plan

import "github.com/promwire/promwire/provisioners/scripts"

// Bootstrap is the script that a host runs first. Its output is read by facts.Parse. Undone, it leaves no trace of any plan,
// but for installed packages.
func Bootstrap(v BootstrapValues) string {
	apart := []string{"apart"}
	for _, network := range v.Networks {
		apart = append(apart, network.String())
	}
	begin := []call{
		do("begin", v.Host, "bootstrap"),
		do("supported"),
		do("settled"),
		do(packages...),
	}
	if v.Direct { // its key is made all the same: the settings may put it into the tunnel one day
		begin = append(begin, do("own"), do("wireguard", "optional"))
	} else {
		begin = append(begin, do(apart...), do("own"), do("wireguard", "needed"))
	}
	begin = append(begin, do("tunnel_key"), do("identity", v.Host))
	if v.RetireTemporaryKey {
		begin = append(begin, do("lasting_key"))
	}
	return script("how "+v.Host+" begins, and ends", scripts.Base+scripts.Bootstrap+scripts.Undo+scripts.Receipt,
		function{apply, append(begin, do("host_key"), do("tell"))},
		function{undo, []call{do("begin", v.Host, "undo"), do("take_away"), do("receipt", "")}})
}

// Confirm is the script that makes the firewall permanent that converge loaded on trial.
func Confirm(v ConfirmValues) string {
	return script("the firewall of "+v.Host+" lets the operator in", scripts.Use, function{apply, []call{
		do("use", v.Host, "confirm"),
		do("confirm", v.Digest),
		do("receipt", v.Digest),
	}})
}
