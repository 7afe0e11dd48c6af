package cloud

import "net/http"

// mux is the part of the API that is there. What it doesn't know is answered as what the account doesn't have.
func (a *API) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]endpoint{
		"GET /v2/account": a.getAccount,

		"GET /v2/account/keys":         a.listKeys,
		"POST /v2/account/keys":        a.createKey,
		"GET /v2/account/keys/{id}":    a.getKey,
		"PUT /v2/account/keys/{id}":    a.updateKey,
		"DELETE /v2/account/keys/{id}": a.deleteKey,

		"GET /v2/droplets":                       a.listDroplets,
		"POST /v2/droplets":                      a.createDroplets,
		"DELETE /v2/droplets":                    a.deleteDropletsByTag,
		"GET /v2/droplets/{id}":                  a.getDroplet,
		"DELETE /v2/droplets/{id}":               a.deleteDroplet,
		"GET /v2/droplets/{id}/actions":          a.listDropletActions,
		"POST /v2/droplets/{id}/actions":         a.act,
		"GET /v2/droplets/{id}/actions/{action}": a.getDropletAction,
		"GET /v2/droplets/{id}/firewalls":        a.listDropletFirewalls,
		"GET /v2/actions":                        a.listActions,
		"GET /v2/actions/{action}":               a.getAction,
		"GET /v2/tags":                           a.listTags,
		"POST /v2/tags":                          a.createTag,
		"GET /v2/tags/{name}":                    a.getTag,
		"DELETE /v2/tags/{name}":                 a.deleteTag,
		"POST /v2/tags/{name}/resources":         a.tagResources,
		"DELETE /v2/tags/{name}/resources":       a.untagResources,
		"GET /v2/firewalls":                      a.listFirewalls,
		"POST /v2/firewalls":                     a.createFirewall,
		"GET /v2/firewalls/{id}":                 a.getFirewall,
		"PUT /v2/firewalls/{id}":                 a.updateFirewall,
		"DELETE /v2/firewalls/{id}":              a.deleteFirewall,
		"POST /v2/firewalls/{id}/{part}":         a.addToFirewall,
		"DELETE /v2/firewalls/{id}/{part}":       a.removeFromFirewall,
		"GET /v2/regions":                        a.listRegions,
		"GET /v2/sizes":                          a.listSizes,
		"GET /v2/images":                         a.listImages,
		"GET /v2/images/{id}":                    a.getImage,
		"GET /v2/projects":                       a.listProjects,
		"GET /v2/projects/{id}":                  a.getProject,
		"GET /v2/vpcs":                           a.listVPCs,
		"GET /v2/vpcs/{id}":                      a.getVPC,
		"GET " + FaultsPath:                      a.getFaults,
		"PUT " + FaultsPath:                      a.putFaults,
		"/":                                      func(*http.Request) (int, any, error) { return 0, nil, errNotFound },
	} {
		mux.Handle(pattern, a.handle(serve))
	}
	return mux
}
