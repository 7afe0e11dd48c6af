package kubernetes

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Secret makes a Secret of files.
func (s *Space) Secret(ctx *pulumi.Context, name, role string, files pulumi.StringMap) error {
	secret := pulumi.ToSecret(files.ToStringMapOutput()).(pulumi.StringMapOutput)
	_, err := corev1.NewSecret(ctx, s.Cluster+"-"+name+"-secret", &corev1.SecretArgs{
		Metadata: s.meta(name, role), StringData: secret,
	}, s.options(nil)...)
	if err != nil {
		return s.wrap("Secret "+name, err)
	}
	return nil
}

// ConfigMap makes a ConfigMap of files.
func (s *Space) ConfigMap(ctx *pulumi.Context, name, role string, files pulumi.StringMap) error {
	_, err := corev1.NewConfigMap(ctx, s.Cluster+"-"+name+"-config", &corev1.ConfigMapArgs{
		Metadata: s.meta(name, role), Data: files,
	}, s.options(nil)...)
	if err != nil {
		return s.wrap("ConfigMap "+name, err)
	}
	return nil
}

// Port is a TCP port of a Service and of its pods.
type Port struct {
	Name         string
	Number, Pods int
}

// Service makes a Service of the one pod of a role. It leads there whether the pod is ready or not: there is no other one to go to, and a container
// beside the one that serves, which crashes, makes the whole pod unready.
func (s *Space) Service(ctx *pulumi.Context, name, role string, ports ...Port) error {
	var list corev1.ServicePortArray
	for _, p := range ports {
		list = append(list, &corev1.ServicePortArgs{
			Name: pulumi.String(p.Name), Port: pulumi.Int(p.Number), TargetPort: pulumi.Int(p.Pods), Protocol: pulumi.String("TCP"),
		})
	}
	meta := s.meta(name, role)
	// Its pods are made later: they wait for what else they need.
	meta.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	_, err := corev1.NewService(ctx, s.Cluster+"-"+name+"-service", &corev1.ServiceArgs{
		Metadata: meta, Spec: &corev1.ServiceSpecArgs{Selector: selector(role), Ports: list, PublishNotReadyAddresses: pulumi.Bool(true)},
	}, s.options(nil)...)
	if err != nil {
		return s.wrap("Service "+name, err)
	}
	return nil
}

// Claim makes a PersistentVolumeClaim for one pod, and returns its name, which Pulumi chooses: a change that replaces the claim makes the new one
// first, and pods move to it. storageClass may be "": the cluster's default one. size is a quantity, such as 10Gi.
func (s *Space) Claim(ctx *pulumi.Context, name, role, storageClass, size string) (pulumi.StringOutput, error) {
	meta := s.meta(name, role)
	meta.Name = nil
	// A class may wait with the volume until a pod wants it, and that pod waits for what else it needs.
	meta.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	spec := &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes: pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		Resources:   &corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": pulumi.String(size)}},
	}
	if storageClass != "" {
		spec.StorageClassName = pulumi.String(storageClass)
	}
	claim, err := corev1.NewPersistentVolumeClaim(ctx, s.Cluster+"-"+name+"-claim", &corev1.PersistentVolumeClaimArgs{Metadata: meta, Spec: spec}, s.options(nil)...)
	if err != nil {
		return pulumi.StringOutput{}, s.wrap("PersistentVolumeClaim "+name, err)
	}
	return claim.Metadata.Name().Elem(), nil
}
