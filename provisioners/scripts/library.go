package scripts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LibraryPath is where a Library lies on its host.
const LibraryPath = "/usr/local/lib/promwire/lib.sh"

// A Library is what a host's plan and the commands after it need: functions, and texts that no setting changes.
// The zero Library is empty.
type Library struct{ text string }

// Target is the Library of a target. Only one with certificates needs their functions.
func Target(tls bool) Library {
	text := Base + Identity + SSHD + Release + Service + Tunnel + Firewall + Exporters + Receipt
	if tls {
		text += Certificate
	}
	return Library{Lean(text)}
}

// Monitor is the Library of the monitor: everything.
func Monitor() Library { return Library{Lean(All())} }

// All is the text of every file that only defines functions, except those of Bootstrap and Undo.
func All() string {
	return Base + Identity + SSHD + Release + Service + Tunnel + Firewall + Exporters + Receipt + Certificate +
		Peers + Authority + Web + Pushgateway + Scrape + Federate + Former
}

// With is the Library with texts by name, for from_library (base.sh). Each ends with a newline.
func (l Library) With(texts map[string]string) Library {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		text := texts[name]
		end := Delimiter(text)
		l.text += fmt.Sprintf("text_%s() {\n  cat <<'%s'\n%s%s\n}\n", name, end, text, end)
	}
	return l
}

// Version names the Library: 12 hex digits of its digest. 48 bits are enough to tell the versions of one program apart.
func (l Library) Version() string {
	sum := sha256.Sum256([]byte(l.text))
	return hex.EncodeToString(sum[:6])
}

// Text is the file at LibraryPath. It names its own version.
func (l Library) Text() string { return l.Named() + "\n" + l.text }

// Named is the line by which a host recognises the Library that it has.
func (l Library) Named() string { return "readonly SCRIPTS=" + l.Version() }

// Delimiter ends a here-document: a word that is not a line of the text.
func Delimiter(text string) string {
	end := "END"
	for strings.Contains("\n"+text+"\n", "\n"+end+"\n") {
		end += "_"
	}
	return end
}
