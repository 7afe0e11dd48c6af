package settings

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/stacks/settings/document"
)

// secretKeys hold a secret in Prometheus's configuration: all that its packages config and discovery have of type Secret.
var secretKeys = []string{
	"application_credential_secret", "application_secret", "auth_token", "bearer_token", "client_certificate_key", "client_secret",
	"consumer_key", "credentials", "key", "key_passphrase", "password", "private_key", "secret_key", "secrets", "service_account_key",
	"token",
}

// scrapeConfigs are the operator's own jobs, a line of JSON each. Prometheus's own promtool checks them on the monitor; here is what it
// can't see: names that the fleet has already, and secrets.
func (c *checker) scrapeConfigs(list []map[string]any) []string {
	taken := c.jobNames()
	var configs []string
	for i, config := range list {
		at := document.Index("scrapeConfigs", i)
		c.jobName(at+".job_name", config["job_name"], taken)
		c.secretless(at, config)
		configs = append(configs, oneLine(config))
	}
	return configs
}

// jobNames are those of the fleet, and what each is.
func (c *checker) jobNames() map[string]string {
	taken := map[string]string{}
	for _, host := range c.hosts {
		for _, e := range host.Exporters {
			taken[e.Name] = "the job of an exporter"
		}
		for _, s := range host.Scrape {
			taken[s.Job] = "a job of " + host.path + ".scrape"
		}
	}
	for _, name := range c.reserved {
		taken[name] = "promwire's own job"
	}
	return taken
}

func (c *checker) jobName(at string, value any, taken map[string]string) {
	name, isText := value.(string)
	switch {
	case value == nil || name == "" && isText:
		c.Add(at, "missing: every job needs a name")
		return
	case !isText:
		c.Add(at, "must be text (put it in quotes)")
		return
	case strings.HasPrefix(name, clusterJobs):
		c.Add(at, "%q: names that begin with %s are those of promwire's own jobs; choose another", name, clusterJobs)
	case taken[name] != "":
		c.Add(at, "%q is %s already; choose another name", name, taken[name])
	}
	if taken[name] == "" {
		taken[name] = strings.TrimSuffix(at, ".job_name") + "'s name"
	}
}

// inState is why a configuration must have no secret.
const inState = "and scrapeConfigs are in the stack's state and in previews"

// secretHeader is a part of the names of headers whose values let somebody in, such as Cookie, X-Api-Key and PRIVATE-TOKEN.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|credential|key|passw|secret|session|token`)

// secretless reports secrets at any depth: the configuration stands in the stack's state, and previews print it.
func (c *checker) secretless(at string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			switch in := at + "." + key; {
			case key == "labels" || key == "params": // any key may be one of theirs
			case slices.Contains(secretKeys, key) && literal(value[key]):
				c.Add(in, "is a secret, %s; %s", inState, instead(at, key))
			case key == "http_headers":
				c.secretlessHeaders(in, value[key])
			case key == "proxy_connect_header": // Prometheus takes every value as a secret, and none from a file
				if headers, is := value[key].(map[string]any); literal(value[key]) || is && len(headers) > 0 {
					c.Add(in, "is for secrets, %s; leave it out, and let the proxy admit the monitor's address", inState)
				}
			default:
				c.secretless(in, value[key])
			}
		}
	case []any:
		for i, element := range value {
			c.secretless(document.Index(at, i), element)
		}
	case string:
		switch {
		case !urlPassword(value):
		case strings.HasSuffix(at, ".proxy_url"):
			c.Add(at, "has a password, %s; leave it out, and let the proxy admit the monitor's address", inState)
		default:
			c.Add(at, "has a password, %s; use basic_auth with password_file", inState)
		}
	}
}

// secretlessHeaders reports secrets in http_headers: any in secrets, and values of headers that by their name are secret.
func (c *checker) secretlessHeaders(at string, value any) {
	headers, is := value.(map[string]any)
	if !is {
		c.Add(at, "must be an object, such as {X-Scope: {values: [shop]}}")
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		in := at + "." + name
		header, is := headers[name].(map[string]any)
		if !is {
			c.Add(in, "must be an object, such as {values: [shop]}")
			continue
		}
		if secretHeader.MatchString(name) && literal(header["values"]) {
			c.Add(in+".values", "is a secret by the header's name, %s; put it into a file on the monitor and write files", inState)
		}
		c.secretless(in, headers[name])
	}
}

// urlPassword says whether a text is a URL with a password in it.
func urlPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	_, has := u.User.Password()
	return has
}

// fileKeys are what Prometheus takes in place of a secret: the path of a file. They are keyed by the secret's own key, with the object that
// it is in where others have the key without such a twin.
var fileKeys = map[string]string{
	"basic_auth.password":            "password_file",
	"bearer_token":                   "bearer_token_file",
	"client_certificate_key":         "client_certificate_key_file",
	"credentials":                    "credentials_file",
	"key":                            "key_file",
	"key_passphrase":                 "key_passphrase_file",
	"marathon_sd_configs.auth_token": "auth_token_file",
	"oauth2.client_secret":           "client_secret_file",
	"outscale_sd_configs.secret_key": "secret_key_file",
	"private_key":                    "private_key_path",
	"scaleway_sd_configs.secret_key": "secret_key_file",
	"secrets":                        "files",
	"service_account_key":            "service_account_key_path",
	"consul_sd_configs.token":        "authorization: {credentials_file}, which Consul takes too",
	"consul_sd_configs.password":     "basic_auth: {username, password_file}",
}

// position is that of an element in its list.
var position = regexp.MustCompile(`\[[0-9]+\]$`)

// instead is what to write in place of a secret in the object at a path.
func instead(at, key string) string {
	object := position.ReplaceAllString(at, "")
	file := or(fileKeys[object[strings.LastIndex(object, ".")+1:]+"."+key], fileKeys[key])
	if file == "" {
		return "Prometheus reads this one from no file: leave it out, or find the targets with file_sd_configs or http_sd_configs"
	}
	return "put it into a file on the monitor and write " + file + ", or leave it out"
}

// literal says whether a value is a secret itself, and not an object around one.
func literal(value any) bool {
	switch value := value.(type) {
	case string:
		return value != ""
	case []any:
		return len(value) > 0
	case nil, map[string]any:
		return false
	}
	return true // a number or a boolean: YAML takes a password of digits for one
}

// oneLine is an object as JSON, which is YAML too: the keys sorted, numbers as they were written.
func oneLine(object map[string]any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		panic(err) // it was decoded from JSON
	}
	return strings.TrimSpace(b.String())
}
