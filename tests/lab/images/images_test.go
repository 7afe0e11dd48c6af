package images

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/folder"
)

// lab is a folder with the cache of the checkout.
func lab(t *testing.T) folder.Folder {
	t.Helper()
	source, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(t.TempDir(), "run")
	return f
}

// TestEnsure: every image is packed, has its reference's digest, and holds what it starts; a second time does nothing.
func TestEnsure(t *testing.T) {
	f := lab(t)
	images, err := Ensure(t.Context(), f, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for i, image := range images {
		if image.Name != recipes[i].name {
			t.Errorf("image %d is %s, want %s", i, image.Name, recipes[i].name)
		}
		checkArchive(t, image)
		members := unpacked(t, image)
		command := recipes[i].config.Entrypoint[0]
		if !slices.ContainsFunc(members, func(m string) bool { return "/"+m == command || "/"+m == "/usr/sbin/"+command }) {
			t.Errorf("%s doesn't hold %s: %q", image.Name, command, members)
		}
	}
	var log bytes.Buffer
	again, err := Ensure(t.Context(), f, &log)
	if err != nil || log.Len() > 0 || !slices.Equal(again, images) {
		t.Errorf("again: %v, said %q, made %+v", err, &log, again)
	}
}

// TestBusybox: the commands that the program's pods and the lab's run are there.
func TestBusybox(t *testing.T) {
	for _, name := range []string{"prometheus", "pushgateway"} {
		i := slices.Index(Names(), name)
		images, err := ensure(t.Context(), lab(t), t.Output(), recipes[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		members := unpacked(t, images[0])
		for command := range strings.FieldsSeq("cat cp date grep head httpd id ls mkdir nc netstat seq sh sha256sum sleep timeout tr true wget") {
			if !slices.Contains(members, "bin/"+command) {
				t.Errorf("%s has no %s", name, command)
			}
		}
	}
}

// TestWrite: a copy is the archive, and a name that is none is refused with those that are.
func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pause.tar")
	if err := Write(t.Context(), lab(t), "pause", file, t.Output()); err != nil {
		t.Fatal(err)
	}
	name, err := reference(file)
	if err != nil || !strings.HasPrefix(name, "lab.promwire.test/pause@sha256:") {
		t.Errorf("wrote %q, %v", name, err)
	}
	err = Write(t.Context(), lab(t), "redis", file, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `no "redis": choose one of coredns, kube-state-metrics, nginx, pause, prometheus,`) {
		t.Errorf("redis: %v", err)
	}
	if err := Write(t.Context(), lab(t), "pause", filepath.Join(file, "x"), t.Output()); err == nil {
		t.Error("wrote below a file")
	}
}

// TestRecipes: images stand in order, and none but the cluster's own DNS runs as root.
func TestRecipes(t *testing.T) {
	if names := Names(); !slices.IsSorted(names) || len(slices.Compact(names)) != len(recipes) {
		t.Errorf("%q", names)
	}
	for _, r := range recipes {
		if root := r.config.User == ""; root != (r.name == "coredns") {
			t.Errorf("%s runs as %q", r.name, r.config.User)
		}
	}
}

// unpacked are the paths of all that an image's layers hold.
func unpacked(t *testing.T, image Image) []string {
	t.Helper()
	var paths []string
	for _, layer := range readArchive(t, image.File).layers {
		for members := tar.NewReader(bytes.NewReader(layer)); ; {
			head, err := members.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, head.Name)
		}
	}
	return paths
}

// TestReferenceRefuses: the error names a file that is not an image's archive.
func TestReferenceRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(file, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	if name, err := reference(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%q, %v", name, err)
	}
}
