package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// plugins are the provider plugins that the program needs, in the versions of the SDKs which it is built with.
var plugins = map[string]string{
	"command":      "1.2.1",
	"digitalocean": "4.57.0",
	"kubernetes":   "4.28.0",
}

// installPlugins puts the plugins where Pulumi looks for them below its home: from the folder real where it has them,
// else the lab's stand-ins from bin.
func installPlugins(home, bin, real string) error {
	names := make([]string, 0, len(plugins))
	for name := range plugins {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		file := "pulumi-resource-" + name
		from, err := choose(file, real, bin)
		if err != nil {
			return fmt.Errorf("install the plugin %s: %w", name, err)
		}
		to := filepath.Join(home, "plugins", fmt.Sprintf("resource-%s-v%s", name, plugins[name]), file)
		if err := relink(from, to); err != nil {
			return fmt.Errorf("install the plugin %s: %w", name, err)
		}
	}
	return nil
}

// choose returns the absolute path of the file in the first of the folders that has it.
func choose(file string, dirs ...string) (string, error) {
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		path, err := filepath.Abs(filepath.Join(dir, file))
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("no %s: it is neither among the lab's binaries nor in the folder of -plugins", file)
}
