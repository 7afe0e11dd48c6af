// Package port finds ports for servers of tests.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// first and last bound what Free gives: below the ports that the kernel gives to connections and to listeners that name none (from 32768 on:
// ip_local_port_range, ip(7)), so that none of these takes a port between the search and the use, or while a test restarts its server.
const first, last = 20000, 28999

// given are the ports that this process has: its tests run at the same time, and may listen later.
var given sync.Map

// Free is a TCP port on which nothing listens, and which was not given before. An error: a hundred ports at random were taken.
func Free() (int, error) {
	for range 100 {
		port := first + rand.IntN(last-first+1)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("find a free port between %d and %d: a hundred tries found none", first, last)
}
