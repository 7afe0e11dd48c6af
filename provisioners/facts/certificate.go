package facts

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Certificate is the host's certificate from the monitor. Nothing of it is secret.
type Certificate struct {
	PEM         string // the host's own
	Authorities string // those that it trusts, PEM, one after the other
	Signed      int64  // when the monitor sent it, by its clock: Unix time in seconds
}

// ParseCertificate reads the certificate from enrol's standard output, whose last line is the receipt.
func ParseCertificate(stdout string) (Certificate, error) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var receipt struct {
		Certificate, Authorities []byte // base64 in JSON
		Signed                   int64
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &receipt); err != nil {
		return Certificate{}, fmt.Errorf("enrol: its last line is not a receipt: %w", err)
	}
	c := Certificate{PEM: string(receipt.Certificate), Authorities: string(receipt.Authorities), Signed: receipt.Signed}
	for _, part := range []struct{ what, text string }{{"certificate", c.PEM}, {"authorities", c.Authorities}} {
		if block, _ := pem.Decode([]byte(part.text)); block == nil || block.Type != "CERTIFICATE" {
			return Certificate{}, fmt.Errorf("enrol: %s: not a certificate in PEM", part.what)
		}
	}
	if c.Signed <= 0 {
		return Certificate{}, errors.New("enrol: signed: not the time of signing")
	}
	return c, nil
}
