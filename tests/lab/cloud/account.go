package cloud

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/digitalocean/godo"
)

// dropletLimit is how many droplets the account may have.
const dropletLimit = 500

// opened is when the account began to be.
var opened = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

func (a *API) getAccount(*http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"account": godo.Account{
		DropletLimit: dropletLimit, ReservedIPLimit: 3, FloatingIPLimit: 3, VolumeLimit: 100, Status: "active",
		Email: "lab@example.com", EmailVerified: true, Name: "lab", UUID: fixedUUID("account"),
		Team: &godo.TeamInfo{Name: "lab", UUID: fixedUUID("team")},
	}}, nil
}

// defaultProject is the one project of the account.
func defaultProject() godo.Project {
	return godo.Project{
		ID: fixedUUID("project"), OwnerUUID: fixedUUID("account"), Name: "lab", Purpose: "Operational / Developer tooling",
		IsDefault: true, CreatedAt: opened.Format(time.RFC3339), UpdatedAt: opened.Format(time.RFC3339),
	}
}

func (a *API) listProjects(r *http.Request) (int, any, error) {
	return page(r, "projects", []godo.Project{defaultProject()})
}

func (a *API) getProject(r *http.Request) (int, any, error) {
	project := defaultProject()
	if id := r.PathValue("id"); id != "default" && id != project.ID {
		return 0, nil, errNotFound
	}
	return http.StatusOK, map[string]any{"project": project}, nil
}

// defaultVPC is a region's VPC. Droplets are in it by name only: they have no private address.
func defaultVPC(region string) godo.VPC {
	id := fixedUUID("vpc " + region)
	return godo.VPC{
		ID: id, URN: "do:vpc:" + id, Name: "default-" + region, RegionSlug: region, IPRange: "10.100.0.0/20",
		Default: true, CreatedAt: opened,
	}
}

func (a *API) listVPCs(r *http.Request) (int, any, error) {
	var views []godo.VPC
	for _, slug := range slices.Sorted(maps.Keys(regions)) {
		views = append(views, defaultVPC(slug))
	}
	return page(r, "vpcs", views)
}

func (a *API) getVPC(r *http.Request) (int, any, error) {
	for slug := range regions {
		if vpc := defaultVPC(slug); vpc.ID == r.PathValue("id") {
			return http.StatusOK, map[string]any{"vpc": vpc}, nil
		}
	}
	return 0, nil, errNotFound
}

// fixedUUID is the same for the same name (RFC 9562, version 8).
func fixedUUID(name string) string {
	b := sha256.Sum256([]byte(name))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
