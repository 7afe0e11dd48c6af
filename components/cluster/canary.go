package cluster

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

const (
	// policyTime is how long a network plugin may take until it enforces a new policy.
	policyTime = time.Minute
	// pullTime is how long a slow node may take to pull an image and start a pod.
	pullTime = 5 * time.Minute
)

// canary proves that policies are enforced before there is anything to protect: two pods of promwire's own try what only a plugin that
// enforces them prevents. Both end with the proof, so that neither listens afterwards.
func (c *Cluster) canary(ctx *pulumi.Context) error {
	if c.Args.AcceptUnenforced {
		return nil
	}
	const name = "canary"
	open, err := c.space.Open(ctx, desired.Canary(), c.monitorAddress())
	if err != nil {
		return err
	}
	if err := c.space.ConfigMap(ctx, name, desired.RoleCanary, pulumi.StringMap{
		"canary.sh": pulumi.String(desired.CanaryScript()),
	}); err != nil {
		return err
	}
	served, address, err := c.space.Once(ctx, name, c.script(desired.RoleCanary, desired.CanaryServe(pullTime+policyTime)), append(open, c.proved...)...)
	if err != nil {
		return err
	}
	tried, err := c.space.Try(ctx, "probe", c.script(desired.RoleProbe, desired.CanaryTry(policyTime), address), pullTime+policyTime, served)
	if err != nil {
		return err
	}
	c.proved = append(c.proved, tried)
	return nil
}

// script is a pod that runs the canary's script. Again is part of its environment, so that a new value runs it again.
func (c *Cluster) script(role string, args []string, more ...pulumi.StringInput) kubernetes.Pod {
	words := pulumi.StringArray{pulumi.String("/canary/canary.sh")}
	for _, arg := range args {
		words = append(words, pulumi.String(arg))
	}
	for _, arg := range more {
		words = append(words, arg)
	}
	return kubernetes.Pod{
		Role: role, Volumes: []kubernetes.Volume{{Name: "files", ConfigMap: "canary"}},
		Containers: []kubernetes.Container{{
			Name: role, Image: c.Args.Images.Prometheus, Command: []string{"/bin/sh"}, Arguments: words, Memory: "32Mi",
			Mounts:      map[string]string{"/canary": "files"},
			Environment: map[string]string{"PROMWIRE_AGAIN": c.Args.Again},
		}},
	}
}
