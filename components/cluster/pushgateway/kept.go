package pushgateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.org/x/crypto/bcrypt"
)

// kept is what is made once: a password with its hash, which is salted and so differs each time, or a certificate with its key.
type kept struct {
	Password    string `json:"password,omitempty"`
	Hash        string `json:"hash,omitempty"`        // bcrypt
	Certificate string `json:"certificate,omitempty"` // PEM
	Key         string `json:"key,omitempty"`         // PEM, PKCS #8
}

// passwordBytes is the randomness of a password: 160 bits, which nobody guesses.
const passwordBytes = 20

// lifetime is a certificate's. It is self-signed, and only the cluster's Prometheus and its jobs trust it. Another text in the cluster's
// key renews it.
const lifetime = 10 * 365 * 24 * time.Hour

func password() (string, error) {
	random := make([]byte, passwordBytes)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	text := hex.EncodeToString(random)
	hash, err := bcrypt.GenerateFromPassword([]byte(text), bcrypt.DefaultCost)
	if err != nil {
		return "", err
	}
	return marshal(kept{Password: text, Hash: string(hash)})
}

// certificate is for the names that the Service has in its cluster.
func certificate(namespace string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", err
	}
	within := name + "." + namespace
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		DNSNames:  []string{name, within, within + ".svc", within + ".svc.cluster.local"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return marshal(kept{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	})
}

func marshal(k kept) (string, error) {
	text, err := json.Marshal(k)
	return string(text), err
}

// part is one of what was kept. A secret's parts are secrets.
func part(text pulumi.StringOutput, pick func(kept) string) pulumi.StringOutput {
	return text.ApplyT(func(text string) (string, error) {
		var k kept
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			return "", fmt.Errorf("the Pushgateway's credentials in the stack's state are damaged; restore the state from a backup")
		}
		return pick(k), nil
	}).(pulumi.StringOutput)
}
