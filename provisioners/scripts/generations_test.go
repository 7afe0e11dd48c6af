package scripts

import "testing"

// What Pulumi does with commands, as its host sees it. Each line says what it undoes.
func TestGenerations(t *testing.T) {
	t.Parallel()
	const verbs = `
create() { WANTED=apply made enrol.web; }
update() { WANTED=update made enrol.web; }
undo() { (unless_replaced enrol.web 2>&1 3>/dev/null && echo undone) | grep -o 'it was replaced\|undone'; }
`
	const stays, undone = "it was replaced\n", "undone\n"
	for _, c := range []struct{ name, text, said string }{
		{"created and deleted", "create; undo", undone},
		{"updated and deleted", "create; update; update; undo", undone},
		{"replaced", "create; replaces enrol.web; create; undo", stays},
		{"replaced, and deleted later", "create; replaces enrol.web; create; undo; undo", stays + undone},
		{"replaced again", "create; replaces enrol.web; create; undo; replaces enrol.web; create; undo; undo", stays + stays + undone},
		{"replaced while a former one is still to be deleted", "create; replaces enrol.web; create; replaces enrol.web; create; undo; undo; undo", stays + stays + undone},
		{"a replacement that failed, and was deleted", "create; replaces enrol.web; undo", undone},
		{"a replacement that failed, and was updated instead", "create; replaces enrol.web; update; undo", undone},
		{"a replacement that failed, updated, updated", "create; replaces enrol.web; update; update; undo", undone},
		{"a replacement that failed, and was tried again", "create; replaces enrol.web; replaces enrol.web; create; undo; undo", stays + undone},
		{"another command", "create; replaces enrol.db; WANTED=apply made enrol.db; undo", undone},
		{"deleted and created again", "create; replaces enrol.web; undo; create; undo", undone + undone},
		{"nothing was made", "undo", undone},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, ok := run(t, verbs+c.text)
			if !ok || said != c.said {
				t.Errorf("succeeded: %v, said:\n%s\nwant:\n%s", ok, said, c.said)
			}
		})
	}
}

// A caller that is gone did not hear that the creation succeeded, and Pulumi will undo one less.
func TestGenerationsOfACallerThatIsGone(t *testing.T) {
	t.Parallel()
	said, ok := run(t, `replaces enrol.web
mkfifo /mnt/pipe
(exec 8<>/mnt/pipe 3>/mnt/pipe 8>&-; receipt ''; WANTED=apply made enrol.web) || true
unless_replaced enrol.web && echo undone`)
	if !ok || said != "undone\n" {
		t.Errorf("succeeded: %v, said:\n%s", ok, said)
	}
}
