package cloud

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/digitalocean/godo"
)

// What DigitalOcean offers is a part of its catalogue here: all regions of today, the smaller sizes with their prices
// (https://www.digitalocean.com/pricing/droplets), and the images of distributions that the fleet knows.

var regions = map[string]string{ // slug -> name
	"ams3": "Amsterdam 3", "atl1": "Atlanta 1", "blr1": "Bangalore 1", "fra1": "Frankfurt 1", "lon1": "London 1",
	"nyc1": "New York 1", "nyc2": "New York 2", "nyc3": "New York 3", "sfo2": "San Francisco 2", "sfo3": "San Francisco 3",
	"sgp1": "Singapore 1", "syd1": "Sydney 1", "tor1": "Toronto 1",
}

var sizes = catalogue(
	newSize("s-1vcpu-512mb-10gb", 1, 512, 10, 4, 0.00595),
	newSize("s-1vcpu-1gb", 1, 1024, 25, 6, 0.00893),
	newSize("s-1vcpu-2gb", 1, 2048, 50, 12, 0.01786),
	newSize("s-2vcpu-2gb", 2, 2048, 60, 18, 0.02679),
	newSize("s-2vcpu-4gb", 2, 4096, 80, 24, 0.03571),
	newSize("s-4vcpu-8gb", 4, 8192, 160, 48, 0.07143),
	newSize("s-8vcpu-16gb", 8, 16384, 320, 96, 0.14286),
)

var images = map[string]godo.Image{
	"debian-12-x64":    newImage(1, "debian-12-x64", "Debian", "12 x64"),
	"debian-13-x64":    newImage(2, "debian-13-x64", "Debian", "13 x64"),
	"ubuntu-22-04-x64": newImage(3, "ubuntu-22-04-x64", "Ubuntu", "22.04 (LTS) x64"),
	"ubuntu-24-04-x64": newImage(4, "ubuntu-24-04-x64", "Ubuntu", "24.04 (LTS) x64"),
}

// newSize describes a size: memory in MiB, disk in GiB, prices in US dollars.
func newSize(slug string, cpus, memory, disk int, monthly, hourly float64) godo.Size {
	return godo.Size{
		Slug: slug, Vcpus: cpus, Memory: memory, Disk: disk, PriceMonthly: monthly, PriceHourly: hourly, Transfer: float64(cpus),
		Available: true, Description: "Basic", Regions: slices.Sorted(maps.Keys(regions)),
		DiskInfo: []godo.DiskInfo{{Type: "local", Size: &godo.DiskSize{Amount: disk, Unit: "gib"}}},
	}
}

func newImage(id int, slug, distribution, name string) godo.Image {
	return godo.Image{
		ID: id, Slug: slug, Name: name, Distribution: distribution, Type: "base", Public: true, Status: "available",
		Regions: slices.Sorted(maps.Keys(regions)), MinDiskSize: 7, Created: "2025-01-01T00:00:00Z",
	}
}

func catalogue(all ...godo.Size) map[string]godo.Size {
	m := map[string]godo.Size{}
	for _, size := range all {
		m[size.Slug] = size
	}
	return m
}

// region describes a region by its slug.
func region(slug string) godo.Region {
	return godo.Region{
		Slug: slug, Name: regions[slug], Available: true, Sizes: slices.Sorted(maps.Keys(sizes)),
		Features: []string{"backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"},
	}
}

// image describes an image by its slug.
func image(slug string) godo.Image {
	if known, ok := images[slug]; ok {
		return known
	}
	return godo.Image{Slug: slug, Name: slug, Type: "base", Public: true, Status: "available"}
}

// imageSlug finds an image by its number; "" if there is none.
func imageSlug(id int) string {
	for slug, i := range images {
		if i.ID == id {
			return slug
		}
	}
	return ""
}

func (a *API) listRegions(r *http.Request) (int, any, error) {
	var views []godo.Region
	for _, slug := range slices.Sorted(maps.Keys(regions)) {
		views = append(views, region(slug))
	}
	return page(r, "regions", views)
}

func (a *API) listSizes(r *http.Request) (int, any, error) {
	var views []godo.Size
	for _, slug := range slices.Sorted(maps.Keys(sizes)) {
		views = append(views, sizes[slug])
	}
	return page(r, "sizes", views)
}

// listImages lists the public images, which are distributions all of them.
func (a *API) listImages(r *http.Request) (int, any, error) {
	views := []godo.Image{}
	query := r.URL.Query()
	if query.Get("private") != "true" && query.Get("tag_name") == "" && query.Get("type") != "application" {
		for _, slug := range a.images {
			views = append(views, image(slug))
		}
	}
	return page(r, "images", views)
}

// getImage finds an image by number or slug.
func (a *API) getImage(r *http.Request) (int, any, error) {
	name := r.PathValue("id")
	if id, err := strconv.Atoi(name); err == nil {
		name = imageSlug(id)
	}
	if !slices.Contains(a.images, name) {
		return 0, nil, errNotFound
	}
	return http.StatusOK, map[string]any{"image": image(name)}, nil
}
