package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// start serves on free ports until the test ends, and makes sure that it ends without an error.
func start(t *testing.T) (lines, pages net.Addr) {
	t.Helper()
	var listeners [2]net.Listener
	for i := range listeners {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = listener
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serve(ctx, listeners[0], listeners[1]) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	return listeners[0].Addr(), listeners[1].Addr()
}

// get is a page's status and text.
func get(t *testing.T, server net.Addr, path string) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + server.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestReflect: each connection is counted once, and each of its lines is answered.
func TestReflect(t *testing.T) {
	lines, pages := start(t)
	for i := range 3 {
		if _, text := get(t, pages, "/metrics"); !strings.Contains(text, fmt.Sprintf("\nreflect_connections_total %d\n", i)) {
			t.Errorf("after %d connections: %s", i, text)
		}
		connection, err := net.Dial("tcp", lines.String())
		if err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewReader(connection)
		for _, line := range []string{"hello", "", "with  spaces "} {
			fmt.Fprintln(connection, line)
			if got, err := answers.ReadString('\n'); got != "you sent me: "+line+"\n" {
				t.Errorf("%q was answered with %q, %v", line, got, err)
			}
		}
		connection.Close()
	}
}

// TestWeb: the service is well, and nothing else is served.
func TestWeb(t *testing.T) {
	_, pages := start(t)
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/": 404} {
		if status, text := get(t, pages, path); status != want {
			t.Errorf("%s: %d, %s", path, status, text)
		}
	}
}

// TestAnswerEnds: silence ends a connection, and so does a line that never ends.
func TestAnswerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		idle time.Duration
	}{"silence": {"", time.Nanosecond}, "too long": {strings.Repeat("x", 1<<17), idle}} {
		e := newEcho(prometheus.NewRegistry())
		e.idle = c.idle
		client, server := net.Pipe()
		go e.answer(server)
		go func() { _, _ = io.WriteString(client, c.send) }() // what is refused is not read
		if text, err := io.ReadAll(client); err != nil || len(text) > 0 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// TestAnswerLeft: a connection that the other end closes is not held.
func TestAnswerLeft(*testing.T) {
	client, server := net.Pipe()
	client.Close()
	newEcho(prometheus.NewRegistry()).answer(server) // or the test never ends
}

// TestRunRefuses: an address that can't be listened on is an error that says which.
func TestRunRefuses(t *testing.T) {
	for want, addresses := range map[string][2]string{
		"serve lines: listen tcp: address x":   {"x", "127.0.0.1:0"},
		"serve metrics: listen tcp: address y": {"127.0.0.1:0", "y"},
	} {
		if err := run(t.Context(), addresses[0], addresses[1]); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
