package settings

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// secretKeys hold a secret in Prometheus's configuration: all that its packages config and discovery have of type Secret.
var secretKeys = []string{
	"application_credential_secret", "application_secret", "auth_token", "bearer_token", "certificate_password", "client_certificate_key", "client_secret",
	"consumer_key", "credentials", "key", "key_passphrase", "password", "private_key", "secret_key", "secrets", "service_account_key",
	"token",
}

// inClear is what is said of a secret in clear text, in a part of Prometheus's configuration.
type inClear struct {
	why     string // why there must be none
	file    string // how it comes into a file
	nowhere string // what to do if Prometheus reads it from no file
}

var (
	ofScrapeConfigs = inClear{
		why:     "and scrapeConfigs are in the stack's state and in previews",
		file:    "put it into a file on the monitor",
		nowhere: "leave it out, or find the targets with file_sd_configs or http_sd_configs",
	}
	ofRemoteWrite = inClear{
		why:     "and remoteWrite is in the stack's state and in previews",
		file:    "set it with `pulumi config set --secret --path " + secretsPath + ".NAME`, which makes it the file " + prometheus.Secrets.File("NAME") + ",",
		nowhere: "leave it out, or put a proxy on the monitor that adds it",
	}
)

// secretHeader is a part of the names of headers whose values let somebody in, such as Cookie, X-Api-Key and PRIVATE-TOKEN.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|credential|key|passw|secret|session|token`)

// secretless reports secrets at any depth: the configuration stands in the stack's state, and previews print it.
func (c *checker) secretless(at string, value any, of inClear) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			switch in := at + "." + key; {
			case key == "labels" || key == "params": // any key may be one of theirs
			case slices.Contains(secretKeys, key) && literal(value[key]):
				c.Add(in, "is a secret, %s; %s", of.why, of.instead(at, key))
			case key == "headers": // of a remote_write: texts, which come from no file
				c.plainHeaders(in, value[key], of)
			case key == "http_headers":
				c.secretlessHeaders(in, value[key], of)
			case key == "proxy_connect_header": // Prometheus takes every value as a secret, and none from a file
				if headers, is := value[key].(map[string]any); literal(value[key]) || is && len(headers) > 0 {
					c.Add(in, "is for secrets, %s; leave it out, and let the proxy admit the monitor's address", of.why)
				}
			default:
				c.secretless(in, value[key], of)
			}
		}
	case []any:
		for i, element := range value {
			c.secretless(document.Index(at, i), element, of)
		}
	case string:
		switch {
		case !urlPassword(value):
		case strings.HasSuffix(at, ".proxy_url"):
			c.Add(at, "has a password, %s; leave it out, and let the proxy admit the monitor's address", of.why)
		default:
			c.Add(at, "has a password, %s; use basic_auth with password_file", of.why)
		}
	}
}

// secretlessHeaders reports secrets in http_headers: any in secrets, and values of headers that by their name are secret.
func (c *checker) secretlessHeaders(at string, value any, of inClear) {
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
			c.Add(in+".values", "is a secret by the header's name, %s; %s and write files", of.why, of.file)
		}
		c.secretless(in, headers[name], of)
	}
}

// plainHeaders reports headers that by their name are secret.
func (c *checker) plainHeaders(at string, value any, of inClear) {
	headers, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if secretHeader.MatchString(name) && literal(headers[name]) {
			c.Add(at+"."+name, "is a secret by the header's name, %s; %s and write http_headers: {%s: {files: [FILE]}}", of.why, of.file, name)
		}
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
func (of inClear) instead(at, key string) string {
	object := position.ReplaceAllString(at, "")
	file := or(fileKeys[object[strings.LastIndex(object, ".")+1:]+"."+key], fileKeys[key])
	if file == "" {
		return "Prometheus reads this one from no file: " + of.nowhere
	}
	return of.file + " and write " + file + ", or leave it out"
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
