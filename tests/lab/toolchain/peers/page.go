package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// page is what an exporter shows, packed, and asked for again every few seconds, so that its numbers move as those of a host do.
type page struct {
	mu   sync.Mutex
	text []byte
}

// fresh is how long a page is shown. It is shorter than from one scrape to the next.
const fresh = 5 * time.Second

func newPage(url string) (*page, error) {
	p := &page{}
	if err := p.load(url); err != nil {
		return nil, err
	}
	go func() {
		for range time.Tick(fresh) {
			if err := p.load(url); err != nil {
				log.Print(err)
			}
		}
	}()
	return p, nil
}

func (p *page) load(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.Copy(writer, response.Body); err != nil {
		return err
	}
	if _, err := fmt.Fprint(writer, reaches()); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = packed.Bytes()
	return nil
}

// ServeHTTP shows the page to Prometheus, which takes it packed.
func (p *page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	text := p.text
	p.mu.Unlock()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(text)
}

// reaches is what the fence of a target says that reaches nothing (provisioners/scripts/fence.sh).
func reaches() string {
	text := ""
	for _, name := range []string{"probed_addresses", "open_addresses"} {
		for _, to := range []string{"targets", "monitor"} {
			text += fmt.Sprintf("promwire_fence_%s{to=%q,port=\"%d\"} 0\n", name, to, *port)
		}
	}
	return text + fmt.Sprintf("promwire_fence_last_run_timestamp_seconds %d\n", time.Now().Unix())
}

// answer says so to each that asks.
func answer(listener net.Listener) {
	for {
		asker, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer asker.Close()
			_, _ = io.WriteString(asker, reaches())
		}()
	}
}
