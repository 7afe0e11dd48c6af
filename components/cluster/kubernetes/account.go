package kubernetes

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Account makes a ServiceAccount that has these rights, and no others: those of a namespace by a Role there, the rest by a ClusterRole.
func (s *Space) Account(ctx *pulumi.Context, name, role string, rights ...desired.Right) error {
	if _, err := corev1.NewServiceAccount(ctx, s.Cluster+"-"+name+"-account", &corev1.ServiceAccountArgs{
		Metadata: s.meta(name, role), AutomountServiceAccountToken: pulumi.Bool(false),
	}, s.options(nil)...); err != nil {
		return s.wrap("ServiceAccount "+name, err)
	}
	a := account{s, name, role}
	var wide rbacv1.PolicyRuleArray
	for _, right := range rights {
		if right.Namespace == "" {
			wide = append(wide, rule(right))
		} else if err := a.within(ctx, right); err != nil {
			return err
		}
	}
	return a.everywhere(ctx, wide)
}

// account is one that gets rights.
type account struct {
	*Space
	name, role string
}

// wide is the name of what is not in promwire's namespace: another fleet may be there too.
func (a account) wide() string { return a.Fleet + "-" + a.Cluster + "-" + a.name }

func (a account) everywhere(ctx *pulumi.Context, rules rbacv1.PolicyRuleArray) error {
	meta := &metav1.ObjectMetaArgs{Name: pulumi.String(a.wide()), Labels: labels(a.role)}
	if _, err := rbacv1.NewClusterRole(ctx, a.Cluster+"-"+a.name+"-role", &rbacv1.ClusterRoleArgs{Metadata: meta, Rules: rules}, a.options(nil)...); err != nil {
		return a.wrap("ClusterRole of "+a.name, err)
	}
	if _, err := rbacv1.NewClusterRoleBinding(ctx, a.Cluster+"-"+a.name+"-binding", &rbacv1.ClusterRoleBindingArgs{
		Metadata: meta, RoleRef: a.reference("ClusterRole"), Subjects: a.subjects(),
	}, a.options(nil)...); err != nil {
		return a.wrap("ClusterRoleBinding of "+a.name, err)
	}
	return nil
}

func (a account) within(ctx *pulumi.Context, right desired.Right) error {
	meta := &metav1.ObjectMetaArgs{Name: pulumi.String(a.wide()), Namespace: pulumi.String(right.Namespace), Labels: labels(a.role)}
	resource := a.Cluster + "-" + a.name + "-in-" + right.Namespace
	if _, err := rbacv1.NewRole(ctx, resource+"-role", &rbacv1.RoleArgs{
		Metadata: meta, Rules: rbacv1.PolicyRuleArray{rule(right)},
	}, a.options(nil)...); err != nil {
		return a.wrap("Role of "+a.name+" in "+right.Namespace, err)
	}
	if _, err := rbacv1.NewRoleBinding(ctx, resource+"-binding", &rbacv1.RoleBindingArgs{
		Metadata: meta, RoleRef: a.reference("Role"), Subjects: a.subjects(),
	}, a.options(nil)...); err != nil {
		return a.wrap("RoleBinding of "+a.name+" in "+right.Namespace, err)
	}
	return nil
}

func (a account) reference(kind string) *rbacv1.RoleRefArgs {
	return &rbacv1.RoleRefArgs{ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String(kind), Name: pulumi.String(a.wide())}
}

func (a account) subjects() rbacv1.SubjectArray {
	return rbacv1.SubjectArray{&rbacv1.SubjectArgs{
		Kind: pulumi.String("ServiceAccount"), Name: pulumi.String(a.name), Namespace: pulumi.String(a.Namespace),
	}}
}

func rule(right desired.Right) *rbacv1.PolicyRuleArgs {
	args := &rbacv1.PolicyRuleArgs{Verbs: pulumi.ToStringArray(right.Verbs)}
	if len(right.Paths) > 0 {
		args.NonResourceURLs = pulumi.ToStringArray(right.Paths)
		return args
	}
	args.ApiGroups, args.Resources = pulumi.ToStringArray([]string{right.Group}), pulumi.ToStringArray(right.Resources)
	return args
}
