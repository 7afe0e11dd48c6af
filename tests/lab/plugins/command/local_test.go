package main

import "testing"

func TestLocal(t *testing.T) {
	each(t, func(t *testing.T, binary string) {
		p, dir := start(t, binary), t.TempDir()
		inputs := properties{
			"create": `pwd; cat; echo $A$PULUMI_COMMAND_STDOUT; echo e >&2`, "stdin": "in\n", "dir": dir,
			"environment": map[string]any{"A": "a"},
		}
		state, err := p.create(localURN, inputs, false)
		must(t, err)
		if want := dir + "\nin\na"; state["stdout"] != want || state["stderr"] != "e" {
			t.Errorf("stdout %q, want %q; stderr %q", state["stdout"], want, state["stderr"])
		}
		for _, c := range []struct {
			name, want string
			change     properties
		}{
			{"update", "u", properties{"update": "echo u"}},
			{"interpreter", "-c x", properties{"create": "x", "interpreter": []any{"/bin/echo", "-c"}}},
			{"the previous output is in the environment", state["stdout"].(string), properties{"create": `echo "$PULUMI_COMMAND_STDOUT"`}},
			{"unless this is turned off", "", properties{"create": `echo "$PULUMI_COMMAND_STDOUT"`, "addPreviousOutputInEnv": false}},
		} {
			got, err := p.update(localURN, state, inputs, with(inputs, c.change), false)
			must(t, err)
			if got["stdout"] != c.want {
				t.Errorf("%s: stdout is %q, want %q", c.name, got["stdout"], c.want)
			}
		}
		if got := p.diff(localURN, state, inputs, with(inputs, properties{"triggers": []any{1}})); got != "replace" {
			t.Errorf("new triggers make %q", got)
		}
		failing := with(inputs, properties{"create": "echo no; exit 5"})
		_, err = p.create(localURN, failing, false)
		expect(t, err, `exit status 5: running "echo no; exit 5":`, "no\n")
		must(t, p.remove(localURN, state, inputs))
		failing = with(inputs, properties{"delete": "echo no; exit 6"})
		expect(t, p.remove(localURN, with(state, properties{"delete": "echo no; exit 6"}), failing), "exit status 6")
	})
}
