package script

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
)

// Capture runs a command and keeps what it prints. A failure's text holds the whole command and all that it printed.
//
// A fault of the real plugin that is kept: what is logged goes through a line scanner, which stops for good at a line
// of 64 KiB, and then nobody empties the pipe, so that the command never ends.
func Capture(ctx context.Context, command string, logging *Logging, run func(stdout, stderr io.Writer) error) (Outputs, error) {
	var stdout, stderr bytes.Buffer
	both := &shared{}
	reader, pipe := io.Pipe()
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			p.GetLogger(ctx).InfoStatus(lines.Text())
		}
	}()

	writer := func(buffer *bytes.Buffer, output Logging) io.Writer {
		if logging.logs(output) {
			return io.MultiWriter(buffer, both, pipe)
		}
		return io.MultiWriter(buffer, both)
	}
	err := run(writer(&stdout, LogStdout), writer(&stderr, LogStderr))
	pipe.Close()
	<-logged

	if err != nil {
		return Outputs{}, fmt.Errorf("%w: running %q:\n%s", err, command, both.String())
	}
	return Outputs{
		Stdout: strings.TrimSuffix(stdout.String(), "\n"),
		Stderr: strings.TrimSuffix(stderr.String(), "\n"),
	}, nil
}

// shared is a buffer that two streams write into.
type shared struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *shared) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(data)
}
