package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nameAnnotation is under which name containerd imports an image, whole and as it stands.
const nameAnnotation = "io.containerd.image.name"

// searchPath is where programs look for others.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// pack writes an image as an OCI layout in a tar. The archive names it by its own digest.
func pack(file, name string, config v1.Config, layers []tree) error {
	image, err := assemble(config, layers)
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Dir(file), filepath.Base(file)+".*.partial")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	dir, err := layout.Write(filepath.Join(partial, "layout"), empty.Index)
	if err != nil {
		return err
	}
	annotations := map[string]string{nameAnnotation: name + "@" + digest.String()}
	if err := dir.AppendImage(image, layout.WithAnnotations(annotations), layout.WithPlatform(platform())); err != nil {
		return err
	}
	whole := filepath.Join(partial, "archive")
	if err := archive(whole, string(dir)); err != nil {
		return err
	}
	return os.Rename(whole, file)
}

func platform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// assemble makes an image of OCI's own media types.
func assemble(config v1.Config, layers []tree) (v1.Image, error) {
	config.Env = []string{"PATH=" + searchPath}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{
		OS: platform().OS, Architecture: platform().Architecture, Created: v1.Time{Time: made}, Config: config,
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		contents, err := layer.bytes()
		if err != nil {
			return nil, err
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(contents)), nil }
		packed, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, packed); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// archive writes a folder's files as a tar.
func archive(file, dir string) error {
	contents := tree{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		contents["/"+filepath.ToSlash(name)] = node{file: path}
		return err
	})
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := contents.write(out); err != nil {
		return err
	}
	return out.Close()
}

// reference is the name that an archive gives its image.
func reference(file string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	for members := tar.NewReader(in); ; {
		head, err := members.Next()
		if err != nil {
			return "", fmt.Errorf("find the index of %s: %w; remove the file, and it is packed again", file, err)
		}
		if head.Name != "index.json" {
			continue
		}
		var index v1.IndexManifest
		if err := json.NewDecoder(members).Decode(&index); err != nil {
			return "", fmt.Errorf("%s: %s: %w", file, head.Name, err)
		}
		if len(index.Manifests) != 1 {
			return "", fmt.Errorf("%s holds %d images, not one", file, len(index.Manifests))
		}
		return index.Manifests[0].Annotations[nameAnnotation], nil
	}
}
