package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unready is what is wrong with an object that is there.
type unready struct {
	live    *unstructured.Unstructured
	what    string
	reasons []string
	cause   error // what else it is, or nil
}

func (e *unready) Error() string { return e.what }
func (e *unready) Unwrap() error { return e.cause }

// partial is an error about a resource that is there: the engine keeps it in the state, and updates it next time.
func partial(id string, err error, state, inputs *structpb.Struct) error {
	reasons := []string{err.Error()}
	if wrong, ok := errors.AsType[*unready](err); ok {
		reasons = append(reasons, wrong.reasons...)
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: state, Reasons: reasons, Inputs: inputs,
	})
}

// needCluster fails where the cluster is needed and can't be reached.
func (c *call) needCluster() error {
	if c.cluster.unreachable == "" {
		return nil
	}
	return fmt.Errorf("configured Kubernetes cluster is unreachable: %s", c.cluster.unreachable)
}

// errLost is why a resource of a cluster that can't be reached is neither read nor deleted.
func errLost(doing string) error {
	return fmt.Errorf("%s. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the "+
		"operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to \"true\"", doing)
}
