// Package page has the fleet page: files that the monitor's Prometheus serves as they are, below Path of its own address. They ask that
// Prometheus alone, so the page sees what it sees, and whoever may open it may open the page.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Path is where Prometheus serves what is in its folder of user assets.
const Path = "/user/"

// Index is the file that Prometheus serves at Path itself.
const Index = "index.html"

// File is one that Prometheus serves. Text ends with a newline.
type File struct{ Name, Text string }

//go:embed files uplot
var embedded embed.FS

// folders are those of embedded. The page is served from one folder, so each name is in one of them only.
var folders = []string{"files", "uplot"}

// Files are all of the page, sorted by folder and name. The index asks for each of the others by its digest, so that a browser never mixes those of two
// versions.
func Files() []File {
	var all []File
	for _, folder := range folders {
		entries, err := embedded.ReadDir(folder)
		if err != nil {
			panic(err) // it is embedded
		}
		for _, entry := range entries {
			if path.Ext(entry.Name()) != ".md" {
				text := strings.TrimSuffix(read(folder, entry.Name()), "\n") + "\n" // uPlot's style has none
				all = append(all, File{entry.Name(), text})
			}
		}
	}
	for i, f := range all {
		if f.Name == Index {
			all[i].Text = versioned(f.Text, all)
		}
	}
	return all
}

// Version is 12 hex digits, others whenever a File is another.
func Version() string {
	all := sha256.New()
	for _, f := range Files() {
		fmt.Fprintf(all, "%s %d\n%s", f.Name, len(f.Text), f.Text)
	}
	return hex.EncodeToString(all.Sum(nil)[:6])
}

func read(folder, name string) string {
	text, err := embedded.ReadFile(path.Join(folder, name))
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

// reference is where the index names another file: behind ="
var reference = regexp.MustCompile(`(src|href)="([\w.-]+)"`)

// versioned adds digests to the names that an index asks for. Prometheus ignores them.
func versioned(index string, all []File) string {
	digests := map[string]string{}
	for _, f := range all {
		sum := sha256.Sum256([]byte(f.Text))
		digests[f.Name] = hex.EncodeToString(sum[:6])
	}
	return reference.ReplaceAllStringFunc(index, func(found string) string {
		parts := reference.FindStringSubmatch(found)
		digest, known := digests[parts[2]]
		if !known {
			panic("the index asks for " + parts[2] + ", which is not a file of the page")
		}
		return fmt.Sprintf(`%s="%s?%s"`, parts[1], parts[2], digest)
	})
}
