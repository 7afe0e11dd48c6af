package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

func TestProgram(t *testing.T) {
	resources, err := mocks.RunProgram(t, program, `{"monitor": {"name": "monitor", "region": "tor1"}}`)
	require.NoError(t, err)

	assert.Contains(t, resources["ledger"].Inputs["input"].StringValue(), `"shop":2`, "the pod keeps its address")
	assert.Contains(t, resources["shop-tunnel-enrol"].Inputs["stdin"].StringValue(), "10.98.0.2/32")

	template := resources["shop-shop-deployment"].Inputs["spec"].ObjectValue()["template"].ObjectValue()
	containers := template["spec"].ObjectValue()["containers"].ArrayValue()
	require.Len(t, containers, 2)
	assert.Equal(t, "shop", containers[0].ObjectValue()["name"].StringValue())
	assert.Equal(t, wireproxyImage, containers[1].ObjectValue()["image"].StringValue())
	for _, first := range []string{"shop-default-deny-policy", "shop-shop-policy", "shop-tunnel-enrol"} {
		assert.Contains(t, resources["shop-shop-deployment"].Dependencies, first)
	}
}
