package settings

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	common "github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/config"
)

// TestRemoteWrite: entries stay in order and in their own terms, and what they read is known.
func TestRemoteWrite(t *testing.T) {
	w := parsed(t, "remote-write").Monitor.Prometheus.RemoteWrite
	same(t, "the list of secrets", w.Secrets, []string{"key", "oauth", "store", "token"})
	if len(w.Entries) != 5 || !strings.HasPrefix(w.Entries[1], `{"authorization":{"credentials_file":"/etc/prometheus/secrets/token"},"url":"http://10.98.0.7`) {
		t.Errorf("entries %q", w.Entries)
	}
}

// TestPrometheusTakesRemoteWrite: what is good here is good for Prometheus's own loader, which the program leaves out.
func TestPrometheusTakesRemoteWrite(t *testing.T) {
	for _, entry := range parsed(t, "remote-write").Monitor.Prometheus.RemoteWrite.Entries {
		if _, err := config.Load("remote_write: ["+entry+"]", slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

// TestSecretKeysOfRemoteWrite: none that Prometheus takes for a secret is unknown here.
func TestSecretKeysOfRemoteWrite(t *testing.T) {
	seen, found := map[reflect.Type]bool{}, 0
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		switch kind := of.Kind(); {
		case seen[of]:
		case kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map:
			look(of.Elem())
		case kind == reflect.Struct:
			seen[of] = true
			for field := range of.Fields() {
				key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
				inner := field.Type
				for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
					inner = inner.Elem()
				}
				if inner == reflect.TypeFor[common.Secret]() && key != "proxy_connect_header" {
					found++
					if !slices.Contains(secretKeys, key) {
						t.Errorf("%s of %s is a secret", key, of)
					}
				}
				look(field.Type)
			}
		}
	}
	look(reflect.TypeFor[config.RemoteWriteConfig]())
	if found < 8 {
		t.Errorf("only %d secrets were found", found)
	}
}
