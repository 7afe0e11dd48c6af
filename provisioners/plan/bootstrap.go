package plan

import "github.com/promwire/promwire/provisioners/scripts"

// Bootstrap is the script that a host runs first. Its output is read by facts.Parse. Its undo removes all that plans made,
// except installed packages.
func Bootstrap(v BootstrapValues) string {
	overlap := []string{"refuse_overlap"}
	for _, network := range v.Networks {
		overlap = append(overlap, network.String())
	}
	begin := []call{
		do("begin", v.Host, "bootstrap"),
		do("refuse_other_fleets", v.Fleet),
		do("supported"),
		do("wait_for_cloud_init"),
		do(packages...),
	}
	if v.Direct { // its key is made anyway: later settings may put it into the tunnel
		begin = append(begin, do("record_host", v.Fleet, v.Role), do("wireguard", "optional"))
	} else {
		begin = append(begin, do(overlap...), do("record_host", v.Fleet, v.Role), do("wireguard", "needed"))
	}
	begin = append(begin, do("tunnel_key"), do("identity", v.Host))
	if v.RetireTemporaryKey {
		begin = append(begin, do("permanent_key"))
	}
	functions := scripts.Base + scripts.Identity + scripts.Bootstrap
	begin = append(begin, do("host_key"), do("print_facts"))
	if !v.Undo {
		return script("how "+v.Host+" begins", inline(scripts.WithConstants(functions)), function{apply, begin})
	}
	functions += scripts.Undo + scripts.Generations + scripts.Receipt
	end := []call{do("begin", v.Host, "undo"), do("undo_all", v.Fleet, v.Role), do("receipt", "")}
	return script("how "+v.Host+" begins, and ends", inline(scripts.WithConstants(functions)), withUndo("bootstrap", begin, end)...)
}
