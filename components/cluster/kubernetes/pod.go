package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// nobody is the user and group of all pods: the images' own, where they have one.
const nobody = 65534

// Pod is the pod of one role.
type Pod struct {
	Role       string
	Containers []Container
	Volumes    []Volume
	Account    string                         // ServiceAccount, whose token its containers get; "": none
	Digests    map[string]pulumi.StringOutput // of files that only a new pod reads; see Digest
}

// Digest identifies a text, for Pod.Digests: 64 hex digits, which are not a secret even if the text contains one.
func Digest(text pulumi.StringInput) pulumi.StringOutput {
	return pulumi.Unsecret(text.ToStringOutput().ApplyT(func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	})).(pulumi.StringOutput)
}

// Run makes a Deployment of one pod and waits until it is ready. The former pod ends before a new one starts: both would have the same
// key, the same data, the same credentials.
func (s *Space) Run(ctx *pulumi.Context, name string, pod Pod, dependsOn ...pulumi.Resource) (pulumi.Resource, error) {
	deployment, err := appsv1.NewDeployment(ctx, s.Cluster+"-"+name+"-deployment", &appsv1.DeploymentArgs{
		Metadata: s.meta(name, pod.Role),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: selector(pod.Role)},
			Strategy: &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")},
			Template: pod.template("Always"),
		},
	}, s.options(dependsOn)...)
	if err != nil {
		return nil, s.wrap("Deployment "+name, err)
	}
	return deployment, nil
}

// Once makes a pod that is never restarted, and waits until it runs; its address is the second result. A change replaces the pod.
func (s *Space) Once(ctx *pulumi.Context, name string, pod Pod, dependsOn ...pulumi.Resource) (pulumi.Resource, pulumi.StringOutput, error) {
	template := pod.template("Never")
	meta := s.meta(name, pod.Role)
	meta.Name = nil // Pulumi chooses it, so that the next one need not wait until this one has ended
	made, err := corev1.NewPod(ctx, s.Cluster+"-"+name, &corev1.PodArgs{Metadata: meta, Spec: template.Spec}, s.options(dependsOn)...)
	if err != nil {
		return nil, pulumi.StringOutput{}, s.wrap("Pod "+name, err)
	}
	return made, made.Status.PodIP().Elem(), nil
}

// Try makes a Job of one pod and waits until it succeeded, at most for limit; it is not retried. A change replaces the Job.
func (s *Space) Try(ctx *pulumi.Context, name string, pod Pod, limit time.Duration, dependsOn ...pulumi.Resource) (pulumi.Resource, error) {
	meta := s.meta(name, pod.Role)
	meta.Name = nil // Pulumi chooses it: a Job can't be changed
	job, err := batchv1.NewJob(ctx, s.Cluster+"-"+name, &batchv1.JobArgs{
		Metadata: meta,
		Spec: &batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(0), ActiveDeadlineSeconds: pulumi.Int(int(limit.Seconds())), Template: pod.template("Never"),
		},
	}, s.options(dependsOn)...)
	if err != nil {
		return nil, s.wrap("Job "+name, err)
	}
	return job, nil
}

func (p Pod) template(restart string) *corev1.PodTemplateSpecArgs {
	meta := &metav1.ObjectMetaArgs{Labels: labels(p.Role)}
	if len(p.Digests) > 0 {
		digests := pulumi.StringMap{}
		for name, digest := range p.Digests {
			digests["promwire/"+name] = digest
		}
		meta.Annotations = digests
	}
	spec := &corev1.PodSpecArgs{
		RestartPolicy:                pulumi.String(restart),
		AutomountServiceAccountToken: pulumi.Bool(p.Account != ""),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext: &corev1.PodSecurityContextArgs{
			RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(nobody), RunAsGroup: pulumi.Int(nobody), FsGroup: pulumi.Int(nobody),
			SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		Containers: containers(p.Containers),
		Volumes:    volumes(p.Volumes),
	}
	if p.Account != "" {
		spec.ServiceAccountName = pulumi.String(p.Account)
	}
	return &corev1.PodTemplateSpecArgs{Metadata: meta, Spec: spec}
}
