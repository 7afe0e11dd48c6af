// Package pushgateway runs a Pushgateway in a cluster, for batch jobs that end before anybody could scrape them. Nobody pushes without a
// password: in the direct form TLS and passwords are its own, in the proxy form it listens on its
// pod's loopback, behind nginx.
package pushgateway

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/record"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/pushgateway"
)

// Args are what the settings say of a cluster's Pushgateway.
type Args struct {
	Image string
	Nginx string   // image; "": the direct form
	Jobs  []string // user names too
	From  []string // namespaces whose pods may push
	Key   string   // any text; another one makes other passwords and another certificate
}

// Port is the TCP port of its pods that others connect to.
func (a Args) Port() int {
	if a.Nginx != "" {
		return pushgateway.ProxyPort
	}
	return pushgateway.Port
}

// Pushgateway is one that runs.
type Pushgateway struct {
	pulumi.ResourceState
	At        string              // host:port in the cluster
	Passwords pulumi.StringMap    // user -> password; secrets
	Authority pulumi.StringOutput // the certificate that those who push or scrape have to trust, PEM
	Scrape    string              // Secret that Prometheus reads: its password and the authority
	Digest    pulumi.StringOutput
	Ready     pulumi.Resource
}

const name = pushgateway.Name

// New makes credentials and certificate, which are kept, and the Deployment behind a Service.
func New(ctx *pulumi.Context, space *kubernetes.Space, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Pushgateway, error) {
	p := &Pushgateway{
		At:        fmt.Sprintf("%s.%s.svc:%d", name, space.Namespace, pushgateway.Port),
		Passwords: pulumi.StringMap{}, Scrape: name + "-scrape",
	}
	full := space.Cluster + "-" + name
	if err := ctx.RegisterComponentResource("promwire:index:Pushgateway", full, p, opts...); err != nil {
		return nil, fmt.Errorf("%s: %w", full, err)
	}
	var jobs pulumix.Array[pushgateway.User]
	for _, job := range args.Jobs {
		user, err := p.user(ctx, full, job, args)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, user)
	}
	scraper, err := p.user(ctx, full, pushgateway.Scraper, args)
	if err != nil {
		return nil, err
	}
	pair, err := record.Keep(ctx, full+"-certificate-"+args.Key, func() (string, error) { return certificate(space.Namespace) }, p)
	if err != nil {
		return nil, err
	}
	p.Authority = part(pair, func(c kept) string { return c.Certificate })
	guard := args.guard(jobs, scraper)
	p.Digest = kubernetes.Digest(pulumi.Sprintf("%s%s", pair, guard.secret["digest"]))
	delete(guard.secret, "digest")
	if err := p.files(ctx, space, pair, guard); err != nil {
		return nil, err
	}
	if err := space.Service(ctx, name, desired.RolePushgateway, kubernetes.Port{Name: "https", Number: pushgateway.Port, Pods: args.Port()}); err != nil {
		return nil, err
	}
	p.Ready, err = space.Run(ctx, name, guard.pod(args, p.Digest), dependsOn...)
	if err != nil {
		return nil, err
	}
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"at": pulumi.String(p.At)})
}

// user makes a password, which is kept, and is a user with its hash.
func (p *Pushgateway) user(ctx *pulumi.Context, full, user string, args Args) (pulumix.Output[pushgateway.User], error) {
	credentials, err := record.Keep(ctx, full+"-"+user+"-password-"+args.Key, password, p)
	if err != nil {
		return pulumix.Output[pushgateway.User]{}, err
	}
	p.Passwords[user] = part(credentials, func(c kept) string { return c.Password })
	return pulumix.Apply(part(credentials, func(c kept) string { return c.Hash }), func(hash string) pushgateway.User {
		return pushgateway.User{Name: user, Hash: hash}
	}), nil
}

// files are what the containers read, and what Prometheus reads of them.
func (p *Pushgateway) files(ctx *pulumi.Context, space *kubernetes.Space, pair pulumi.StringOutput, g guard) error {
	if err := space.Secret(ctx, name, desired.RolePushgateway, g.secret); err != nil {
		return err
	}
	if err := space.Secret(ctx, name+"-tls", desired.RolePushgateway, pulumi.StringMap{
		"tls.crt": p.Authority, "tls.key": part(pair, func(c kept) string { return c.Key }),
	}); err != nil {
		return err
	}
	return space.Secret(ctx, p.Scrape, desired.RolePrometheus, pulumi.StringMap{
		desired.AuthorityFile: p.Authority, desired.PasswordFile: p.Passwords[pushgateway.Scraper],
	})
}
