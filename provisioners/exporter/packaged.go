package exporter

import (
	"cmp"

	"github.com/promwire/promwire/provisioners/folders"
)

// packaged are the rows of the exporters that come as packages of Debian and Ubuntu, by name. A package's name is that of its unit and
// its binary, and its exporter runs as the user prometheus unless the row says otherwise. Exporters whose flags differ between the releases
// of the distributions are not in the table, except for a web configuration that an older release does not have: those have no WebFlag.
var packaged = []Exporter{
	fromPackage("prometheus-bind-exporter", Exporter{
		Name: "bind", Sees: "the name server BIND", Port: 9119, WebFlag: webFlag, Up: "bind_up",
		// named.conf: statistics-channels { inet 127.0.0.1 port 8053 allow { 127.0.0.1; }; };
	}),
	fromPackage("prometheus-haproxy-exporter", Exporter{
		Name: "haproxy", Sees: "the load balancer HAProxy", Port: 9101, WebFlag: webFlag, Up: "haproxy_up",
	}),
	fromPackage("prometheus-mysqld-exporter", Exporter{
		Name: "mysqld", Sees: "MySQL or MariaDB", Port: 9104, WebFlag: webFlag, Up: "mysql_up",
		// CREATE USER prometheus@localhost IDENTIFIED VIA unix_socket; GRANT PROCESS, REPLICATION CLIENT, SELECT ON *.* TO prometheus@localhost;
		Flags:      []string{"--config.my-cnf=" + mysqldConfig},
		ConfigFile: mysqldConfig,
		// The exporter refuses a file without a password; by the socket nobody asks for it.
		Config: "[client]\nuser=prometheus\npassword=unused\nsocket=/run/mysqld/mysqld.sock\n",
	}),
	fromPackage("prometheus-nginx-exporter", Exporter{
		Name: "nginx", Sees: "the web server nginx", Port: 9113, Up: "nginx_up",
		// A location with stub_status at http://127.0.0.1:8080/stub_status, or flags: --nginx.scrape-uri=URL.
	}),
	fromPackage("prometheus-postgres-exporter", Exporter{
		Name: "postgres", Sees: "PostgreSQL", Port: 9187, WebFlag: webFlag, Up: "pg_up",
		// CREATE USER prometheus; GRANT pg_monitor TO prometheus; and peer authentication, as Debian has it.
		Environment: []string{"DATA_SOURCE_NAME=user=prometheus host=/run/postgresql dbname=postgres"},
		Secret:      "DATA_SOURCE_NAME",
	}),
	fromPackage("prometheus-process-exporter", Exporter{
		Name: "process", Sees: "groups of processes", Port: 9256, One: true, WebFlag: webFlag,
	}),
	fromPackage("prometheus-redis-exporter", Exporter{
		Name: "redis", Sees: "Redis", Port: 9121, Up: "redis_up",
		Environment: []string{"REDIS_ADDR=redis://127.0.0.1:6379"},
		Secret:      "REDIS_PASSWORD",
	}),
	fromPackage("prometheus-squid-exporter", Exporter{
		Name: "squid", Sees: "the caching proxy Squid", User: "proxy", Port: 9301, ListenFlag: "--listen", Up: "squid_up",
		// squid.conf, as Debian has it: http_access allow localhost manager. It listens on port 3128.
		Secret: "SQUID_PASSWORD",
	}),
}

const (
	// webFlag is exporter-toolkit's.
	webFlag = "--web.config.file"
	// mysqldConfig says how the mysqld exporter logs in: as the user that it runs as, by the socket.
	mysqldConfig = folders.Config + "/prometheus-mysqld-exporter.cnf"
)

// fromPackage is a row with what the exporters of packages have in common.
func fromPackage(name string, e Exporter) Exporter {
	e.Package, e.Unit, e.Program, e.User = name, name, "/usr/bin/"+name, cmp.Or(e.User, "prometheus")
	e.ListenFlag, e.CheckFlag = cmp.Or(e.ListenFlag, "--web.listen-address"), "--version"
	e.Service = append([]string{"ProtectProc=default"}, e.Service...) // some look at the processes of their service
	return e
}
