package digitalocean

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrices(t *testing.T) {
	_, err := time.Parse(time.DateOnly, PricesAsOf)
	require.NoError(t, err)
	slug := regexp.MustCompile(`^[a-z]+-\d+(vcpu-\d+(gb|mb-\d+gb))?$`)
	for size, usd := range Prices {
		assert.Regexp(t, slug, size)
		assert.Positive(t, usd, size)
		assert.Less(t, usd, 10_000, size)
	}
	assert.Contains(t, Prices, "s-1vcpu-1gb", "the default size")
}
