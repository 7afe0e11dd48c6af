package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/relay"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/systemd"
)

// Effect is what a host does when it gets another Script, as far as the two texts show it. The zero Effect is nothing.
type Effect struct {
	Files    []string // paths of the files that become others, are made or are removed; sorted
	Starts   []string // units that the former text did not have, sorted
	Restarts []string // units that are restarted, sorted
	May      []string // units that may be restarted: what they run with is not in the text alone; sorted
	Ends     []string // units that end, sorted
	Calls    []string // what else is done: names of the functions with other words, sorted
}

// Difference is the Effect of a Script in place of a former one, on a host that did what that one says. An error is a text that is not a
// Script's: then nothing is known.
func Difference(before, after string) (Effect, error) {
	was, err := read(before)
	if err != nil {
		return Effect{}, err
	}
	now, err := read(after)
	if err != nil {
		return Effect{}, err
	}
	return compare(contents(was), contents(now)), nil
}

// content is what one text says a host has.
type content struct {
	calls    map[string]string   // each as text: the function's name; "" of a file
	files    map[string]string   // what a path has: a file's text, or the version that it is linked to
	mode     map[string]string   // the other words about a file
	services map[string][]string // paths that a unit is restarted for, its own first
}

func contents(calls []call) content {
	c := content{calls: map[string]string{}, files: map[string]string{}, mode: map[string]string{}, services: map[string][]string{}}
	for _, one := range calls {
		c.add(one)
	}
	return c
}

func (c content) add(one call) {
	words := one.words
	if len(words) == 0 {
		return
	}
	c.calls[one.String()] = words[0]
	if at := slices.Index(words, "put"); at >= 0 && at+1 < len(words) {
		path := words[at+1]
		c.files[path] = strings.Join(words[:at], " ") + "\n" + one.input // with_sandbox, from_library
		c.mode[path] = strings.Join(words[at:], " ")
		c.calls[one.String()] = ""
		return
	}
	switch {
	case len(words) > 3 && words[0] == "link_release":
		for _, binary := range words[3:] {
			c.files[release.Binaries+"/"+binary] = words[1] + " " + words[2]
		}
	case len(words) > 1 && words[0] == "service":
		c.services[words[1]] = append([]string{systemd.Units + "/" + words[1]}, words[2:]...)
	case len(words) > 2 && words[0] == "relays": // the host looks at what listens where
		for _, port := range words[2:] {
			unit := relayUnit + port + ".socket"
			c.services[unit] = []string{systemd.Units + "/" + unit}
		}
	}
}

// relayUnit begins the names of relays' units.
var relayUnit = strings.TrimSuffix(relay.Name(0), "0")

func compare(was, now content) Effect {
	files, texts := changedFiles(was, now), changedTexts(was, now)
	starts, restarts, may := map[string]bool{}, map[string]bool{}, map[string]bool{}
	library := uses(was) != uses(now)
	for unit, inputs := range now.services {
		former, ran := was.services[unit]
		switch {
		case !ran:
			starts[unit] = true
		case slices.ContainsFunc(inputs, func(path string) bool { return texts[path] }):
			restarts[unit] = true
		case library || !slices.Equal(former, inputs) || slices.ContainsFunc(inputs, func(path string) bool { return !now.says(path) }):
			may[unit] = true
		}
	}
	now.parts(restarts, may)
	for unit := range starts { // it starts in any case
		delete(restarts, unit)
		delete(may, unit)
	}
	e := Effect{Files: sorted(files), Starts: sorted(starts), Restarts: sorted(restarts), May: sorted(may)}
	for unit := range was.services {
		if _, runs := now.services[unit]; !runs {
			e.Ends = append(e.Ends, unit)
		}
	}
	slices.Sort(e.Ends)
	e.Calls = changedCalls(was, now)
	return e
}

// uses is the version of the functions that a text calls.
func uses(c content) string {
	for text, name := range c.calls {
		if name == "use" {
			return text
		}
	}
	return ""
}

// says whether the text has all of a path: not what a package, a person or the host itself writes.
func (c content) says(path string) bool {
	_, known := c.files[path]
	return known
}

// parts adds the units that systemd restarts with others: PartOf in their files.
func (c content) parts(restarts, may map[string]bool) {
	for unit := range c.services {
		text := c.files[systemd.Units+"/"+unit]
		for _, all := range []map[string]bool{restarts, may} {
			for _, of := range slices.Collect(maps.Keys(all)) {
				if strings.Contains(text, "\nPartOf="+of+"\n") {
					all[unit] = true
				}
			}
		}
	}
	for unit := range restarts {
		delete(may, unit)
	}
}

// changedTexts are the files whose text becomes another one: a unit is restarted for no less.
func changedTexts(was, now content) map[string]bool {
	changed := map[string]bool{}
	for path, text := range now.files {
		if former, there := was.files[path]; !there || former != text {
			changed[path] = true
		}
	}
	return changed
}

// changedFiles are those that become others in any way.
func changedFiles(was, now content) map[string]bool {
	changed := changedTexts(was, now)
	for path := range now.files {
		if was.mode[path] != now.mode[path] {
			changed[path] = true
		}
	}
	for path := range was.files {
		if !now.says(path) {
			changed[path] = true
		}
	}
	return changed
}

// quiet are functions that follow from others, or change nothing by themselves.
var quiet = []string{"service", "link_release", "ports", "reread", "prune", "answers", "listens", "user", "dir", "installed", "still_on_trial",
	"keep_receipt", "knows_flags", "stop_later", "space"}

// changedCalls are the functions that are called with other words than before, or not any more. Files are named by their paths.
func changedCalls(was, now content) []string {
	names := map[string]bool{}
	for _, pair := range [][2]content{{was, now}, {now, was}} {
		for text, name := range pair[0].calls {
			if _, same := pair[1].calls[text]; !same && name != "" && !slices.Contains(quiet, name) {
				names[name] = true
			}
		}
	}
	return sorted(names)
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
