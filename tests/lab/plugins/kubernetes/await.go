package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// awaiting is an object that was applied and shall become ready.
type awaiting struct {
	inputs *unstructured.Unstructured
	live   *unstructured.Unstructured // as the API gave it back
	limit  time.Duration
}

// view is what one look at the cluster shows of an object.
type view struct {
	live    *unstructured.Unstructured
	related map[string][]unstructured.Unstructured // of its namespace, by resource
	settled time.Duration                          // for how long those of its own name have been as they are
}

// verdict is whether an object is ready.
type verdict struct {
	ready   bool
	failed  bool     // and it never will be
	enough  bool     // it counts as ready when time is up
	status  string   // what it waits for
	reasons []string // what is wrong
}

// awaiter says how objects of a kind become ready.
type awaiter struct {
	related []schema.GroupVersionResource
	judge   func(*view) verdict
	limit   time.Duration // 0: as the object says, or the usual one
}

// await waits until an object is ready, and returns how it is then. An object of a kind that has nothing to become is ready
// at once.
func (c *call) await(a awaiting) (*unstructured.Unstructured, error) {
	how, ok := c.awaiters()[a.live.GetAPIVersion()+" "+a.live.GetKind()]
	if !ok || says(a.inputs, skipAwait) {
		return a.live, nil
	}
	if how.limit > 0 {
		a.limit = how.limit
	}
	ctx, cancel := context.WithTimeout(c.ctx, a.limit)
	defer cancel()
	w := watching{call: c, how: how, last: &view{live: a.live}, since: time.Now()}
	for pause := c.pace.look; ; pause = min(pause*3/2, c.pace.longest) {
		v, err := w.look(ctx, w.last.live)
		switch {
		case err != nil && ctx.Err() == nil:
			return w.last.live, w.failure(err.Error(), err)
		case v.ready:
			c.status(diag.Info, "")
			return w.last.live, nil
		case v.failed:
			return w.last.live, w.failure(fmt.Sprintf("Resource '%s' was created but failed to initialize", a.live.GetName()), nil)
		}
		select {
		case <-ctx.Done():
			if w.verdict.enough {
				return w.last.live, nil
			}
			err := ended(c.ctx, ctx)
			return w.last.live, w.failure(fmt.Sprintf("'%s' %v", a.live.GetName(), err), err)
		case <-time.After(pause):
		}
	}
}

// ended is why a wait ended.
func ended(all, limited context.Context) error {
	if all.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return errors.New("timed out waiting to be Ready")
	}
	return errors.New("Resource operation was cancelled")
}

// watching is a wait that goes on.
type watching struct {
	*call
	how     awaiter
	last    *view
	verdict verdict
	version string    // of the related objects
	since   time.Time // when they last changed
}

// failure is what is wrong with the object, as far as it was seen.
func (w *watching) failure(what string, cause error) error {
	return &unready{live: w.last.live, what: what, reasons: w.verdict.reasons, cause: cause}
}

// look reads the object. An API that can't answer just now is not a failure; one that refuses the request is.
func (w *watching) look(ctx context.Context, obj *unstructured.Unstructured) (verdict, error) {
	now := &view{live: obj, related: map[string][]unstructured.Unstructured{}}
	api, err := w.cluster.resource(obj)
	if err != nil {
		return verdict{}, err
	}
	live, err := api.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if err != nil {
		return w.unseen(err)
	}
	now.live = live
	version := ""
	for _, gvr := range w.how.related {
		list, err := w.cluster.client.Resource(gvr).Namespace(live.GetNamespace()).List(ctx, metav1.ListOptions{})
		if err != nil {
			return w.unseen(err)
		}
		now.related[gvr.Resource] = list.Items
		for _, item := range list.Items {
			if item.GetName() == live.GetName() {
				version += item.GetResourceVersion() + " "
			}
		}
	}
	if version != w.version {
		w.version, w.since = version, time.Now()
	}
	now.settled = time.Since(w.since)
	w.last, w.verdict = now, w.how.judge(now)
	if !w.verdict.ready && w.verdict.status != "" {
		w.status(diag.Info, w.verdict.status)
	}
	return w.verdict, nil
}

// unseen is for a look that failed.
func (w *watching) unseen(err error) (verdict, error) {
	if apierrors.IsForbidden(err) {
		return verdict{}, fmt.Errorf("can't see whether it becomes ready (it takes the right to get and list): %w", err)
	}
	w.status(diag.Warning, err.Error())
	return verdict{}, nil
}

// lookOnce says what is not ready of an object.
func (c *call) lookOnce(live *unstructured.Unstructured) error {
	how, ok := c.awaiters()[live.GetAPIVersion()+" "+live.GetKind()]
	if !ok {
		return nil
	}
	// A service's endpoints have had their time to settle.
	w := watching{call: c, how: how, last: &view{live: live}, since: time.Now().Add(-c.pace.settle)}
	now, err := w.look(c.ctx, live)
	if err != nil {
		return w.failure(err.Error(), err)
	}
	if now.ready || now.enough {
		return nil
	}
	return w.failure(fmt.Sprintf("Resource '%s' was created but failed to initialize", live.GetName()), nil)
}
