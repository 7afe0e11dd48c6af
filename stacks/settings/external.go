package settings

import (
	"net/url"
	"regexp"
	"strings"
)

// externalPath needs no quoting in a unit, in HTML or in a reverse proxy's configuration.
var externalPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*/?$`)

// externalURL checks where a reverse proxy leads to a service of the monitor, and leaves out the slash at its end. "" stays so.
func (c *checker) externalURL(path, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || !hostOf(u):
		c.Add(path, "%q is not an absolute URL; write it like https://example.net/prometheus", withoutUser(u))
	case u.User != nil:
		c.Add(path, "has a user, and it would be in every link; leave that out")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		c.Add(path, "has a query or a fragment; write only scheme, host and path")
	case !externalPath.MatchString(u.EscapedPath()) || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		c.Add(path, "has the path %q; use letters, digits, dots, hyphens and underscores, and no part that is only dots", u.Path)
	default:
		return strings.TrimSuffix(text, "/")
	}
	return ""
}

// hostOf says whether a URL has a host that one can connect to, and a port that is one.
func hostOf(u *url.URL) bool {
	name := u.Hostname()
	return hostName(name) || single(name).IsValid()
}

// withoutUser is a URL as a message may show it.
func withoutUser(u *url.URL) string {
	if u == nil {
		return "this"
	}
	return u.Redacted()
}
