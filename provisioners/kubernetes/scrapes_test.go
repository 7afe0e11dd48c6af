package kubernetes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// everything is all that a cluster's Prometheus can read of the cluster.
var everything = Scrapes{
	Kubelet: true, CAdvisor: true, State: true,
	Nodes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::7/128")},
	Pods: []Pods{
		{Job: "shop", Namespace: "shop", Labels: map[string]string{"tier": "web", "app": "till"}, Port: 8080, Path: "/stats", Limit: 7},
		{Job: "any", Namespace: "tools", Port: 9100, Path: DefaultPath, Annotated: true},
	},
}

// TestScrapesOpenAndGrant: each thing that is on has its edges and its rights, and what is off has none.
func TestScrapesOpenAndGrant(t *testing.T) {
	const metrics = "get /metrics"
	nodes := []string{"prometheus -> 10.0.0.0/24 10250/TCP", "prometheus -> fd00::7/128 10250/TCP"}
	ofNodes := []string{metrics, "list,watch nodes", "get nodes/metrics"}
	for name, c := range map[string]struct {
		change        func(*Scrapes)
		edges, rights []string
	}{
		"nothing":  {func(s *Scrapes) { *s = Scrapes{Nodes: s.Nodes} }, nil, []string{metrics}},
		"kubelet":  {func(s *Scrapes) { *s = Scrapes{Nodes: s.Nodes, Kubelet: true} }, nodes, ofNodes},
		"cadvisor": {func(s *Scrapes) { *s = Scrapes{Nodes: s.Nodes, CAdvisor: true} }, nodes, ofNodes},
		"kube-state-metrics": {func(s *Scrapes) { *s = Scrapes{Nodes: s.Nodes, State: true} }, nil, []string{
			metrics, "list,watch nodes pods", "list,watch apps: daemonsets deployments statefulsets", "list,watch batch: jobs",
		}},
		"pods": {
			func(s *Scrapes) { *s = Scrapes{Nodes: s.Nodes, Pods: s.Pods} },
			[]string{"prometheus -> namespace shop app=till tier=web 8080/TCP", "prometheus -> namespace tools 9100/TCP"},
			[]string{metrics, "list,watch pods in shop", "list,watch pods in tools"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := everything
			c.change(&s)
			var edges, rights []string
			for _, edge := range s.edges() {
				edges = append(edges, edge.String())
			}
			for _, right := range s.Rights() {
				rights = append(rights, written(right))
			}
			if !slices.Equal(edges, c.edges) {
				t.Errorf("edges %q, want %q", edges, c.edges)
			}
			if !slices.Equal(rights, c.rights) {
				t.Errorf("rights %q, want %q", rights, c.rights)
			}
		})
	}
}

// written is a right in words.
func written(r Right) string {
	words := strings.Join(r.Verbs, ",") + " "
	if r.Group != "" {
		words += r.Group + ": "
	}
	words += strings.Join(append(slices.Clone(r.Paths), r.Resources...), " ")
	if r.Namespace != "" {
		words += " in " + r.Namespace
	}
	return words
}

// TestTwoJobsOfANamespace: its pods are granted once.
func TestTwoJobsOfANamespace(t *testing.T) {
	s := Scrapes{Pods: []Pods{{Job: "b", Namespace: "shop", Port: 2}, {Job: "a", Namespace: "shop", Port: 1}}}
	if got := s.Rights(); len(got) != 2 || len(s.edges()) != 2 {
		t.Errorf("rights %v, edges %v", got, s.edges())
	}
}

// job is what the tests read of a scrape configuration.
type job struct {
	Name      string `yaml:"job_name"`
	Path      string `yaml:"metrics_path"`
	Redirects *bool  `yaml:"follow_redirects"`
	Most      int    `yaml:"target_limit"`
	TLS       struct {
		Authority  string `yaml:"ca_file"`
		Unverified bool   `yaml:"insecure_skip_verify"`
	} `yaml:"tls_config"`
	Discovered []struct {
		Role       string
		Namespaces struct{ Names []string }
		Selectors  []struct{ Label string }
	} `yaml:"kubernetes_sd_configs"`
	Relabel []struct {
		Source []string `yaml:"source_labels"`
		Regex  string
	} `yaml:"relabel_configs"`
}

func jobs(t *testing.T, s Scrapes) map[string]job {
	t.Helper()
	var config struct {
		Jobs []job `yaml:"scrape_configs"`
	}
	text := Server{Cluster: "a", ScrapeInterval: time.Second, RetentionTime: time.Hour, RetentionSize: "1GB", Scrapes: s}.Render()
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	byName := map[string]job{}
	for _, j := range config.Jobs {
		byName[j.Name] = j
	}
	return byName
}

