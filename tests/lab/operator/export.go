package operator

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Export is a stack's state as it lies in the backend: every resource with its inputs and outputs, secrets encrypted (the
// Automation API's own export decrypts them).
func (o *Operator) Export(ctx context.Context, stack string) (apitype.UntypedDeployment, error) {
	var state apitype.UntypedDeployment
	if _, err := o.stack(ctx, stack, Options{}); err != nil {
		return state, err
	}
	stdout, stderr, _, err := o.cli.Run(ctx, o.work(stack), nil, nil, nil, o.variables(stack), "stack", "export")
	if err != nil {
		return state, fmt.Errorf("export the stack %s: %w\n%s", stack, err, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &state); err != nil {
		return state, fmt.Errorf("export the stack %s: %w", stack, err)
	}
	return state, nil
}
