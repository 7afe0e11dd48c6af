// Command reflect is the project's demonstration service: it answers each line of a TCP connection with the line, and tells
// Prometheus how many connections it had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// drain is how long requests for metrics may take that are under way when the service ends.
const drain = 2 * time.Second

func main() {
	listen := flag.String("listen", ":7000", "`host:port` where lines are answered")
	metrics := flag.String("metrics", ":8080", "`host:port` of /metrics and /healthz")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(flag.CommandLine.Output(), "unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *metrics); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, which is not an error, or until it fails.
func run(ctx context.Context, listen, metrics string) error {
	lines, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("serve lines: %w", err)
	}
	defer lines.Close()
	pages, err := net.Listen("tcp", metrics)
	if err != nil {
		return fmt.Errorf("serve metrics: %w", err)
	}
	defer pages.Close()
	return serve(ctx, lines, pages)
}

// serve serves on open sockets, and closes them.
func serve(ctx context.Context, lines, pages net.Listener) error {
	registry := prometheus.NewRegistry()
	echo := newEcho(registry)
	web := &http.Server{Handler: handler(registry), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: idle}
	failed := make(chan error, 2)
	go func() { failed <- fmt.Errorf("serve lines: %w", echo.serve(lines)) }()
	go func() { failed <- fmt.Errorf("serve metrics: %w", web.Serve(pages)) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return errors.Join(err, web.Shutdown(late), lines.Close())
}
