package pushgateway

import (
	"fmt"
	"path"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/pushgateway"
)

// guard is what asks for passwords between the network and the pushed series.
type guard struct {
	secret pulumi.StringMap // files with hashes, and nginx's configuration
	pod    func(Args, pulumi.StringOutput) kubernetes.Pod
}

// guard is that of the chosen form.
func (a Args) guard(jobs pulumix.Array[pushgateway.User], scraper pulumix.Output[pushgateway.User]) guard {
	render := func(text func(pushers, scrapers []pushgateway.User) (string, error)) pulumi.StringOutput {
		return pulumix.Cast[pulumi.StringOutput](pulumix.Apply2Err(jobs, scraper,
			func(pushers []pushgateway.User, scraper pushgateway.User) (string, error) {
				return text(pushers, []pushgateway.User{scraper})
			}))
	}
	if a.Nginx == "" {
		web := render(func(pushers, scrapers []pushgateway.User) (string, error) {
			return pushgateway.Direct{Users: append(pushers, scrapers...)}.WebConfig()
		})
		return guard{pulumi.StringMap{path.Base(pushgateway.WebConfig): web, "digest": web}, direct}
	}
	access := render(func(pushers, scrapers []pushgateway.User) (string, error) {
		return pushgateway.Proxy{Pushers: pushers, Scrapers: scrapers}.Htpasswd()
	})
	conf := render(func(pushers, scrapers []pushgateway.User) (string, error) {
		return pushgateway.Proxy{Pushers: pushers, Scrapers: scrapers}.NginxConf()
	})
	return guard{pulumi.StringMap{
		path.Base(pushgateway.Htpasswd): access, path.Base(pushgateway.NginxConf): conf, "digest": pulumi.Sprintf("%s%s", access, conf),
	}, proxy}
}

// direct is a Pushgateway that asks for passwords itself.
func direct(a Args, digest pulumi.StringOutput) kubernetes.Pod {
	return kubernetes.Pod{
		Role: desired.RolePushgateway,
		Containers: []kubernetes.Container{{
			Name: name, Image: a.Image, Args: pushgateway.Direct{}.Args(),
			Mounts: map[string]string{path.Dir(pushgateway.WebConfig): "config", path.Dir(pushgateway.Certificate): "tls"},
			Ready:  []string{"sh", "-c", fmt.Sprintf("netstat -ltn | grep -q :%d", pushgateway.Port)}, // every path asks for a password
		}},
		Volumes: []kubernetes.Volume{{Name: "config", Secret: name}, {Name: "tls", Secret: name + "-tls"}},
		Digests: map[string]pulumi.StringOutput{"guard": digest},
	}
}

// proxy is a Pushgateway behind nginx, in one pod.
func proxy(a Args, digest pulumi.StringOutput) kubernetes.Pod {
	return kubernetes.Pod{
		Role: desired.RolePushgateway,
		Containers: []kubernetes.Container{
			{
				Name: name, Image: a.Image, Args: pushgateway.Proxy{}.Args(),
				Ready: []string{"wget", "-q", "-O", "/dev/null", fmt.Sprintf("http://127.0.0.1:%d/-/ready", pushgateway.ReadyPort)}, // through nginx
			},
			{
				Name: "nginx", Image: a.Nginx, Command: []string{"nginx", "-e", "stderr", "-c", pushgateway.NginxConf, "-g", "daemon off;"},
				Mounts: map[string]string{path.Dir(pushgateway.NginxConf): "config", path.Dir(pushgateway.ProxyCertificate): "tls", pushgateway.Scratch: "scratch"},
				Memory: "64Mi",
			},
		},
		Volumes: []kubernetes.Volume{
			{Name: "config", Secret: name}, {Name: "tls", Secret: name + "-tls"}, {Name: "scratch", Size: "16Mi"},
		},
		Digests: map[string]pulumi.StringOutput{"guard": digest},
	}
}
