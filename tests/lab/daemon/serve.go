// Package daemon is the part of a lab that must be there all the time: the cloud's API and the releases' mirror. The
// machines need nobody; they run by themselves.
package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/setup"
)

// Serve serves a lab's cloud on loopback and its mirror where the machines reach it, until the context ends. What it has
// to say goes to log.
func Serve(ctx context.Context, f folder.Folder, log io.Writer) error {
	last, err := read(f)
	if err != nil {
		return err
	}
	lab, err := machines.Open(ctx, f, log)
	if err != nil {
		return fmt.Errorf("open the lab's machines: %w", err)
	}
	if last.Token == "" {
		last.Token = rand.Text()
	}
	api, err := cloud.New(filepath.Join(f.Run, "cloud"), lab, last.Token,
		cloud.WithLog(slog.New(slog.NewTextHandler(log, nil))), cloud.WithImages(machines.Images...))
	if err != nil {
		return err
	}
	defer api.Close()

	apiListener, err := listen("127.0.0.1", last.API)
	if err != nil {
		return fmt.Errorf("serve the cloud's API: %w", err)
	}
	mirrorListener, err := listen(lab.Network().OperatorV4.String(), last.Mirror)
	if err != nil {
		return fmt.Errorf("serve the mirror: %w", err)
	}
	started, err := startTime(os.Getpid())
	if err != nil {
		return err
	}
	endpoint := Endpoint{
		PID: os.Getpid(), Started: started, Token: last.Token,
		API: "http://" + apiListener.Addr().String(), Mirror: "http://" + mirrorListener.Addr().String(),
	}
	ended := make(chan error, 2)
	go func() { ended <- http.Serve(apiListener, api) }()
	go func() { ended <- http.Serve(mirrorListener, http.FileServer(http.Dir(setup.MirrorFolder(f)))) }()
	if err := endpoint.write(f); err != nil {
		return err
	}
	fmt.Fprintf(log, "%s serving the cloud at %s, the mirror at %s\n", time.Now().Format(time.RFC3339), endpoint.API, endpoint.Mirror)
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// listen listens on the address where the last daemon did, if that is free, or else on any free port.
func listen(host, last string) (net.Listener, error) {
	if u, err := url.Parse(last); err == nil && u.Hostname() == host {
		if listener, err := net.Listen("tcp", u.Host); err == nil {
			return listener, nil
		}
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}
