package operator

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Stack is a stack that the operator has, and how many resources its state holds.
type Stack struct {
	Name      string
	Resources int
}

// Stacks lists the operator's stacks, sorted by name. It reads the backend's files, which takes no run of the CLI.
func Stacks(f folder.Folder) ([]Stack, error) {
	files, err := filepath.Glob(filepath.Join(dir(f), "state", ".pulumi", "stacks", Project, "*.json"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var stacks []Stack
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var state struct {
			Checkpoint struct {
				Latest struct {
					Resources []json.RawMessage `json:"resources"`
				} `json:"latest"`
			} `json:"checkpoint"`
		}
		if err := json.Unmarshal(text, &state); err != nil {
			return nil, fmt.Errorf("read the state %s: %w", file, err)
		}
		stacks = append(stacks, Stack{
			Name: strings.TrimSuffix(filepath.Base(file), ".json"), Resources: len(state.Checkpoint.Latest.Resources),
		})
	}
	return stacks, nil
}
