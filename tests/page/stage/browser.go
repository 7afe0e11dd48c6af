package stage

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/promwire/promwire/tests/lab/setup"
)

// patience only ends a test that hangs.
const patience = 2 * time.Minute

// Browser is a headless Chromium.
type Browser struct{ ctx context.Context }

// Browse starts a Browser, which ends with the test.
func Browse(t testing.TB) Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(setup.Chromium), chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 { // Chromium's own sandbox is for ordinary users
		options = append(options, chromedp.NoSandbox)
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	browser, quit := chromedp.NewContext(allocator)
	t.Cleanup(quit)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return Browser{browser}
}

// Tab is a page in the browser.
type Tab struct {
	testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Look is how a Tab shows a page.
type Look struct {
	Width, Height int64  // of the window, in pixels; 0: 1280 x 900
	Dark          bool   // the system prefers dark colours
	First         string // JavaScript that runs before the page's own
}

// Open opens an address in a tab of its own, which ends with the test.
func (b Browser) Open(t testing.TB, address string, look Look) *Tab {
	t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	t.Cleanup(end)
	tab := &Tab{TB: t, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.listen); err != nil {
		t.Fatal(err)
	}
	if look.Width == 0 {
		look.Width, look.Height = 1280, 900
	}
	tab.Do(
		chromedp.EmulateViewport(look.Width, look.Height),
		chromedp.Func(look.dress),
		chromedp.Navigate(address),
	)
	return tab
}

func (l Look) dress(ctx context.Context, t *chromedp.Target) error {
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media); err != nil {
		return err
	}
	_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: l.First})
	return err
}

func (t *Tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		t.complaints = append(t.complaints, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		t.complaints = append(t.complaints, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// Complaints are what the browser has to say about the page: its errors, and what its policy forbade.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.complaints
}

// Do does what a person does.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, end := context.WithTimeout(t.ctx, patience)
	defer end()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// Window is what the window shows, as a PNG.
func (t *Tab) Window() []byte {
	t.Helper()
	png, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	return png
}

// Eval is the value of a JavaScript expression, which may be a promise.
func Eval[T any](t *Tab, expression string) T {
	t.Helper()
	ctx, end := context.WithTimeout(t.ctx, patience)
	defer end()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Until waits until a JavaScript expression is true.
func (t *Tab) Until(expression string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !Eval[bool](t, "Boolean("+expression+")"); time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s; the page says %q, the browser %q", expression, Eval[string](t, "document.body.innerText.slice(0, 2000)"), t.Complaints())
		}
	}
}
