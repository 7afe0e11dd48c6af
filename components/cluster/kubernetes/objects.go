package kubernetes

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
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

// Service makes a Service of the pods of a role.
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
		Metadata: meta, Spec: &corev1.ServiceSpecArgs{Selector: selector(role), Ports: list},
	}, s.options(nil)...)
	if err != nil {
		return s.wrap("Service "+name, err)
	}
	return nil
}

// Account makes a ServiceAccount that may get these paths of the API (nonResourceURLs), and nothing else.
func (s *Space) Account(ctx *pulumi.Context, name, role string, paths ...string) error {
	opts := s.options(nil)
	if _, err := corev1.NewServiceAccount(ctx, s.Cluster+"-"+name+"-account", &corev1.ServiceAccountArgs{
		Metadata: s.meta(name, role), AutomountServiceAccountToken: pulumi.Bool(false),
	}, opts...); err != nil {
		return s.wrap("ServiceAccount "+name, err)
	}
	// Cluster-wide names: another fleet may be there too.
	wide := &metav1.ObjectMetaArgs{Name: pulumi.String(s.Fleet + "-" + s.Cluster + "-" + name), Labels: labels(role)}
	if _, err := rbacv1.NewClusterRole(ctx, s.Cluster+"-"+name+"-role", &rbacv1.ClusterRoleArgs{
		Metadata: wide,
		Rules: rbacv1.PolicyRuleArray{&rbacv1.PolicyRuleArgs{
			NonResourceURLs: pulumi.ToStringArray(paths), Verbs: pulumi.ToStringArray([]string{"get"}),
		}},
	}, opts...); err != nil {
		return s.wrap("ClusterRole of "+name, err)
	}
	if _, err := rbacv1.NewClusterRoleBinding(ctx, s.Cluster+"-"+name+"-binding", &rbacv1.ClusterRoleBindingArgs{
		Metadata: wide,
		RoleRef:  &rbacv1.RoleRefArgs{ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("ClusterRole"), Name: wide.Name.(pulumi.String)},
		Subjects: rbacv1.SubjectArray{&rbacv1.SubjectArgs{
			Kind: pulumi.String("ServiceAccount"), Name: pulumi.String(name), Namespace: pulumi.String(s.Namespace),
		}},
	}, opts...); err != nil {
		return s.wrap("ClusterRoleBinding of "+name, err)
	}
	return nil
}
