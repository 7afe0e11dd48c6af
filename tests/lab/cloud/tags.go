package cloud

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/godo"
)

var (
	tagName    = regexp.MustCompile(`^[a-zA-Z0-9:\-_]{1,255}$`)
	errTagName = unprocessable("tags may contain letters, numbers, colons, dashes, and underscores, at most 255 characters")
)

// tagView is a tag with the resources that have it, here only droplets.
func (a *API) tagView(name string) godo.Tag {
	count := 0
	for _, d := range a.state.Droplets {
		if d.tagged(name) {
			count++
		}
	}
	return godo.Tag{Name: name, Resources: &godo.TaggedResources{
		Count:    count,
		Droplets: &godo.TaggedDropletsResources{Count: count},
		Images:   &godo.TaggedImagesResources{}, Volumes: &godo.TaggedVolumesResources{},
		VolumeSnapshots: &godo.TaggedVolumeSnapshotsResources{}, Databases: &godo.TaggedDatabasesResources{},
	}}
}

// findTag gives the name, as first written, of the tag that a request's path names.
func (a *API) findTag(r *http.Request) (string, error) {
	name, ok := a.state.Tags[strings.ToLower(r.PathValue("name"))]
	if !ok {
		return "", errNotFound
	}
	return name, nil
}

func (a *API) listTags(r *http.Request) (int, any, error) {
	views := []godo.Tag{}
	for _, name := range slices.Sorted(maps.Values(a.state.Tags)) {
		views = append(views, a.tagView(name))
	}
	return page(r, "tags", views)
}

// createTag makes a tag, or gives the one that is there.
func (a *API) createTag(r *http.Request) (int, any, error) {
	var request godo.TagCreateRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	if !tagName.MatchString(request.Name) {
		return 0, nil, errTagName
	}
	name := a.state.tag(request.Name)
	return http.StatusCreated, map[string]any{"tag": a.tagView(name)}, a.save()
}

func (a *API) getTag(r *http.Request) (int, any, error) {
	name, err := a.findTag(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"tag": a.tagView(name)}, nil
}

// deleteTag takes a tag off all that bears it, firewalls too.
func (a *API) deleteTag(r *http.Request) (int, any, error) {
	name, err := a.findTag(r)
	if err != nil {
		return 0, nil, err
	}
	delete(a.state.Tags, strings.ToLower(name))
	for _, d := range a.state.Droplets {
		d.Tags = without(d.Tags, name)
	}
	for _, f := range a.state.Firewalls {
		f.Tags = without(f.Tags, name)
	}
	a.filters.wake()
	return http.StatusNoContent, nil, a.save()
}

func (a *API) tagResources(r *http.Request) (int, any, error) {
	return a.retag(r, func(d *droplet, tag string) {
		if !d.tagged(tag) {
			d.Tags = append(d.Tags, tag)
		}
	})
}

func (a *API) untagResources(r *http.Request) (int, any, error) {
	return a.retag(r, func(d *droplet, tag string) { d.Tags = without(d.Tags, tag) })
}

// retag changes the droplets that a request names, all or none.
func (a *API) retag(r *http.Request, edit func(d *droplet, tag string)) (int, any, error) {
	var request godo.TagResourcesRequest
	if err := readJSON(r, &request); err != nil {
		return 0, nil, err
	}
	name, err := a.findTag(r)
	if err != nil {
		return 0, nil, err
	}
	var droplets []*droplet
	for _, resource := range request.Resources {
		id, _ := strconv.Atoi(resource.ID) // no number: no droplet
		d, ok := a.state.Droplets[id]
		if !ok || resource.Type != godo.DropletResourceType {
			return 0, nil, errNotFound
		}
		droplets = append(droplets, d)
	}
	for _, d := range droplets {
		edit(d, name)
	}
	a.filters.wake()
	return http.StatusNoContent, nil, a.save()
}

// without is a list of tags without one of them, whatever its case.
func without(tags []string, tag string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return strings.EqualFold(t, tag) })
}
