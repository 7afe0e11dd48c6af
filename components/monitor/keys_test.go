package monitor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClonesAreNamed(t *testing.T) {
	var k Keys
	k.Add("monitor-1", "a")
	k.Add("web-1", "b")
	k.Add("web-2", "b")
	k.Add("failed-1", "")
	k.Add("failed-2", "")
	require.NoError(t, k.Clone("monitor-1"))
	require.NoError(t, k.Clone("failed-1"))
	require.NoError(t, k.Clone("an end in a cluster"))
	require.ErrorContains(t, k.Clone("web-2"), "web-2 and web-1 have the same WireGuard key")
	require.ErrorContains(t, k.Clone("web-1"), "web-1 and web-2 have the same WireGuard key")
	require.ErrorContains(t, k.Clone("web-1"), "rm /etc/wireguard/promwire0.key /etc/promwire/tls/key.pem")
	k.Add("web-2", "c") // it made a new one
	require.NoError(t, k.Clone("web-1"))
}
