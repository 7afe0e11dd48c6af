package house

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	// inline is what a heading's text may be marked with.
	inline = strings.NewReplacer("`", "", "*", "")
)

// links are those of a document that lead into the project, as written: those without a scheme.
func links(document string) []string {
	var local []string
	for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(document, ""), -1) {
		if !strings.Contains(match[1], "://") && !strings.HasPrefix(match[1], "mailto:") {
			local = append(local, match[1])
		}
	}
	return local
}

// anchors are where links into a document may lead: its headings, named as GitHub does it.
func anchors(document string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(document, ""), -1) {
		all = append(all, anchor(match[1]))
	}
	return all
}

func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, inline.Replace(heading))
}

// TestLinks: every link between documents leads to a file that is there, and to a heading in it.
func TestLinks(t *testing.T) {
	all, pages := tree(t), documents(t)
	found := 0
	for _, page := range pages {
		for _, to := range links(text(t, page)) {
			found++
			file, fragment, _ := strings.Cut(to, "#")
			file = path.Join(path.Dir(page), file)
			if strings.HasPrefix(to, "#") {
				file = page
			}
			switch {
			case !slices.Contains(all, file):
				t.Errorf("%s links to %s, which is not there", page, to)
			case fragment != "" && !slices.Contains(anchors(text(t, file)), fragment):
				t.Errorf("%s links to %s, but %s has no such heading", page, to, file)
			}
		}
	}
	if found == 0 {
		t.Error("there are no links; this test checks nothing")
	}
}

// TestPagesAreLinked: README leads to every page.
func TestPagesAreLinked(t *testing.T) {
	reached := []string{"README.md"}
	for i := 0; i < len(reached); i++ {
		for _, to := range links(text(t, reached[i])) {
			file, _, _ := strings.Cut(to, "#")
			file = path.Join(path.Dir(reached[i]), file)
			if path.Ext(file) == ".md" && !slices.Contains(reached, file) {
				reached = append(reached, file)
			}
		}
	}
	for _, page := range documents(t) {
		if !slices.Contains(reached, page) {
			t.Errorf("no link leads from README.md to %s", page)
		}
	}
}

// TestAnchors makes sure that the checks above would notice.
func TestAnchors(t *testing.T) {
	const document = "# A title\n\n## `monitor.web`, *two* words_too\n\n```\n# not a heading [x](y)\n```\n[a](b.md#c) [d](https://e) [f](#g)\n"
	if got, want := anchors(document), []string{"a-title", "monitorweb-two-words_too"}; !slices.Equal(got, want) {
		t.Errorf("anchors: got %q, want %q", got, want)
	}
	if got, want := links(document), []string{"b.md#c", "#g"}; !slices.Equal(got, want) {
		t.Errorf("links: got %q, want %q", got, want)
	}
}
