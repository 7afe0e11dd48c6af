package kubernetes

import (
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

func TestServer(t *testing.T) {
	plain := Server{Cluster: "a", ScrapeInterval: 15 * time.Second, RetentionTime: 24 * time.Hour, RetentionSize: "1GB"}
	full := plain
	full.ScrapeInterval, full.Reflect, full.Pushgateway, full.PushgatewayAs = 5*time.Second, "reflect.promwire.svc:8080", "pushgateway.promwire.svc:9091", "prometheus"
	for _, c := range []struct {
		name string
		s    Server
		jobs []string
		has  []string
	}{
		{"plain", plain, []string{"prometheus", "kubernetes-apiservers"}, []string{
			"scrape_interval: 15s\n  scrape_timeout: 10s\n  evaluation_interval: 15s\n", "    cluster: 'a'\n", "      time: 1d\n      size: 1GB\n",
			"  - /etc/prometheus/rules.yml\n", "- targets: ['127.0.0.1:9090']", "- targets: ['kubernetes.default.svc:443']",
		}},
		{"full", full, []string{"prometheus", "kubernetes-apiservers", "reflect", "pushgateway"}, []string{
			"scrape_interval: 5s\n  scrape_timeout: 5s\n", "- targets: ['reflect.promwire.svc:8080']", "- targets: ['pushgateway.promwire.svc:9091']",
			"ca_file: /etc/pushgateway/ca.crt", "username: prometheus\n      password_file: /etc/pushgateway/password\n",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.s.Render()
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in:\n%s", part, text)
				}
			}
			if strings.Contains(text, "honor_labels") {
				t.Error("a scraped service can set the labels of its series")
			}
			var config struct {
				Jobs []struct {
					Name string `yaml:"job_name"`
				} `yaml:"scrape_configs"`
			}
			if err := yaml.Unmarshal([]byte(text), &config); err != nil {
				t.Fatal(err)
			}
			var jobs []string
			for _, job := range config.Jobs {
				jobs = append(jobs, job.Name)
			}
			if strings.Join(jobs, " ") != strings.Join(c.jobs, " ") {
				t.Errorf("jobs %v, want %v", jobs, c.jobs)
			}
		})
	}
}
