// Kubestate stands in for kube-state-metrics, which the lab can't build. It takes the flags that promwire gives, and serves metrics that
// were written by hand after the real one's documentation, of a shop where something is wrong with each kind of object. It asks no API server, so it
// shows how the real one is scraped and what rules make of such metrics, no more.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
)

func main() {
	host := flag.String("host", "::", "address to listen at")
	port := flag.Int("port", 8080, "TCP port of the metrics")
	itself := flag.String("telemetry-host", "::", "address of its own metrics")
	own := flag.Int("telemetry-port", 8081, "TCP port of its own metrics")
	resources := flag.String("resources", "", "kinds to tell of, separated by commas")
	flag.Parse()
	said := of(strings.Split(*resources, ","))
	go serve(*itself, *own, "")
	serve(*host, *port, said)
}

// of are the written metrics of these kinds: the real one leaves out the others, too.
func of(kinds []string) string {
	var all strings.Builder
	for _, kind := range kinds {
		all.WriteString(written[kind])
	}
	return all.String()
}

func serve(host string, port int, said string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, said)
	})
	log.Fatal(http.ListenAndServe(net.JoinHostPort(host, strconv.Itoa(port)), mux))
}
