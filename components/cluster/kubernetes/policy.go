package kubernetes

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Close makes the policy that closes the namespace: nothing comes in or goes out, except what other policies open.
func (s *Space) Close(ctx *pulumi.Context) (pulumi.Resource, error) {
	return s.policy(ctx, "default-deny", "", &networkingv1.NetworkPolicySpecArgs{
		PodSelector: &metav1.LabelSelectorArgs{}, PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
	})
}

// Open makes a policy for each role: the edges of its pods. monitor is the monitor's public IP address.
func (s *Space) Open(ctx *pulumi.Context, policies []desired.Policy, monitor pulumi.StringInput) ([]pulumi.Resource, error) {
	block := monitor.ToStringOutput().ApplyT(network).(pulumi.StringOutput)
	var all []pulumi.Resource
	for _, p := range policies {
		made, err := s.policy(ctx, p.Role, p.Role, &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{MatchLabels: selector(p.Role)},
			PolicyTypes: types(p),
			Ingress:     ingress(p.Ingress, block),
			Egress:      egress(p.Egress, block),
		})
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

func (s *Space) policy(ctx *pulumi.Context, name, role string, spec *networkingv1.NetworkPolicySpecArgs) (pulumi.Resource, error) {
	policy, err := networkingv1.NewNetworkPolicy(ctx, s.Cluster+"-"+name+"-policy", &networkingv1.NetworkPolicyArgs{
		Metadata: s.meta(name, role), Spec: spec,
	}, s.options(nil)...)
	if err != nil {
		return nil, s.wrap("NetworkPolicy "+name, err)
	}
	return policy, nil
}

// types are the directions of a policy. The namespace is closed in both already.
func types(p desired.Policy) pulumi.StringArray {
	var all pulumi.StringArray
	if len(p.Ingress) > 0 {
		all = append(all, pulumi.String("Ingress"))
	}
	if len(p.Egress) > 0 {
		all = append(all, pulumi.String("Egress"))
	}
	return all
}

func ingress(edges []desired.Edge, monitor pulumi.StringInput) networkingv1.NetworkPolicyIngressRuleArray {
	var rules networkingv1.NetworkPolicyIngressRuleArray
	for _, e := range edges {
		rules = append(rules, &networkingv1.NetworkPolicyIngressRuleArgs{From: peers(e.From, monitor), Ports: ports(e)})
	}
	return rules
}

func egress(edges []desired.Edge, monitor pulumi.StringInput) networkingv1.NetworkPolicyEgressRuleArray {
	var rules networkingv1.NetworkPolicyEgressRuleArray
	for _, e := range edges {
		rules = append(rules, &networkingv1.NetworkPolicyEgressRuleArgs{To: peers(e.To, monitor), Ports: ports(e)})
	}
	return rules
}

func ports(e desired.Edge) networkingv1.NetworkPolicyPortArray {
	return networkingv1.NetworkPolicyPortArray{
		&networkingv1.NetworkPolicyPortArgs{Port: pulumi.Int(e.Port), Protocol: pulumi.String(e.Protocol)},
	}
}

// peers are the other end of an edge; an empty list is everybody (NetworkPolicy v1, from and to).
func peers(e desired.End, monitor pulumi.StringInput) networkingv1.NetworkPolicyPeerArray {
	peer := &networkingv1.NetworkPolicyPeerArgs{}
	switch {
	case e.Role != "":
		peer.PodSelector = &metav1.LabelSelectorArgs{MatchLabels: selector(e.Role)}
	case e.Namespace != "":
		peer.NamespaceSelector = &metav1.LabelSelectorArgs{
			MatchLabels: pulumi.StringMap{desired.NamespaceLabel: pulumi.String(e.Namespace)},
		}
		if len(e.Labels) > 0 {
			peer.PodSelector = &metav1.LabelSelectorArgs{MatchLabels: pulumi.ToStringMap(e.Labels)}
		}
	case e.Monitor:
		peer.IpBlock = &networkingv1.IPBlockArgs{Cidr: monitor}
	case e.Network.IsValid():
		peer.IpBlock = &networkingv1.IPBlockArgs{Cidr: pulumi.String(e.Network.String())}
	default:
		return nil
	}
	return networkingv1.NetworkPolicyPeerArray{peer}
}
