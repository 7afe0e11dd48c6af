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
		do("supported"),
		do("wait_for_cloud_init"),
		do(packages...),
	}
	if v.Direct { // its key is made anyway: later settings may put it into the tunnel
		begin = append(begin, do("record_host"), do("wireguard", "optional"))
	} else {
		begin = append(begin, do(overlap...), do("record_host"), do("wireguard", "needed"))
	}
	begin = append(begin, do("tunnel_key"), do("identity", v.Host))
	if v.RetireTemporaryKey {
		begin = append(begin, do("permanent_key"))
	}
	functions := scripts.Base + scripts.Identity + scripts.Bootstrap
	begins := function{apply, append(begin, do("host_key"), do("print_facts"))}
	if !v.Undo {
		return script("how "+v.Host+" begins", inline(scripts.WithConstants(functions)), begins)
	}
	return script("how "+v.Host+" begins, and ends", inline(scripts.WithConstants(functions+scripts.Undo+scripts.Receipt)), begins,
		function{undo, []call{do("begin", v.Host, "undo"), do("undo_all"), do("receipt", "")}})
}
