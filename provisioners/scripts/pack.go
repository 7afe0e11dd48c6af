package scripts

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// Lean is a bash text without the lines that do nothing: comments, except a #! in the first line, and empty ones. Here-documents stay as
// they are; a word of several lines must have neither.
func Lean(text string) string {
	var b strings.Builder
	end := "" // of the here-document that the line is in
	for i, line := range strings.SplitAfter(text, "\n") {
		word := strings.TrimSpace(line)
		switch {
		case end != "":
			if strings.TrimSuffix(line, "\n") == end {
				end = ""
			}
		case word == "" || strings.HasPrefix(word, "#") && (i > 0 || !strings.HasPrefix(word, "#!")):
			continue
		default:
			if match := hereDocument.FindStringSubmatch(line); match != nil {
				end = match[1]
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// hereDocument is where one begins, with the word that ends it. A here-string has one < more, a shift is followed by a space.
var hereDocument = regexp.MustCompile(`(?:^|[^<])<<'?([A-Za-z_]+)'?`)

// Unpack is a pipe of bash that writes a text to standard output. The text is packed in it: gzip in base64, one line. Both commands are
// part of every Debian.
func Unpack(text string) (pipe, input string) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("gzip into memory: %v", err)) // neither the level nor a buffer can be at fault
	}
	return "base64 --decode <<'END' | gzip --decompress", base64.StdEncoding.EncodeToString(packed.Bytes()) + "\nEND\n"
}
