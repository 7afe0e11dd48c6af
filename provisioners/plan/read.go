package plan

import (
	"errors"
	"fmt"
	"strings"
)

// read finds the calls of apply in the text of a Script, which may be of another version of promwire. It is the inverse of script and call.
func read(text string) ([]call, error) {
	_, rest, found := strings.Cut(text, "\n"+apply+"() {\n")
	if !found {
		return nil, errors.New("no function " + apply)
	}
	var calls []call
	for !strings.HasPrefix(rest, "}\n") {
		words, after, err := readWords(rest)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", len(calls)+1, err)
		}
		c := call{words: words}
		if end, here := hereDocument(words); here {
			c.words = words[:len(words)-1]
			if c.input, after, found = cutDocument(after, end); !found {
				return nil, fmt.Errorf("call %d: no end of its here-document", len(calls)+1)
			}
		}
		calls, rest = append(calls, c), after
	}
	return calls, nil
}

// hereDocument is the delimiter of the here-document that a call reads, if it reads one.
func hereDocument(words []string) (string, bool) {
	if len(words) == 0 {
		return "", false
	}
	return strings.CutPrefix(words[len(words)-1], "<<")
}

// cutDocument splits a here-document from what follows it.
func cutDocument(text, end string) (document, after string, found bool) {
	if after, empty := strings.CutPrefix(text, end+"\n"); empty {
		return "", after, true
	}
	document, after, found = strings.Cut(text, "\n"+end+"\n")
	return document + "\n", after, found
}

// readWords reads the words of one command, up to the end of its line. A quoted word may hold more lines.
func readWords(text string) (words []string, after string, err error) {
	var word strings.Builder
	begun := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, "", errors.New("a quote has no end")
			}
			word.WriteString(text[i+1 : i+1+end])
			begun, i = true, i+1+end
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			begun = true
		case c == ' ' || c == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
			if c == '\n' {
				return words, text[i+1:], nil
			}
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	return nil, "", errors.New("the text ends in it")
}
