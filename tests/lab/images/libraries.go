package images

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// multiarch are the folders of Debian's libraries, by the machine they are for.
var multiarch = map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}

// libraries are the shared libraries that a program below root needs, and the loader that finds them: paths below root,
// sorted. The program isn't run.
func libraries(root, program string) ([]string, error) {
	var found []string
	for left := []string{program}; len(left) > 0; left = left[1:] {
		needed, err := linked(root, left[0])
		if err != nil {
			return nil, fmt.Errorf("libraries of %s: %w", left[0], err)
		}
		for _, library := range needed {
			if !slices.Contains(found, library) {
				found = append(found, library)
				left = append(left, library)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// linked are the libraries that one file names itself.
func linked(root, file string) ([]string, error) {
	f, err := elf.Open(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	var paths []string
	if loader, err := interpreter(f); err != nil || loader != "" {
		if err != nil {
			return nil, err
		}
		paths = append(paths, loader)
	}
	for _, name := range names {
		library, err := lookUp(root, multiarch[f.Machine], name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, library)
	}
	return paths, nil
}

// interpreter is the loader that a program asks for; libraries ask for none.
func interpreter(f *elf.File) (string, error) {
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			text, err := io.ReadAll(segment.Open())
			return strings.TrimRight(string(text), "\x00"), err
		}
	}
	return "", nil
}

// lookUp finds a library where Debian's loader looks without a cache.
func lookUp(root, multiarch, name string) (string, error) {
	for _, dir := range []string{"/lib/" + multiarch, "/usr/lib/" + multiarch, "/lib", "/usr/lib"} {
		library := path.Join(dir, name)
		if _, err := os.Stat(filepath.Join(root, library)); err == nil {
			return library, nil
		}
	}
	return "", fmt.Errorf("no %s below %s", name, root)
}
