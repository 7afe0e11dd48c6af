package cloud

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/godo"
	"golang.org/x/crypto/ssh"
)

// keys are the account's SSH keys in the order in which they came.
func (s *state) keys() []*godo.Key {
	return slices.SortedFunc(maps.Values(s.Keys), func(a, b *godo.Key) int { return cmp.Compare(a.ID, b.ID) })
}

// key finds a key by number or by fingerprint (MD5 in hexadecimal, with colons).
func (s *state) key(name string) (*godo.Key, bool) {
	for _, key := range s.Keys {
		if strconv.Itoa(key.ID) == name || key.Fingerprint == name {
			return key, true
		}
	}
	return nil, false
}

// findKeys gives the authorized_keys lines of the keys that a droplet's creation names.
func (a *API) findKeys(names []any) ([]string, error) {
	lines, unknown := []string{}, []string{}
	for _, name := range names {
		text := fmt.Sprint(name)
		if number, ok := name.(float64); ok { // JSON's numbers
			text = strconv.Itoa(int(number))
		}
		if key, ok := a.state.key(text); ok {
			lines = append(lines, key.PublicKey)
		} else {
			unknown = append(unknown, text)
		}
	}
	if len(unknown) > 0 {
		return nil, unprocessable("%s are invalid key identifiers for Droplet creation.", strings.Join(unknown, ", "))
	}
	return lines, nil
}

func (a *API) listKeys(r *http.Request) (int, any, error) {
	views := []godo.Key{}
	for _, key := range a.state.keys() {
		views = append(views, *key)
	}
	return page(r, "ssh_keys", views)
}

func (a *API) createKey(r *http.Request) (int, any, error) {
	var request godo.KeyCreateRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	if request.Name == "" {
		return 0, nil, unprocessable("Name can't be blank")
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(request.PublicKey))
	if err != nil {
		return 0, nil, unprocessable("Key invalid, key should be of the format `ssh-rsa AAAA...`")
	}
	fingerprint := ssh.FingerprintLegacyMD5(public)
	if _, taken := a.state.key(fingerprint); taken {
		return 0, nil, unprocessable("SSH Key is already in use on your account")
	}
	key := &godo.Key{
		ID: a.state.nextID(), Name: request.Name, Fingerprint: fingerprint, PublicKey: strings.TrimSpace(request.PublicKey),
	}
	a.state.Keys[key.ID] = key
	return http.StatusCreated, map[string]any{"ssh_key": *key}, a.save()
}

func (a *API) getKey(r *http.Request) (int, any, error) {
	key, ok := a.state.key(r.PathValue("id"))
	if !ok {
		return 0, nil, errNotFound
	}
	return http.StatusOK, map[string]any{"ssh_key": *key}, nil
}

func (a *API) updateKey(r *http.Request) (int, any, error) {
	var request godo.KeyUpdateRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	key, ok := a.state.key(r.PathValue("id"))
	if !ok {
		return 0, nil, errNotFound
	}
	if request.Name == "" {
		return 0, nil, unprocessable("Name can't be blank")
	}
	key.Name = request.Name
	return http.StatusOK, map[string]any{"ssh_key": *key}, a.save()
}

// deleteKey forgets a key. Droplets that were made with it keep it.
func (a *API) deleteKey(r *http.Request) (int, any, error) {
	key, ok := a.state.key(r.PathValue("id"))
	if !ok {
		return 0, nil, errNotFound
	}
	delete(a.state.Keys, key.ID)
	return http.StatusNoContent, nil, a.save()
}
