package scripts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
)

// LibraryPath is where a Library lies on its host.
const LibraryPath = folders.Programs + "/lib.sh"

// A Library is what a host's plan and the commands after it need: functions, and texts that no setting changes. It is the same for every
// host. The zero Library is empty.
type Library struct{ text string }

// Functions is the Library with every file that only defines functions, except those of Bootstrap and Undo, and their constants.
func Functions() Library {
	return Library{WithConstants(Base + Identity + SSHD + Release + Service + Ports + Tunnel + Firewall + Survey + Others + Peers + Certificate + Authority + Web + Page +
		Pushgateway + Secrets + Alertmanager + Exporters + Relay + Scrape + Federate + Retention + Former + Generations + Roles + Owner + Receipt + Observe + Rules)}
}

// With is the Library with texts by name, for from_library (base.sh). Each ends with a newline.
func (l Library) With(texts map[string]string) Library {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		text := texts[name]
		end := Delimiter(text)
		l.text += fmt.Sprintf("\ntext_%s() {\n  cat <<'%s'\n%s%s\n}\n", name, end, text, end)
	}
	return l
}

// Version names the Library: 12 hex digits of its digest. 48 bits are enough to tell the versions of one program apart.
func (l Library) Version() string {
	sum := sha256.Sum256([]byte(l.text))
	return hex.EncodeToString(sum[:6])
}

// Text is the file at LibraryPath. It names its own version.
func (l Library) Text() string {
	return "# promwire: what its scripts call on this host. `pulumi up` writes it.\nreadonly SCRIPTS=" + l.Version() + "\n\n" + l.text
}

// Delimiter ends a here-document: a word that is not a line of the text.
func Delimiter(text string) string {
	end := "END"
	for strings.Contains("\n"+text+"\n", "\n"+end+"\n") {
		end += "_"
	}
	return end
}
