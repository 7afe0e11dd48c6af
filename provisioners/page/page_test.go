package page

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// TestFiles: each has a name of its own that is one word of bash, and ends with one newline, because a shell puts it there.
func TestFiles(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Files() {
		if names[f.Name] || !regexp.MustCompile(`^[A-Za-z][\w.]*$`).MatchString(f.Name) {
			t.Errorf("%q is twice, or no word", f.Name)
		}
		names[f.Name] = true
		if !strings.HasSuffix(f.Text, "\n") || strings.HasSuffix(f.Text, "\n\n") || strings.Contains(f.Text, "\x00") {
			t.Errorf("%s: it is no text that ends with one newline", f.Name)
		}
	}
	for _, name := range []string{Index, "main.js", "page.css", "uPlot.iife.min.js", "uPlot.LICENSE.txt"} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestIndex: it asks for every script and style by its digest, and for nothing else; its policy allows no other origin.
func TestIndex(t *testing.T) {
	index := text(t, Index)
	for _, f := range Files() {
		if !strings.HasSuffix(f.Name, ".js") && !strings.HasSuffix(f.Name, ".css") {
			continue
		}
		sum := sha256.Sum256([]byte(f.Text))
		if !strings.Contains(index, `="`+f.Name+"?"+hex.EncodeToString(sum[:6])+`"`) {
			t.Errorf("%s is not asked for by its digest", f.Name)
		}
	}
	const policy = `content="default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; `
	if !strings.Contains(index, policy) {
		t.Error("its policy is another one")
	}
	if found := regexp.MustCompile(`(?i)https?://|<script>|<style| style=| on\w+=`).FindString(index); found != "" {
		t.Errorf("it has %q, which the policy forbids", found)
	}
}

// TestTextIsText: nothing in our scripts makes markup or code of a text.
func TestTextIsText(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|createContextualFragment|setTimeout\("`)
	for _, f := range Files() {
		if found := forbidden.FindString(f.Text); found != "" {
			t.Errorf("%s: %s", f.Name, found)
		}
	}
}

// TestUPlot: its files are those that its README names.
func TestUPlot(t *testing.T) {
	rows := regexp.MustCompile(`\| (\S+) \| dist/\S+ \| ([0-9a-f]{64}) \|`).FindAllStringSubmatch(read("uplot", "README.md"), -1)
	if len(rows) != 2 {
		t.Fatalf("README.md has %d rows", len(rows))
	}
	for _, row := range rows {
		if sum := sha256.Sum256([]byte(read("uplot", row[1]))); hex.EncodeToString(sum[:]) != row[2] {
			t.Errorf("%s has the SHA-256 %x", row[1], sum)
		}
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	for _, f := range Files() {
		if f.Name == name {
			return f.Text
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}
