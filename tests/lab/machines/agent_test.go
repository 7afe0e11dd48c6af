package machines

import (
	"bufio"
	"encoding/json"
	"net"
	"strings"
	"testing"
)

// TestAgent asks one that first says what an earlier connection did not wait for, and then answers.
func TestAgent(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	heard := make(chan []string, 1)
	go func() {
		defer there.Close()
		heard <- answerAsAgent(there)
	}()
	a := agent{here, bufio.NewReader(here)}
	if err := a.sync(); err != nil {
		t.Fatal(err)
	}
	var started struct{ PID int }
	if err := a.call("guest-exec", map[string]any{"path": "env"}, &started); err != nil || started.PID != 7 {
		t.Errorf("got %+v, %v", started, err)
	}
	if err := a.call("guest-exec-status", map[string]any{"pid": 7}, &started); err == nil || err.Error() != "guest-exec-status: no such PID" {
		t.Errorf("what the agent refuses: %v", err)
	}
	if err := a.call("guest-exec-status", map[string]any{"pid": 7}, &started); err == nil {
		t.Error("an agent that ends in the midst of it has answered")
	}
	here.Close() // it may still say something that nobody wants
	if got := strings.Join(<-heard, " "); got != "guest-exec guest-exec-status guest-exec-status" {
		t.Errorf("it heard %s", got)
	}
}

// answerAsAgent answers three questions behind a sync, the last by hanging up. It returns the verbs.
func answerAsAgent(conn net.Conn) (verbs []string) {
	from := bufio.NewReader(conn)
	if first, err := from.ReadByte(); err != nil || first != delimiter {
		return []string{"no delimiter"}
	}
	question := func() (verb string, id json.Number) {
		var q struct {
			Execute   string
			Arguments struct{ ID json.Number }
		}
		line, _ := from.ReadBytes('\n')
		_ = json.Unmarshal(line, &q) // a test that fails says so
		return q.Execute, q.Arguments.ID
	}
	say := func(text string) { _, _ = conn.Write([]byte(text)) }
	if _, id := question(); id != "" {
		say("{\"return\": {\"pid\": 6}}\n\xff{\"return\": 1}\n\xff{\"return\": " + id.String() + "}\n")
	}
	for _, answer := range []string{"{\"return\": {\"pid\": 7}}\n", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such PID\"}}\n", "{"} {
		verb, _ := question()
		verbs = append(verbs, verb)
		say(answer)
	}
	return verbs
}

// TestNewBoot: containers, until something else is said.
func TestNewBoot(t *testing.T) {
	l := &Lab{folder: t.TempDir()}
	if got, err := l.newBoot(); got != Container || err != nil {
		t.Errorf("at first: %q, %v", got, err)
	}
	for _, want := range []Boot{Virtual, Container} {
		if err := l.SetBoot(want); err != nil {
			t.Fatal(err)
		}
		if got, err := l.newBoot(); got != want || err != nil {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
}
