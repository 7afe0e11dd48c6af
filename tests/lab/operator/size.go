package operator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Share is what one host takes of a stack's state.
type Share struct {
	Bytes     int // as `pulumi stack export` writes them and the file backend keeps them
	Resources int // the host's own, and their parent
}

// Shares are those of some hosts, by name: a Target or Monitor of that name and its children.
func Shares(state apitype.UntypedDeployment, hosts ...string) (map[string]Share, error) {
	var deployment struct{ Resources []json.RawMessage }
	if err := json.Unmarshal(state.Deployment, &deployment); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	shares := map[string]Share{}
	for _, text := range deployment.Resources {
		var r struct{ URN, Parent string }
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("read the state: %w", err)
		}
		of := last(r.URN)
		if !slices.Contains(hosts, of) {
			of = last(r.Parent)
		}
		if !slices.Contains(hosts, of) {
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", "    "); err != nil {
			return nil, fmt.Errorf("read the state: %w", err)
		}
		share := shares[of]
		share.Bytes += indented.Len()
		share.Resources++
		shares[of] = share
	}
	return shares, nil
}

// last is the name in a URN.
func last(urn string) string { return urn[strings.LastIndex(urn, ":")+1:] }
