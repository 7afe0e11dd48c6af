package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

func TestProgram(t *testing.T) {
	resources, err := mocks.RunProgram(t, program, `{"monitor": {"name": "monitor", "region": "tor1"}, "targets": [{"name": "lon", "region": "lon1"}]}`)
	require.NoError(t, err)
	assert.Contains(t, resources, "lon-converge")
	assert.Equal(t, "198.51.100.25", resources["monitor-name"].Inputs["value"].StringValue(), "the monitor's address")
	assert.Contains(t, resources["watched"].Dependencies, "promwire-test-verification-outside")
}
