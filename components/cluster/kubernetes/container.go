package kubernetes

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Container is one process.
type Container struct {
	Name, Image   string
	Command, Args []string           // none: the image's own
	Arguments     pulumi.StringArray // in place of Args, where some are not known yet
	Mounts        map[string]string  // path -> Volume
	Ready, Alive  []string           // a command that succeeds when it is ready; none: not asked
	Memory        string             // at most, such as "64Mi"; "": no limit
	Environment   map[string]string  // never a secret
}

// Volume is a Secret, a ConfigMap, a PersistentVolumeClaim, or, with none of them, an empty folder that can be written to.
type Volume struct {
	Name, Secret, ConfigMap string
	Claim                   pulumi.StringInput // its name; nil: none
	Size                    string             // of an empty folder, at most, in memory; "": on the node's disk
}

func containers(list []Container) corev1.ContainerArray {
	var all corev1.ContainerArray
	for _, c := range list {
		args := &corev1.ContainerArgs{
			Name: pulumi.String(c.Name), Image: pulumi.String(c.Image),
			ImagePullPolicy: pulumi.String("IfNotPresent"), // it is pinned by digest
			SecurityContext: &corev1.SecurityContextArgs{
				AllowPrivilegeEscalation: pulumi.Bool(false), ReadOnlyRootFilesystem: pulumi.Bool(true), Privileged: pulumi.Bool(false),
				Capabilities: &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
			},
			TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
			VolumeMounts:             mounts(c.Mounts),
			Env:                      environment(c.Environment),
			ReadinessProbe:           probe(c.Ready, 5),
			LivenessProbe:            probe(c.Alive, 20),
			Command:                  optional(c.Command),
			Args:                     optional(c.Args),
		}
		if len(c.Arguments) > 0 {
			args.Args = c.Arguments
		}
		if c.Memory != "" {
			args.Resources = &corev1.ResourceRequirementsArgs{Limits: pulumi.StringMap{"memory": pulumi.String(c.Memory)}}
		}
		all = append(all, args)
	}
	return all
}

func environment(variables map[string]string) corev1.EnvVarArray {
	var all corev1.EnvVarArray
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		all = append(all, &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(variables[name])})
	}
	return all
}

func optional(words []string) pulumi.StringArrayInput {
	if len(words) == 0 {
		return nil
	}
	return pulumi.ToStringArray(words)
}

func mounts(paths map[string]string) corev1.VolumeMountArray {
	var all corev1.VolumeMountArray
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		all = append(all, &corev1.VolumeMountArgs{Name: pulumi.String(paths[path]), MountPath: pulumi.String(path)})
	}
	return all
}

// probe runs a command in the container, so that nobody needs access through the network.
func probe(command []string, period int) corev1.ProbePtrInput {
	if len(command) == 0 {
		return nil
	}
	return &corev1.ProbeArgs{
		Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray(command)}, PeriodSeconds: pulumi.Int(period),
		TimeoutSeconds: pulumi.Int(5), FailureThreshold: pulumi.Int(6),
	}
}

func volumes(list []Volume) corev1.VolumeArray {
	var all corev1.VolumeArray
	for _, v := range list {
		args := &corev1.VolumeArgs{Name: pulumi.String(v.Name)}
		switch {
		case v.Secret != "":
			args.Secret = &corev1.SecretVolumeSourceArgs{SecretName: pulumi.String(v.Secret), DefaultMode: pulumi.Int(0o440)}
		case v.ConfigMap != "":
			args.ConfigMap = &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(v.ConfigMap)}
		case v.Claim != nil:
			args.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSourceArgs{ClaimName: v.Claim}
		case v.Size != "":
			args.EmptyDir = &corev1.EmptyDirVolumeSourceArgs{Medium: pulumi.String("Memory"), SizeLimit: pulumi.String(v.Size)}
		default:
			args.EmptyDir = &corev1.EmptyDirVolumeSourceArgs{}
		}
		all = append(all, args)
	}
	return all
}
