package house

import (
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// quoted is what a document marks as a name: in backquotes, in bold as a folder, or in a command from ./ on.
	quoted = regexp.MustCompile("`([^`\n]+)`|\\*\\*([^*\n]+/)\\*\\*|[ `](\\./[a-z][\\w./-]*)")
	// onePath is one word that may be a path. The reader chooses what is in angle brackets.
	onePath = regexp.MustCompile(`^[\w.<>-]+(/[\w.<>-]+)*/?$`)
	// sourceName is the name of a source file.
	sourceName = regexp.MustCompile(`\.(go|sh|md|mod|json|ya?ml)$`)
	choice     = regexp.MustCompile(`<\w+>`)
	port       = regexp.MustCompile(`^\d+/(tcp|udp)$`)
)

// namedPaths are the paths in a document's text. Plain words are paths too in a paragraph that begins with a folder in bold:
// they are below that folder.
func namedPaths(text string) []string {
	var paths []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		folder := ""
		for _, match := range quoted.FindAllStringSubmatch(paragraph, -1) {
			if match[2] != "" && strings.HasPrefix(paragraph, match[0]) {
				folder = match[2]
			}
			name := strings.TrimPrefix(strings.Join(match[1:], ""), "./")
			_, err := netip.ParsePrefix(name)
			switch {
			case err == nil || port.MatchString(name) || !onePath.MatchString(name):
			case folder != "" && name != folder:
				paths = append(paths, folder+"**/"+name)
			case strings.Contains(name, "/") || sourceName.MatchString(name):
				paths = append(paths, name)
			}
		}
	}
	return paths
}

// present says whether a path is in the tree: as it is or, after **/, anywhere below the folder before that.
func present(tree []string, named string) bool {
	folder, below, anywhere := strings.Cut(named, "**/")
	if !anywhere {
		folder, below = "", named
	}
	pattern := choice.ReplaceAllString(strings.TrimSuffix(below, "/"), "*")
	return slices.ContainsFunc(tree, func(p string) bool {
		rest, inside := strings.CutPrefix(p, folder)
		if anywhere {
			segments, wanted := strings.Split(rest, "/"), strings.Count(pattern, "/")+1
			rest = path.Join(segments[max(0, len(segments)-wanted):]...)
		}
		matched, err := path.Match(pattern, rest)
		return inside && err == nil && matched
	})
}

// tree is every file of the project, and every folder that has one.
func tree(t *testing.T) []string {
	t.Helper()
	all, err := files(func(string, fs.DirEntry) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Clone(all) {
		for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestDocumentsPaths: every file and folder that a document names exists.
func TestDocumentsPaths(t *testing.T) {
	all := tree(t)
	for _, document := range documents(t) {
		paths := namedPaths(text(t, document))
		if len(paths) == 0 && (document == "README.md" || document == "ARCHITECTURE.md") {
			t.Errorf("%s names no path; this test checks nothing", document)
		}
		for _, named := range paths {
			if !present(all, named) {
				t.Errorf("%s names %s, which does not exist", document, named)
			}
		}
	}
}

func TestNamedPaths(t *testing.T) {
	const document = "See `a/b.go`, `C.md`, `443/tcp` and `10.0.0.0/8`; `ls -l x/y`, `plain`, `d.go`, `e/Pulumi.<stack>.yaml`.\n\n" +
		"    go run ./f/g -x\n    go test ./...\n\n**h/** has `plain` and `i.go`, `not a path`.\n\n**bold** `plain`"
	got := namedPaths(document)
	want := []string{"a/b.go", "C.md", "d.go", "e/Pulumi.<stack>.yaml", "f/g", "h/", "h/**/plain", "h/**/i.go"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPresent(t *testing.T) {
	all := []string{"C.md", "a", "a/b.go", "e", "e/Pulumi.x.yaml", "h", "h/j", "h/j/plain"}
	for named, want := range map[string]bool{
		"C.md": true, "a/b.go": true, "a/": true, "h/": true, "e/Pulumi.<stack>.yaml": true, "h/**/plain": true, "h/**/j/": true,
		"h/**/j/plain": true,
		"b.go":         false, "a/c.go": false, "j/": false, "f/Pulumi.<stack>.yaml": false, "h/**/b.go": false, "h/**/lain": false,
	} {
		if present(all, named) != want {
			t.Errorf("%s is present: %v", named, !want)
		}
	}
}
