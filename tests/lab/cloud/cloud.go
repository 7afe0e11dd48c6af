// Package cloud is one account at DigitalOcean, as its API v2 shows it, over machines that a Hypervisor runs. It speaks
// the part of the API that a fleet uses, with godo's types and the API's own ways, so that any client of the real one
// works with it: droplets are `new` before they are `active`, lists come in pages, requests are counted.
//
// Behaviour follows DigitalOcean's API reference (https://docs.digitalocean.com/reference/api/); where that is silent,
// what the API's clients report of it.
package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// API is an http.Handler that serves one account. Its state lies on disk, so that a new API goes on where the
// former one ended.
type API struct {
	machines Hypervisor
	token    string
	log      *slog.Logger
	now      func() time.Time
	requests *limiter
	images   []string // slugs of those that droplets can have
	routes   *http.ServeMux

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // droplets on their way, and the loop that filters their links
	closed bool           // no work begins any more

	mutex  sync.Mutex // guards what follows, and closed
	store  store
	state  state
	faults Faults

	filters filters
}

// Option changes how an API behaves.
type Option func(*API)

// WithLimits sets how many requests pass in a minute and in an hour; 0: no limit. Without it: DigitalOcean's 250 and
// 5,000.
func WithLimits(minute, hour int) Option {
	return func(a *API) { a.requests.minute, a.requests.hour = minute, hour }
}

// WithImages sets which images droplets can have, by their slugs, where the hypervisor hasn't all. Without it: the
// catalogue's.
func WithImages(slugs ...string) Option {
	return func(a *API) { a.images = slices.Clone(slugs) }
}

// WithLog sets where the API says what failed behind it, which the account's user does not see. Without it: nowhere.
func WithLog(log *slog.Logger) Option {
	return func(a *API) { a.log = log }
}

// New opens the account whose state lies below the folder dir, which it makes if needed, and goes on with the droplets
// that were on their way. Requests must bear the token. An error says that the state can't be read.
func New(dir string, machines Hypervisor, token string, options ...Option) (*API, error) {
	if token == "" {
		return nil, errors.New("cloud: open account: no token given")
	}
	a := &API{
		machines: machines,
		token:    token,
		log:      slog.New(slog.DiscardHandler),
		now:      time.Now,
		requests: &limiter{minute: 250, hour: 5000},
		images:   slices.Sorted(maps.Keys(images)),
		filters:  newFilters(),
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	for _, option := range options {
		option(a)
	}
	var err error
	if a.store, a.state, err = open(dir); err != nil {
		a.cancel()
		return nil, fmt.Errorf("cloud: open account: %w", err)
	}
	a.routes = a.mux()
	a.resume()
	return a, nil
}

// Close stops what is under way and waits for it. A later New goes on with it.
func (a *API) Close() error {
	a.mutex.Lock()
	a.closed = true
	a.mutex.Unlock()
	a.cancel()
	a.work.Wait()
	return nil
}

// resume goes on with what a former API left half done.
func (a *API) resume() {
	a.background(a.filterLoop)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, d := range a.state.droplets() {
		switch {
		case d.Leaving:
			a.begin(func(ctx context.Context) { a.destroy(ctx, d.ID) })
		case d.Status == statusNew:
			a.begin(func(ctx context.Context) { a.build(ctx, d.ID) })
		}
	}
	a.filters.wake()
}

// background runs work that Close ends and waits for.
func (a *API) background(work func(context.Context)) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.begin(work)
}

// begin is background for those who hold the mutex. Once closed, nothing begins: the next New does it.
func (a *API) begin(work func(context.Context)) {
	if !a.closed {
		a.work.Go(func() { work(a.ctx) })
	}
}

// save writes the state to disk. It is called with the mutex held, after each change and before its answer.
func (a *API) save() error { return a.store.write(a.state) }

// ServeHTTP answers a request of the API.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newUUID()
	w.Header().Set("X-Request-Id", id)
	if err := a.admit(w, r); err != nil {
		writeError(w, id, err)
		return
	}
	a.routes.ServeHTTP(w, r)
}

// endpoint answers one kind of request with a status and a body (nil: none), or with an error. It holds the mutex.
type endpoint func(r *http.Request) (int, any, error)

// handle makes a handler of an endpoint. What goes over the wire is read before and written after the mutex is held.
func (a *API) handle(serve endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, answer, err := a.answer(w, r, serve)
		if err != nil {
			if _, ok := errors.AsType[*apiError](err); !ok {
				a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			writeError(w, w.Header().Get("X-Request-Id"), err)
			return
		}
		write(w, status, answer)
	}
}

// answer encodes an endpoint's answer; nil for none.
func (a *API) answer(w http.ResponseWriter, r *http.Request, serve endpoint) (status int, answer []byte, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return 0, nil, &apiError{http.StatusBadRequest, "bad_request", "could not read the request's body"}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	a.mutex.Lock()
	defer a.mutex.Unlock()
	status, value, err := serve(r)
	if err != nil || value == nil {
		return status, nil, err
	}
	answer, err = json.Marshal(value)
	return status, answer, err
}

func write(w http.ResponseWriter, status int, answer []byte) {
	if answer != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the status is out already: a client that went away is all that can fail here
}

// readJSON decodes a request's body.
func readJSON(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return &apiError{http.StatusBadRequest, "bad_request", "could not parse the request's body: " + err.Error()}
	}
	return nil
}
