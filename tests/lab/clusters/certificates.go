package clusters

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// lifetime is how long a cluster's certificates are good for. A lab does not live that long.
const lifetime = 365 * 24 * time.Hour

// authority is a cluster's own certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// pair is a certificate and its key, both as PEM.
type pair struct{ certificate, key []byte }

func newAuthority(cluster string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	blank := unsigned(pkix.Name{CommonName: "cluster " + cluster})
	blank.IsCA, blank.BasicConstraintsValid = true, true
	blank.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, blank, blank, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return authority{certificate, key}, err
}

// pair is the authority's own.
func (a authority) pair() (pair, error) { return encode(a.certificate.Raw, a.key) }

// issue makes a certificate for clients and servers. Kubernetes takes the common name for the user, organizations for groups.
func (a authority) issue(user string, groups []string, names []string, addresses ...netip.Addr) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	blank := unsigned(pkix.Name{CommonName: user, Organization: groups})
	blank.KeyUsage = x509.KeyUsageDigitalSignature
	blank.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	blank.DNSNames = names
	for _, address := range addresses {
		blank.IPAddresses = append(blank.IPAddresses, net.IP(address.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, blank, a.certificate, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	return encode(der, key)
}

func unsigned(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime)}
}

func encode(der []byte, key *ecdsa.PrivateKey) (pair, error) {
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	}, nil
}
