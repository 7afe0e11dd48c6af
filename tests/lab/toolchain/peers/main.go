// Command peers is many targets of one monitor in one process: each is an end of the tunnel with its own key and address, has the exporter's
// page, and answers as a fence that reaches nothing. It reads one JSON object for each from standard input, a line each, and ends with it.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

// peer is one target, as its host would find it in its plan.
type peer struct {
	Key      string     `json:"key"`      // its private key, in base64
	Monitor  string     `json:"monitor"`  // the monitor's public key, in base64
	Endpoint string     `json:"endpoint"` // where the monitor's tunnel listens, ADDRESS:PORT
	Allowed  string     `json:"allowed"`  // the monitor's network in the tunnel
	Address  netip.Addr `json:"address"`  // its own there
}

const mtu = 1420 // as the hosts' own tunnels have it

var (
	exporter = flag.String("exporter", "", "URL of the page that all of them show, with what this moment says")
	port     = flag.Int("port", 9100, "where they show it, in the tunnel")
	fence    = flag.Int("fence", 19098, "where they answer as a fence does")
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("peers: ")
	flag.Parse()
	page, err := newPage(*exporter)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var p peer
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			log.Fatal(err)
		}
		if err := p.start(page); err != nil {
			log.Fatalf("%s: %v", p.Address, err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

// start brings up the tunnel and what listens in it, and leaves both running.
func (p peer) start(page *page) error {
	tun, network, err := netstack.CreateNetTUN([]netip.Addr{p.Address}, nil, mtu)
	if err != nil {
		return err
	}
	settings, err := p.settings()
	if err != nil {
		return err
	}
	end := device.NewDevice(tun, &socket{}, device.NewLogger(device.LogLevelError, p.Address.String()+": "))
	if err := end.IpcSet(settings); err != nil {
		return err
	}
	if err := end.Up(); err != nil {
		return err
	}
	scraped, err := network.ListenTCP(&net.TCPAddr{Port: *port})
	if err != nil {
		return err
	}
	asked, err := network.ListenTCP(&net.TCPAddr{Port: *fence})
	if err != nil {
		return err
	}
	go func() { log.Fatal(http.Serve(scraped, page)) }()
	go answer(asked)
	return nil
}

// settings are those of https://www.wireguard.com/xplatform/, which has keys in hexadecimal.
func (p peer) settings() (string, error) {
	var text strings.Builder
	for _, line := range []struct{ name, value string }{{"private_key", p.Key}, {"public_key", p.Monitor}} {
		key, err := base64.StdEncoding.DecodeString(line.value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", line.name, err)
		}
		fmt.Fprintf(&text, "%s=%s\n", line.name, hex.EncodeToString(key))
	}
	fmt.Fprintf(&text, "endpoint=%s\nallowed_ip=%s\npersistent_keepalive_interval=25\n", p.Endpoint, p.Allowed)
	return text.String(), nil
}
