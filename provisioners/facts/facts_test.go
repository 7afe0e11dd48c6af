package facts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

const (
	publicKey = "ERh214DVeTiLSfrJtLQHPllGtkrW5J/n1LD0IAQHl3c="
	hostKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8/u+g2RBmZt8DFXIq7ak8s5KTQnUIatV20lUTnoKdG"
)

var (
	request = requestOf(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	good    = `{"publicKey":"` + publicKey + `","hostKey":"` + hostKey + `","arch":"arm64","os":"debian 13","wireguard":"kernel","request":"` + request + `"}`
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// requestOf is a request for a certificate of a key, as openssl makes it.
func requestOf(key crypto.Signer) string {
	return base64.StdEncoding.EncodeToString(must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)))
}

// tampered is a request whose signature is not that of its key.
func tampered() string {
	der := must(base64.StdEncoding.DecodeString(request))
	der[len(der)-1] ^= 1
	return base64.StdEncoding.EncodeToString(der)
}

func TestParse(t *testing.T) {
	for _, stdout := range []string{good, good + "\n", "what apt said\n" + good + "\n\n"} {
		f, err := Parse(stdout)
		if err != nil {
			t.Fatalf("%q: %v", stdout, err)
		}
		want := Facts{PublicKey: f.PublicKey, HostKey: hostKey, Arch: "arm64", OS: "debian 13", WireGuard: Kernel, Request: request}
		if f != want || f.PublicKey.String() != publicKey {
			t.Errorf("%q: %+v", stdout, f)
		}
	}
}

// TestParseWithoutRequest: a host that was bootstrapped before there were certificates.
func TestParseWithoutRequest(t *testing.T) {
	if f, err := Parse(strings.Replace(good, `,"request":"`+request+`"`, "", 1)); err != nil || f.Request != "" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", good, "", "it printed no facts"},
		{"blank lines", good, "\n\n", "it printed no facts"},
		{"no JSON", good, "bash: not found", "its last line has no facts"},
		{"facts before the last line", good, good + "\nbye", "its last line has no facts"},
		{"an unknown key", `"arch"`, `"architecture"`, `unknown field "architecture"`},
		{"two documents", good, good + good, "has more than the facts"},
		{"half a key", publicKey, publicKey[:20], "publicKey"},
		{"no key", publicKey, strings.Repeat("A", 43) + "=", "publicKey: all zero"},
		{"a malformed host key", hostKey, "ssh-ed25519 AAAA", "hostKey"},
		{"another architecture", "arm64", "riscv64", `arch: "riscv64"`},
		{"another WireGuard", "kernel", "quantum", `wireguard: "quantum"`},
		{"a malformed request", request, "AAAA", "request: "},
		{"a request that is not base64", request, "%", "request: "},
		{"a request of another curve", request, requestOf(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))), "not ECDSA on P-256"},
		{"a request of another kind", request, requestOf(must(rsa.GenerateKey(rand.Reader, 2048))), "not ECDSA on P-256"},
		{"a request that its key did not sign", request, tampered(), "request: "},
		{"no system", "debian 13", "", "os: missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(strings.Replace(good, c.old, c.new, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseCertificate(t *testing.T) {
	const text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	receipt := func(change func(map[string]any)) string {
		r := map[string]any{"host": "a", "changed": []string{}, "certificate": []byte(text), "authorities": []byte(text + text), "signed": 7}
		change(r)
		return string(must(json.Marshal(r))) + "\n"
	}
	got, err := ParseCertificate("what openssl said\n" + receipt(func(map[string]any) {}))
	if want := (Certificate{PEM: text, Authorities: text + text, Signed: 7}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		stdout, want string
	}{
		"nothing":        {"", "not a receipt"},
		"no receipt":     {"bash: not found", "not a receipt"},
		"no certificate": {receipt(func(r map[string]any) { delete(r, "certificate") }), "certificate: not a certificate in PEM"},
		"a key": {receipt(func(r map[string]any) {
			r["certificate"] = []byte(strings.ReplaceAll(text, "CERTIFICATE", "PRIVATE KEY"))
		}), "certificate: no"},
		"no authority":    {receipt(func(r map[string]any) { r["authorities"] = []byte("x") }), "authorities: not a certificate in PEM"},
		"no time":         {receipt(func(r map[string]any) { delete(r, "signed") }), "signed"},
		"text for a time": {receipt(func(r map[string]any) { r["signed"] = "now" }), "not a receipt"},
	} {
		if _, err := ParseCertificate(c.stdout); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
