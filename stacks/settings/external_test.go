package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExternalURL(t *testing.T) {
	for text, want := range map[string]string{ // "": it is refused
		"https://example.net":                           "https://example.net",
		"https://example.net/":                          "https://example.net",
		"http://example.net:8080/a/b-c/d.e_f~/":         "http://example.net:8080/a/b-c/d.e_f~",
		"https://[2001:db8::1]/prom":                    "https://[2001:db8::1]/prom",
		"example.net/prom":                              "",
		"//example.net/prom":                            "",
		"ftp://example.net/prom":                        "",
		"https:///prom":                                 "",
		"https://exa mple.net":                          "",
		"https://example.net:port/":                     "",
		"https://-example.net/":                         "",
		"https://user@example.net/":                     "",
		"https://example.net/?a=b":                      "",
		"https://example.net/?":                         "",
		"https://example.net/#a":                        "",
		"https://example.net/#":                         "",
		"https://example.net/a//b":                      "",
		"https://example.net/a/../b":                    "",
		"https://example.net/a%2Fb":                     "",
		"https://example.net/$HOME":                     "",
		"https://example.net/a b":                       "",
		"https://example.net/a\nExecStartPre=/bin/true": "",
	} {
		var c checker
		assert.Equal(t, want, c.externalURL("externalUrl", text), "%q", text)
		assert.Equal(t, want == "", c.Err() != nil, "%q: %v", text, c.Err())
	}
	var c checker
	assert.Empty(t, c.externalURL("externalUrl", ""))
	assert.NoError(t, c.Err())
	c.externalURL("externalUrl", "ftp://alice:s3cret@example.net")
	assert.NotContains(t, c.Err().Error(), "s3cret")
}
