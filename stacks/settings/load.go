package settings

import (
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// tokenVariables are where DigitalOcean's provider looks for its token, beside its own configuration.
var tokenVariables = []string{"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"}

// Load reads the stack's settings. It looks at everything before any resource exists, and its error has all that is wrong,
// each with its path and what to do.
func Load(ctx *pulumi.Context) (*Settings, error) {
	promwire := config.New(ctx, "promwire")
	fleet := promwire.Get("fleet")
	settings, problems := parse([]byte(fleet))

	const keyPath = "promwire:sshPrivateKey"
	key, err := sshKey(promwire.Get("sshPrivateKey"))
	settings.SSHPrivateKey, settings.SSHPublicKey, settings.SSHFingerprint = key.private, key.public, key.fingerprint
	if err != nil {
		problems.Add(keyPath, "%v", err)
	} else if !ctx.IsConfigSecret(keyPath) {
		settings.Warnings = append(settings.Warnings, keyPath+": is in clear text in the stack file; set it again with --secret")
	}
	settings.readRules(ctx.RootDirectory(), &problems)
	if settings.secrets(promwire.Get("secrets"), &problems) && !ctx.IsConfigSecret(secretsPath) {
		settings.Warnings = append(settings.Warnings, secretsPath+": is in clear text in the stack file; set it again with --secret")
	}
	if fleet != "" && settings.NeedsCloud() && !hasToken(config.New(ctx, "digitalocean").Get("token")) {
		problems.Add("digitalocean:token", "missing: the fleet has droplets; set it with `pulumi config set --secret digitalocean:token`, or in %s",
			strings.Join(tokenVariables, " or "))
	}
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("the settings of stack %s are wrong, and nothing was touched:\n%w", ctx.Stack(), err)
	}
	return settings, nil
}

func hasToken(configured string) bool {
	for _, variable := range tokenVariables {
		configured += os.Getenv(variable)
	}
	return strings.TrimSpace(configured) != ""
}
