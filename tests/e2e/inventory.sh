# Prints all that a fleet might change on a machine, a line for each thing: kind, name, what it is like, and the package that it comes from
# if one does, separated by tabs.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C

readonly PLACES=(/{etc,opt,usr/local,var/lib,root,home,run/systemd/system})

# What the machine itself changes while it runs, and what the tools that promwire calls write beside what they are asked for.
readonly ELSEWHERE=(
	/opt/packages                                        # the lab's, with all that apt can install
	/var/lib/apt /var/lib/dpkg /etc/ld.so.cache          # apt's, dpkg's, and the linker's after it; packages are asked for by name
	/var/lib/systemd/deb-systemd-helper-enabled          # what a package's own script asked of systemd; its units are listed
	/var/lib/systemd/deb-systemd-user-helper-enabled
	/var/lib/systemd/timers /var/lib/systemd/timesync /var/lib/systemd/random-seed # clocks, chance
	/var/lib/cloud                                       # cloud-init's notes about each boot
	/etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-  # the former ones, as useradd and userdel leave them
	/etc/.pwd.lock                                       # systemd-sysusers makes it, and waits for it
	/var/lib/docker /var/lib/containerd                  # of programs that run all the time
	/var/lib/fail2ban
	/var/lib/prometheus/metrics2                         # of Debian's Prometheus, which is looked at while it does not run
)

files() {
	local path prune=()
	for path in "${ELSEWHERE[@]}"; do prune+=(-o -path "$path"); done
	find "${PLACES[@]}" -ignore_readdir_race \( "${prune[@]:1}" \) -prune -o -printf 'file\t%p\t%y %#m %u:%g %l\n'
	find "${PLACES[@]}" -ignore_readdir_race \( "${prune[@]:1}" \) -prune -o -type f -print0 |
		xargs -0 sha256sum | sed -E 's/^\\?([0-9a-f]{64})  (.*)/content\t\2\t\1/'
}

units() {
	# What a program makes for itself, or each boot and login, is not enabled by anybody.
	systemctl list-unit-files --no-legend --no-pager --plain | awk '$2 !~ /transient|generated/ { print "unit\t" $1 "\t" $2 }'
	# What ran once and ended is not known to be so after the next boot. Logins come and go, and so do services that are asked for.
	systemctl list-units --all --no-legend --no-pager --plain --type service,socket,timer,path --state active,failed |
		awk '$4 != "exited" && $1 !~ /^(user@|user-runtime-dir@|systemd-(hostnamed|timedated|localed|tmpfiles-clean))/ { print "runs\t" $1 "\t" $3 " " $4 }'
}

# Numbers and hardware addresses of interfaces, their link-local addresses, and times, are what they happen to be; so are the names of links to
# containers.
network() {
	local each
	for each in -4 -6; do
		ip "$each" -oneline address | awk '$2 !~ /^veth/ && $4 !~ /^fe80/ { print "address\t" $2 " " $4 "\t" $3 }'
		ip "$each" route show table all | sed -E '/dev veth|fe80::[0-9a-f]/d; s/ expires [0-9]+sec//; s/^/route\t/'
		ip "$each" rule | sed 's/^/rule\t/'
	done
	ip -oneline link | sed -E '/^[0-9]+: veth/d; s/^[0-9]+: ([^:@]+)[^:]*: /link\t\1\t/; s/link\/ether [^ ]+/ether/'
	sysctl --all --pattern '^net\.ipv[46]\.(conf\.|ip_forward)' 2>/dev/null | sed -E '/\.veth|stable_secret/d; s/ = /\t/; s/^/sysctl\t/'
	{ nft --stateless list ruleset 2>/dev/null || true; } | awk '
		$1 == "table" { table = $2 " " $3; part = "" }
		/^\t[a-z]+ [^ ]+ [{]$/ { part = $2 }
		NF > 0 && $1 != "}" { gsub(/^\t+/, ""); print "nft\t" table " " part " " ++n[table, part] "\t" $0 }'
}

programs() {
	dpkg-query --show --showformat 'package\t${Package}\t${db:Status-Status}\n'
	apt-mark showmanual | sed 's/.*/manual\t&\twanted by somebody/'
	# Configuration that came with a package which is new is not compared: this is.
	{ dpkg --verify nftables 2>/dev/null || true; } | sed 's/^/changed\t/'
	getent passwd | sed 's/:/\t/; s/^/user\t/'
	getent group | sed 's/:/\t/; s/^/group\t/'
}

# of_packages adds the package to lines about a path, or a unit, that comes with one.
of_packages() {
	awk -F '\t' -v OFS='\t' '
		FILENAME != "-" {
			if (FNR == 1) { package = FILENAME; gsub(/.*\/|(:[a-z0-9]+)?\.list$/, "", package) }
			from[$0] = package
			if ($0 ~ /\/systemd\/system\/[^\/]+$/) { unit = $0; sub(/.*\//, "", unit); unit_from[unit] = package }
			next
		}
		$1 == "package" || $1 == "manual" { $4 = $2 }
		($1 == "file" || $1 == "content") && $2 in from { $4 = from[$2] }
		$1 == "unit" && $2 in unit_from { $4 = unit_from[$2] }
		{ print }' /var/lib/dpkg/info/*.list -
}

{ files && units && network && programs; } | of_packages
