package port

import (
	"net"
	"strconv"
	"testing"
)

// TestFree: no port is given twice, none is one that the kernel gives, and each can be listened on.
func TestFree(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < first || port > last {
			t.Fatalf("%d was given before, or is outside of %d to %d", port, first, last)
		}
		seen[port] = true
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
}
