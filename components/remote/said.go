package remote

import (
	"fmt"
	"sync"
)

const (
	keptBytes = 16 << 10 // of the beginning, and as many of the end
	mostBytes = 16 << 20 // a script that says more has gone wrong; the longest one prints some KB
)

// said keeps the beginning and the end of what a script says, however much that is. The zero value is ready.
type said struct {
	mu    sync.Mutex // a script's two outputs are written at the same time
	first []byte
	last  []byte // at most twice keptBytes
	bytes int
	heard func() // called at the first byte; nil: nothing
	over  func() // called at the first byte after mostBytes; nil: nothing
}

// Write never fails: the other end has to go on, or to be ended.
func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.bytes
	s.bytes += len(text)
	if before == 0 && s.bytes > 0 && s.heard != nil {
		s.heard()
	}
	if before <= mostBytes && s.bytes > mostBytes && s.over != nil {
		s.over()
	}
	rest := text
	if room := keptBytes - len(s.first); room > 0 {
		room = min(room, len(rest))
		s.first, rest = append(s.first, rest[:room]...), rest[room:]
	}
	if len(rest) > keptBytes {
		rest = rest[len(rest)-keptBytes:]
	}
	s.last = append(s.last, rest...)
	if len(s.last) > 2*keptBytes {
		s.last = append([]byte(nil), s.last[len(s.last)-keptBytes:]...)
	}
	return len(text), nil
}

// String is what was kept, and how much was left out between.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	if len(last) > keptBytes {
		last = last[len(last)-keptBytes:]
	}
	if left := s.bytes - len(s.first) - len(last); left > 0 {
		return fmt.Sprintf("%s\n[%d bytes are left out here]\n%s", s.first, left, last)
	}
	return string(s.first) + string(last)
}
