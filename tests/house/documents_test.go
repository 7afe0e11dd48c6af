package house

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the pages that people read: those at the top and those in docs/. The change log is not checked, because it is about
// the past.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := files(func(p string, _ fs.DirEntry) bool {
		folder := path.Dir(p)
		return path.Ext(p) == ".md" && (folder == "." || folder == "docs") && p != "CHANGELOG.md"
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "docs/settings.md", "docs/troubleshooting.md"} {
		if !slices.Contains(pages, page) {
			t.Fatalf("%s is not among the documents: %q", page, pages)
		}
	}
	return pages
}

func text(t *testing.T, path string) string {
	t.Helper()
	raw, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// readmeLines is how much people read to find out whether this is for them. Longer topics have a page in docs/.
const readmeLines = 120

func TestReadmeIsShort(t *testing.T) {
	if lines := strings.Count(text(t, "README.md"), "\n"); lines > readmeLines {
		t.Errorf("README.md has %d lines; at most %d, so move a topic to a page in docs/", lines, readmeLines)
	}
}

// named are the words that a document uses for things of one kind, and that must exist.
type named struct {
	kind  string
	words *regexp.Regexp // its first group is the name
	where string         // the file that has them all
	have  func(name string) *regexp.Regexp
}

func literal(format string) func(string) *regexp.Regexp {
	return func(name string) *regexp.Regexp {
		return regexp.MustCompile(strings.ReplaceAll(format, "NAME", regexp.QuoteMeta(name)))
	}
}

var names = []named{
	{
		kind:  "output",
		words: regexp.MustCompile(`pulumi stack output (?:--\S+ )*([a-z]+)`),
		where: "stacks/export.go", have: literal(`(?:all\["NAME"\] = |(?m)^\t\t"NAME": )`),
	},
	{
		kind:  "command of the lab",
		words: regexp.MustCompile(`go run \./tests/lab ([a-z]+)`),
		where: "tests/lab/main.go", have: literal(`\bname: "NAME"`),
	},
	{
		kind:  "target of make",
		words: regexp.MustCompile("(?m)(?:`|^    )make ([a-z][a-z0-9-]*)"),
		where: "Makefile", have: literal(`(?m)^NAME:`),
	},
	{
		kind:  "target of make",
		words: regexp.MustCompile("(?m)(?:^ {4}|`)make ([a-z0-9-]+)"),
		where: "Makefile", have: literal(`(?m)^NAME: ## `),
	},
	{
		kind:  "alert",
		words: regexp.MustCompile("`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`"),
		where: "provisioners/prometheus/rules.yml", have: literal(`- alert: NAME\n`),
	},
}

// TestNames: outputs, commands of the lab, targets of make and alerts that documents name are there.
func TestNames(t *testing.T) {
	for _, n := range names {
		all := text(t, n.where)
		found := 0
		for _, page := range documents(t) {
			for _, match := range n.words.FindAllStringSubmatch(text(t, page), -1) {
				found++
				if !n.have(match[1]).MatchString(all) {
					t.Errorf("%s names the %s %s, but %s has none of that name", page, n.kind, match[1], n.where)
				}
			}
		}
		if found == 0 {
			t.Errorf("no %s is named; this test checks nothing", n.kind)
		}
	}
}
