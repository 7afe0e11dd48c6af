package settings

import (
	"reflect"
	"testing"
)

// TestAllow: labels stand for all hosts that have them, and for none outside the tunnel; nobody has an edge to itself.
func TestAllow(t *testing.T) {
	want := []Edge{
		{"db-1", "monitor-1", 9090, ""},
		{"shop", "monitor-1", 9090, "monitoring"},
		{"web-1", "db-1", 5432, ""},
		{"web-1", "web-2", 7946, ""},
		{"web-2", "db-1", 5432, ""},
		{"web-2", "web-1", 7946, ""},
	}
	if got := parsed(t, "allow").Allow; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
