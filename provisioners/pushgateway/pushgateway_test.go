package pushgateway

import (
	"slices"
	"strings"
	"testing"
)

const hash = "$2b$10$ibcJz62pbbwTlN2qFfMfZuNfqttRga7ul7ozIFWxv8U6oP8VSIoX."

func users(names ...string) []User {
	var all []User
	for _, name := range names {
		all = append(all, User{Name: name, Hash: hash})
	}
	return all
}

// TestOrder: the order of users changes nothing.
func TestOrder(t *testing.T) {
	one := Proxy{Pushers: users("a", "b.c", "d"), Scrapers: users("x", "y")}
	two := Proxy{Pushers: users("d", "a", "b.c"), Scrapers: users("y", "x")}
	for what, render := range map[string]func(Proxy) (string, error){
		"nginx.conf": Proxy.NginxConf, "htpasswd": Proxy.Htpasswd,
		"web.yml": func(p Proxy) (string, error) { return Direct{Users: slices.Concat(p.Pushers, p.Scrapers)}.WebConfig() },
	} {
		first, err := render(one)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := render(two); err != nil || second != first {
			t.Errorf("%s: %v, in another order:\n%s\nand:\n%s", what, err, first, second)
		}
	}
	if conf, _ := one.NginxConf(); strings.Contains(conf, "$2") {
		t.Error("nginx.conf has hashes")
	}
	if conf, _ := one.NginxConf(); !strings.Contains(conf, "        \"~^b\\.c$\" pusher;\n") || strings.Contains(conf, roles) {
		t.Errorf("a name's dot matches anything, or users are missing:\n%s", conf)
	}
}

// TestRefuses: names with a special meaning in the file, and malformed hashes. No error has a hash.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		want  string
		users []User
	}{
		{"nobody may log in", nil},
		{`user "a" is named twice`, users("a", "b", "a")},
		{`user "a": the password's hash is not one of bcrypt's`, []User{{Name: "a", Hash: "secret"}}},
		{"is not one of bcrypt's", []User{{Name: "a", Hash: hash + "\nroot:" + hash}}},
		{"is not one of bcrypt's", []User{{Name: "a", Hash: strings.Replace(hash, "$2b", "$2x", 1)}}},
		{`"" is not a valid user name`, users("")},
		{`"a:b" is no`, users("a:b")},
		{`"a/b" is no`, users("a/b")},
		{`"a b" is no`, users("a b")},
		{`"a\"b" is no`, users(`a"b`)},
		{`"a\nb" is no`, users("a\nb")},
		{`"a\n" is no`, users("a\n")},
		{`".." is no`, users("..")},
		{`"ä" is no`, users("ä")},
		{"is not a valid user name", users(strings.Repeat("a", 65))},
	} {
		_, direct := Direct{Users: c.users}.WebConfig()
		_, conf := Proxy{Pushers: c.users}.NginxConf()
		_, passwords := Proxy{Scrapers: c.users}.Htpasswd()
		for _, err := range []error{direct, conf, passwords} {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%+v: %v, want %q", c.users, err, c.want)
			}
		}
	}
	if _, err := (Proxy{Pushers: users("a"), Scrapers: users("a")}).NginxConf(); err == nil {
		t.Error("a user may push and scrape")
	}
}