// TestKubeletsAreVerified, unless the settings accept that they are not.
func TestKubeletsAreVerified(t *testing.T) {
	for _, unverified := range []bool{false, true} {
		s := everything
		s.Unverified = unverified
		all := jobs(t, s)
		for name, path := range map[string]string{JobKubelet: "/metrics", JobCAdvisor: "/metrics/cadvisor"} {
			j := all[name]
			if j.TLS.Unverified != unverified || (j.TLS.Authority == "") != unverified {
				t.Errorf("accepted %v: %s is scraped with %+v", unverified, name, j.TLS)
			}
			if j.Path != path || j.Redirects == nil || *j.Redirects {
				t.Errorf("%s: path %s, follows redirects, with its token: %v", name, j.Path, j.Redirects)
			}
		}
	}
}

// TestNamesAreTexts: YAML has other meanings for some names that Kubernetes and the settings admit.
func TestNamesAreTexts(t *testing.T) {
	for _, name := range []string{"null", "true", "1", "1e3", "no"} {
		s := Server{Cluster: name, Scrapes: Scrapes{Pods: []Pods{{Job: name, Namespace: name, Port: 1}}}}
		var config struct {
			Global struct {
				Labels map[string]any `yaml:"external_labels"`
			}
			Jobs []struct {
				Name       any `yaml:"job_name"`
				Discovered []struct {
					Namespaces struct{ Names []any }
				} `yaml:"kubernetes_sd_configs"`
			} `yaml:"scrape_configs"`
		}
		if err := yaml.Unmarshal([]byte(s.Render()), &config); err != nil {
			t.Fatal(err)
		}
		pods := config.Jobs[len(config.Jobs)-1]
		for what, got := range map[string]any{"cluster": config.Global.Labels["cluster"], "job": pods.Name, "namespace": pods.Discovered[0].Namespaces.Names[0]} {
			if got != name {
				t.Errorf("the %s %q is read as %v, a %T", what, name, got, got)
			}
		}
	}
}

func TestPodsAreChosen(t *testing.T) {
	all := jobs(t, everything)
	shop, anyone := all["shop"], all["any"]
	if got := fmt.Sprint(shop.Discovered); got != "[{pod {[shop]} [{app=till,tier=web}]}]" {
		t.Errorf("shop: %s", got)
	}
	if got := fmt.Sprint(anyone.Discovered); got != "[{pod {[tools]} []}]" {
		t.Errorf("any: %s", got)
	}
	if shop.Most != 7 || anyone.Most != 0 {
		t.Errorf("at most %d pods of shop, %d of any", shop.Most, anyone.Most)
	}
	asks := func(j job) bool {
		return slices.ContainsFunc(j.Relabel, func(r struct {
			Source []string `yaml:"source_labels"`
			Regex  string
		}) bool {
			return slices.Equal(r.Source, []string{"__meta_kubernetes_pod_annotation_prometheus_io_scrape"}) && r.Regex == "true"
		})
	}
	if asks(shop) || !asks(anyone) {
		t.Errorf("annotations decide: shop %v, any %v", asks(shop), asks(anyone))
	}
}

// TestStateTellsWhatItMaySee: kube-state-metrics asks for the kinds that it has the right to, and for no other.
func TestStateTellsWhatItMaySee(t *testing.T) {
	args := StateArgs()
	if want := "--resources=daemonsets,deployments,jobs,nodes,pods,statefulsets"; args[len(args)-1] != want {
		t.Errorf("got %s, want %s", args[len(args)-1], want)
	}
	for _, arg := range args {
		if strings.Contains(arg, "host=") && !strings.HasSuffix(arg, "=127.0.0.1") {
			t.Errorf("it listens on the cluster's network: %s", arg)
		}
	}
}

// TestJobsAreTaken: names that settings refuse are all that the configuration has.
func TestJobsAreTaken(t *testing.T) {
	s := Server{Reflect: "r", Pushgateway: "p", ScrapeInterval: time.Second, RetentionTime: time.Hour, Scrapes: Scrapes{Kubelet: true, CAdvisor: true, State: true}}
	var config struct {
		Jobs []job `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(s.Render()), &config); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, j := range config.Jobs {
		names = append(names, j.Name)
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(Jobs()))) {
		t.Errorf("it has %v, and settings refuse %v", names, Jobs())
	}
}
