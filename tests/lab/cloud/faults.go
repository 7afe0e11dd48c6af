package cloud

import (
	"net/http"
	"time"
)

// Faults are what goes wrong on purpose, for tests. A counted fault ends by itself. The zero value has none.
type Faults struct {
	// Unavailable is how many of the next requests get a 503.
	Unavailable int `json:"unavailable"`
	// RefuseDroplets is how many of the next creations of a droplet are refused with the droplet limit's 422.
	RefuseDroplets int `json:"refuse_droplets"`
	// FailDroplets is how many of the next droplets are never made: they are `new` for a moment, and gone (404) then.
	FailDroplets int `json:"fail_droplets"`
	// DropletDelay is for how long each new droplet stays `new` before its machine is made; in JSON, nanoseconds.
	DropletDelay time.Duration `json:"droplet_delay"`
}

// FaultsPath is where PUT sets an API's Faults and GET shows what is left of them, both as JSON and with the account's
// token. It is not a part of DigitalOcean's API.
const FaultsPath = "/lab/faults"

// Inject replaces the faults.
func (a *API) Inject(f Faults) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.faults = f
}

func (a *API) getFaults(*http.Request) (int, any, error) {
	return http.StatusOK, a.faults, nil
}

func (a *API) putFaults(r *http.Request) (int, any, error) {
	var f Faults
	if err := readJSON(r, &f); err != nil {
		return 0, nil, err
	}
	a.faults = f
	return http.StatusOK, f, nil
}

// due counts a fault down and says whether it was due. It is called with the mutex held.
func due(fault *int) bool {
	if *fault <= 0 {
		return false
	}
	*fault--
	return true
}
