package record

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// seedBytes is the size of a seed: 256 bits, as strong as the P-256 keys that are derived from it need.
const seedBytes = 32

// Seed is a random secret of the stack, base64, made once and kept.
func Seed(ctx *pulumi.Context, name string, parent pulumi.Resource) (pulumi.StringOutput, error) {
	return Keep(ctx, name, func() (string, error) {
		fresh := make([]byte, seedBytes)
		_, err := rand.Read(fresh)
		return base64.StdEncoding.EncodeToString(fresh), err
	}, parent)
}
