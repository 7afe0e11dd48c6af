// Package images packs the container images that the lab's clusters run, without a registry: each is an archive in the
// layout of OCI, named by its digest, which a cluster's container runtime imports.
package images

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// registry is the host in the images' references. It is nowhere: nobody can pull them.
const registry = "lab.promwire.test"

// Image is one packed image.
type Image struct {
	Name      string // such as "prometheus"
	Reference string // such as "lab.promwire.test/prometheus@sha256:...", the digest of its manifest
	File      string // the archive, a tar in the lab's cache
}

// Import are the arguments of containerd's ctr that make the image known to the kubelet under its Reference: the archive
// says the name itself, so that no tag has to be added.
func (i Image) Import() []string {
	return []string{"--namespace", "k8s.io", "images", "import", i.File}
}

// Ensure makes all images, sorted by name, and writes a line to log for each thing that it does; what is there already makes
// no line. It needs root, for Debian's packages.
func Ensure(ctx context.Context, f folder.Folder, log io.Writer) ([]Image, error) {
	return ensure(ctx, f, log, recipes)
}

// Write copies the archive of one image to a file, to load it elsewhere: `skopeo copy oci-archive:FILE docker://...`, `ctr
// images import FILE`. It makes the image first if it must, which log tells.
func Write(ctx context.Context, f folder.Folder, name, file string, log io.Writer) error {
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == name })
	if i < 0 {
		return fmt.Errorf("write image: the lab has no %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	images, err := ensure(ctx, f, log, recipes[i:i+1])
	if err != nil {
		return err
	}
	if err := copyFile(file, images[0].File); err != nil {
		return fmt.Errorf("write image %s: %w", name, err)
	}
	return nil
}

// Names are the images that there are, sorted.
func Names() []string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name)
	}
	return names
}

// ensure makes the images of some recipes.
func ensure(ctx context.Context, f folder.Folder, log io.Writer, recipes []recipe) ([]Image, error) {
	var parts []setup.Part
	for _, r := range recipes {
		parts = append(parts, r.parts...)
	}
	if len(parts) > 0 { // none would mean all
		if err := setup.Ensure(ctx, f, log, parts...); err != nil {
			return nil, fmt.Errorf("make images: %w", err)
		}
	}
	k := kitchen{ctx: ctx, folder: f, log: log}
	if err := os.MkdirAll(k.dir(), 0o755); err != nil {
		return nil, fmt.Errorf("make images: %w", err)
	}
	var images []Image
	for _, r := range recipes {
		image, err := k.make(r)
		if err != nil {
			return nil, fmt.Errorf("make image %s: %w", r.name, err)
		}
		images = append(images, image)
	}
	return images, nil
}

// kitchen is where images are made.
type kitchen struct {
	ctx    context.Context
	folder folder.Folder
	log    io.Writer
}

// dir is where the images lie, and what they are made of.
func (k kitchen) dir() string { return filepath.Join(k.folder.Cache, "images") }

// make packs the image, unless there is an archive of the very same contents. Its name has a digest of them in it, so that a
// lab that runs keeps the images it was started with.
func (k kitchen) make(r recipe) (Image, error) {
	var layers []tree
	for _, layer := range r.layers {
		contents, err := layer(k)
		if err != nil {
			return Image{}, err
		}
		layers = append(layers, contents)
	}
	key, err := key(r, layers)
	if err != nil {
		return Image{}, err
	}
	image := Image{Name: r.name, File: filepath.Join(k.dir(), r.name+"-"+key[:16]+".tar")}
	if _, err := os.Stat(image.File); err != nil {
		fmt.Fprintf(k.log, "packing image %s\n", r.name)
		if err := pack(image.File, registry+"/"+r.name, r.config, layers); err != nil {
			return Image{}, err
		}
	}
	image.Reference, err = reference(image.File)
	return image, err
}

// copyFile writes the copy beside its place and moves it there.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	partial, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*.partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name()) // nothing by then, if all went well
	_, err = io.Copy(partial, source)
	if err := cmp.Or(err, partial.Chmod(0o644), partial.Close()); err != nil {
		return err
	}
	return os.Rename(partial.Name(), to)
}
