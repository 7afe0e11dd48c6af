package scripts

import "testing"

// served is a monitor with a page of two files, and a look at what is there.
const served = `
mkdir -p /etc/prometheus; record dir /etc/prometheus
PAGE_FILES='index.html a.js'
text_page_index.html() { echo one; }
text_page_a.js() { printf 'a\nb\n'; }
look() { (cd $PAGE && stat -c '%a %U %n' * && cat *); }
`

// TestPage: the page is what came with the script.
func TestPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, said string
		fails            bool
	}{
		{"the first", served + `page 1; look; echo "${CHANGED[*]}"`, "644 root a.js\n644 root index.html\na\nb\none\n/etc/prometheus/page\n", false},
		{"a second run changes nothing", served + `page 1; CHANGED=(x); page 1; echo "${CHANGED[*]}"`, "x\n", false},
		{"another version", served + `page 1; CHANGED=(x); PAGE_FILES='index.html b.js'; text_page_b.js() { echo b; }; page 2; look; echo "${CHANGED[*]}"`,
			"644 root b.js\n644 root index.html\nb\none\nx /etc/prometheus/page\n", false},
		{"a file of the owner's stays", served + `page 1; echo theirs >$PAGE/mine; page 1; cat $PAGE/mine`, "theirs\n", false},
		{"by hand, without files", served + `page 1; unset PAGE_FILES; page 2; look`, "644 root a.js\n644 root index.html\na\nb\none\n", false},
		{"something in the way", served + `mkdir -p $PAGE; echo theirs >$PAGE/a.js; apply() { page 1; }; ask_first apply`, "/etc/prometheus/page/a.js exists already", true},
		{"nothing in the way", served + `apply() { page 1; }; ask_first apply; ls $PAGE 2>/dev/null || echo unchanged`, "unchanged\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, c.text, c.said, c.fails)
		})
	}
}
