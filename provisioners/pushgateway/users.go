package pushgateway

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// User is a user who logs in by basic auth. Names and hashes are checked when they are rendered.
type User struct {
	Name string // 1 to 64 letters, digits, dots, hyphens and underscores, the first one a letter or digit
	Hash string // the password's, by bcrypt: $2a$, $2b$ or $2y$
}

var (
	userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	bcrypted = regexp.MustCompile(`^\$2[aby]\$[0-3][0-9]\$[./A-Za-z0-9]{53}$`)
)

// CheckName refuses a name that no user can have: a pusher's name is its job's, too, and part of paths.
func CheckName(name string) error {
	if !userName.MatchString(name) {
		return fmt.Errorf("%q is not a valid user name: letters, digits, dots, hyphens and underscores, a letter or digit first, 64 at most", name)
	}
	return nil
}

// sorted are the users by name. A repeated or invalid name and an invalid hash are errors, which never quote a hash.
func sorted(users []User) ([]User, error) {
	all := slices.SortedFunc(slices.Values(users), func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
	if len(all) == 0 {
		return nil, errors.New("nobody may log in; name at least one user")
	}
	var err error
	for i, user := range all {
		err = errors.Join(err, CheckName(user.Name))
		if i > 0 && user.Name == all[i-1].Name {
			err = errors.Join(err, fmt.Errorf("user %q is named twice; a user has one password, and one right", user.Name))
		}
		if !bcrypted.MatchString(user.Hash) {
			err = errors.Join(err, fmt.Errorf("user %q: the password's hash is not one of bcrypt's", user.Name))
		}
	}
	return all, err
}
