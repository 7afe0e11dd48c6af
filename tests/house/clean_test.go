package house

import (
	"bytes"
	"image/png"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"
)

// unwanted is what no file of the project may contain, and why. The expressions are written so that they don't match themselves.
var unwanted = []struct {
	why  string
	what *regexp.Regexp
}{
	{"work left for later", regexp.MustCompile(`\b(TO(?:DO)|FIX(?:ME)|XX(?:X))\b`)},
	{"a path of one machine", regexp.MustCompile("(?m)(?:^|[\\s\"'`=(:,])/(?:work|tmp|home|root/go|root/\\.cache)(?:/|\\b)")},
	{"a registry, which is the user's own choice", regexp.MustCompile(
		`\b(?:(?:proxy|sum)\.golang|(?:deb|security|ftp|snapshot)\.debian|pypi|registry\.npmjs)\.org\b|` +
			`\b(?:(?:archive|ports)\.ubuntu\.com|docker\.io/|ghcr\.io|quay\.io)\b`)}, // Debian has a package docker.io
}

// complaints are the reasons why a file may not have this text.
func complaints(text []byte) []string {
	var found []string
	for _, u := range unwanted {
		if match := u.what.Find(text); match != nil {
			found = append(found, u.why+": "+string(match))
		}
	}
	return found
}

// maxSize of a file, in bytes. What is larger was made by a tool, and can be made again.
const maxSize = 1_000_000

// TestClean: every file is text of a reasonable size without anything unwanted. Checksums (go.sum) may contain any word.
func TestClean(t *testing.T) {
	paths, err := files(func(p string, entry fs.DirEntry) bool {
		if info, err := entry.Info(); err != nil || info.Size() >= maxSize {
			t.Errorf("%s: too large, or gone (%v); at most %d bytes", p, err, maxSize)
			return false
		}
		return path.Base(p) != "go.sum" && !picture(p)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		text, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(text) {
			t.Errorf("%s: not a text", p)
		}
		for _, complaint := range complaints(text) {
			t.Errorf("%s: %s", p, complaint)
		}
	}
}

// picture says whether a file may be one: only documents have pictures.
func picture(p string) bool { return path.Dir(p) == "docs" && path.Ext(p) == ".png" }

// maxPicture is the size of a picture in bytes: a clone has all that there ever were.
const maxPicture = 150_000

// TestPictures: each is a small PNG with nothing hidden in it, and a document shows it and says what is to be seen.
func TestPictures(t *testing.T) {
	pictures, err := files(func(p string, _ fs.DirEntry) bool { return picture(p) })
	if err != nil || len(pictures) == 0 {
		t.Fatalf("%d pictures: %v", len(pictures), err)
	}
	for _, p := range pictures {
		data, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(data)); err != nil || len(data) > maxPicture {
			t.Errorf("%s: %d bytes, at most %d; %v", p, len(data), maxPicture, err)
		}
		for _, chunk := range []string{"tEXt", "zTXt", "iTXt", "eXIf"} {
			if bytes.Contains(data, []byte(chunk)) {
				t.Errorf("%s: it has a chunk %s, which may say where it was made", p, chunk)
			}
		}
		shown := regexp.MustCompile(`!\[[^\]]{20,}\]\(` + regexp.QuoteMeta(path.Base(p)) + `\)`)
		if !slices.ContainsFunc(documents(t), func(page string) bool { return shown.MatchString(text(t, page)) }) {
			t.Errorf("%s: no document shows it with a text for those who can't see it", p)
		}
	}
}

// TestComplaints makes sure that the check above would notice.
func TestComplaints(t *testing.T) {
	for _, text := range []string{
		"// TO" + "DO: later", "FIX" + "ME", "cd /wo" + "rk/main", "\"/tm" + "p\"", "GOPATH=/root" + "/go", "`/ho" + "me/someone/x`",
		"http://deb.deb" + "ian.org/x", "GOPROXY=https://proxy.go" + "lang.org", "FROM docker" + ".io/x", "archive.ub" + "untu.com",
	} {
		if len(complaints([]byte(text))) != 1 {
			t.Errorf("%q: %q", text, complaints([]byte(text)))
		}
	}
	for _, text := range []string{"todos", "$new/home/.sha256", "apt-get install docker.io", "echo kept >/ro" + "ot/file", "tests/lab/wo" + "rk/x", "golang.org/x/sys", "debian 12"} {
		if found := complaints([]byte(text)); found != nil {
			t.Errorf("%q: %q", text, found)
		}
	}
}
