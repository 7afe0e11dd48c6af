package cloud

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// admit says whether a request may pass, and writes the headers that tell how many more may.
func (a *API) admit(w http.ResponseWriter, r *http.Request) error {
	if !a.authentic(r) {
		return errUnauthorized
	}
	if r.URL.Path == FaultsPath {
		return nil
	}
	if !a.requests.pass(w.Header(), a.now()) {
		return errTooMany
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if due(&a.faults.Unavailable) {
		return errUnavailable
	}
	return nil
}

// authentic says whether a request bears the token, in a time that says nothing about how nearly it did.
func (a *API) authentic(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(token), []byte(a.token)) == 1
}

// limiter counts requests as DigitalOcean does: each counts for one hour, and of these no more than the burst limit may
// have come in the last minute. 0: no limit.
type limiter struct {
	minute, hour int

	mutex  sync.Mutex
	passed []time.Time // of the last hour, oldest first
}

// pass counts a request that comes now and says whether it may pass. It sets the headers of the answer: RateLimit-* are
// about the hour (Reset is when the oldest request no longer counts), Retry-After comes only with the minute's limit.
func (l *limiter) pass(h http.Header, now time.Time) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.passed = since(l.passed, now.Add(-time.Hour))
	lately := since(l.passed, now.Add(-time.Minute))

	full := l.hour > 0 && len(l.passed) >= l.hour
	burst := l.minute > 0 && len(lately) >= l.minute
	if !full && !burst {
		l.passed = append(l.passed, now)
	}
	if l.hour > 0 {
		remaining, reset := l.hour-len(l.passed), now.Add(time.Hour)
		if len(l.passed) > 0 {
			reset = l.passed[0].Add(time.Hour)
		}
		if burst {
			remaining = 0
		}
		h.Set("RateLimit-Limit", strconv.Itoa(l.hour))
		h.Set("RateLimit-Remaining", strconv.Itoa(remaining))
		h.Set("RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	}
	if burst && !full {
		wait := lately[0].Add(time.Minute).Sub(now)
		h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1)) // whole seconds, and never too few
	}
	return !full && !burst
}

// since cuts off the times before start.
func since(times []time.Time, start time.Time) []time.Time {
	first := 0
	for first < len(times) && !times[first].After(start) {
		first++
	}
	return times[first:]
}
