package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	cryptotls "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// probed is what the monitor's blackbox exporter asks: servers on the operator's machine, which any machine of the lab reaches.
type probed struct {
	authority []byte     // PEM: signed the certificate of secure
	expires   time.Time  // that certificate
	plain     string     // host:port by http; answers /missing with 404
	secure    string     // host:port by https
	nobody    string     // host:port where nobody listens
	address   netip.Addr // of all of these
}

// newProbed serves until the test ends.
func newProbed(t *testing.T, address netip.Addr) probed {
	t.Helper()
	p := probed{address: address, expires: time.Now().Add(20 * 24 * time.Hour).Truncate(time.Second)}
	authorityKey, key := newKey(t), newKey(t)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the test's authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: p.expires.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: authority.NotBefore, NotAfter: p.expires, IPAddresses: []net.IP{address.AsSlice()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed := sign(t, authority, authority, authorityKey, authorityKey)
	p.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	certificate := cryptotls.Certificate{Certificate: [][]byte{sign(t, leaf, authority, key, authorityKey)}, PrivateKey: key}

	handler := http.NewServeMux()
	handler.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
		require.NoError(t, err)
		return listener
	}
	serve := func(listener net.Listener) string {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(listener) }() // until it is closed
		t.Cleanup(func() { server.Close() })
		return listener.Addr().String()
	}
	p.plain = serve(listen())
	p.secure = serve(cryptotls.NewListener(listen(), &cryptotls.Config{Certificates: []cryptotls.Certificate{certificate}}))
	nobody := listen()
	p.nobody = nobody.Addr().String()
	require.NoError(t, nobody.Close())
	return p
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func sign(t *testing.T, certificate, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	signed, err := x509.CreateCertificate(rand.Reader, certificate, by, key.Public(), byKey)
	require.NoError(t, err)
	return signed
}
