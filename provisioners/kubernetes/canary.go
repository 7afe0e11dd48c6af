package kubernetes

import (
	_ "embed"
	"strconv"
	"time"
)

//go:embed canary.sh
var canaryScript string

// CanaryScript is what both pods run, the canary and the probe: a file for busybox's sh.
func CanaryScript() string { return canaryScript }

// CanaryServe are the script's arguments in the canary, which ends by itself after limit, in whole seconds.
func CanaryServe(limit time.Duration) []string { return canaryArgs("serve", limit) }

// CanaryTry are the script's arguments in the probe, except the last one, the canary's address. Policies may take limit to be enforced.
func CanaryTry(wait time.Duration) []string { return canaryArgs("try", wait) }

func canaryArgs(verb string, wait time.Duration) []string {
	args := []string{verb}
	for _, n := range []int{CanaryOpen, CanaryIngress, CanaryEgress, CanaryDone, int(wait.Seconds())} {
		args = append(args, strconv.Itoa(n))
	}
	return args
}
