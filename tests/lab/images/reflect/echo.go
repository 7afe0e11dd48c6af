package main

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// idle is how long a connection may be silent. A forwarder on the way may never tell that the other end is gone.
const idle = 5 * time.Minute

// echo answers lines, and counts connections.
type echo struct {
	connections prometheus.Counter
	idle        time.Duration
}

func newEcho(registry prometheus.Registerer) *echo {
	e := &echo{idle: idle, connections: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "reflect_connections_total", Help: "Connections accepted since the start.",
	})}
	registry.MustRegister(e.connections)
	return e
}

// serve accepts connections until the socket is closed.
func (e *echo) serve(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		e.connections.Inc()
		go e.answer(connection)
	}
}

// answer answers each line, of 64 KiB at most, until the other end closes or is silent for too long. A last line without an
// end is answered, too.
func (e *echo) answer(connection net.Conn) {
	defer connection.Close()
	wait := func() bool { return connection.SetDeadline(time.Now().Add(e.idle)) == nil }
	for lines := bufio.NewScanner(connection); wait() && lines.Scan(); {
		if _, err := fmt.Fprintf(connection, "you sent me: %s\n", lines.Text()); err != nil {
			return
		}
	}
}
