package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-command/sdk/go/command/local"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// program makes a command that reports a setting, and shows that secrets arrive.
func program(ctx *pulumi.Context) error {
	var fleet struct{ Word string }
	settings := config.New(ctx, "promwire")
	settings.RequireObject("fleet", &fleet)
	if fleet.Word == "bad" {
		return errors.New("the word is bad")
	}
	command, err := local.NewCommand(ctx, "say", &local.CommandArgs{
		Create: pulumi.Sprintf(`echo %s; echo "agent: $SSH_AUTH_SOCK"`, fleet.Word),
	})
	if err != nil {
		return err
	}
	ctx.Export("said", command.Stdout)
	ctx.Export("key", settings.RequireSecret("sshPrivateKey"))
	return nil
}

// TestRun runs a program with the lab's own CLI and stand-in through all that an operator does.
func TestRun(t *testing.T) {
	checkout, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(checkout)
	if err := setup.Ensure(t.Context(), f, t.Output(), setup.Tools, setup.Plugins); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", "/nowhere")
	prepared := newOperator(t, "config: {promwire:fleet: {word: hello}}")
	f.Source, f.Run = prepared.folder.Source, prepared.folder.Run
	o, err := New(f, prepared.lab, Tools{}, program)
	if err != nil {
		t.Fatal(err)
	}

	preview, err := o.Preview(t.Context(), "try", Options{})
	if err != nil || preview.ChangeSummary["create"] != 2 {
		t.Fatalf("preview: %v %v", preview.ChangeSummary, err)
	}
	var progress bytes.Buffer
	up, err := o.Up(t.Context(), "try", Options{Progress: &progress, Parallel: 2, ContinueOnError: true})
	if err != nil {
		t.Fatalf("up: %v", err)
	}
	if up.Outputs["said"].Value != "hello\nagent: " {
		t.Errorf("the command said %q", up.Outputs["said"].Value)
	}
	if key := up.Outputs["key"]; !key.Secret || key.Value != string(o.Key) {
		t.Errorf("the key has not arrived as a secret")
	}
	if !strings.Contains(progress.String(), "command:local:Command say") {
		t.Errorf("no progress was shown: %s", progress.String())
	}
	if _, err := o.Up(t.Context(), "try", Options{ExpectNoChanges: true}); err != nil {
		t.Errorf("a second up: %v", err)
	}
	say := func(word string) Options {
		return Options{Edit: func(fleet map[string]any) { fleet["word"] = word }, Diff: true}
	}
	if up, err = o.Up(t.Context(), "try", say("bye")); err != nil || up.Outputs["said"].Value != "bye\nagent: " {
		t.Errorf("up with another setting: %q %v", up.Outputs["said"].Value, err)
	}
	if _, err := o.Up(t.Context(), "try", say("bad")); err == nil || !strings.Contains(err.Error(), "the word is bad") {
		t.Errorf("up with a bad setting: %v", err)
	}
	checkState(t, o)
	checkCutShort(t, o)
	if _, err := o.Destroy(t.Context(), "try", Options{}); err != nil {
		t.Errorf("destroy: %v", err)
	}
	if stacks, err := Stacks(f); err != nil || len(stacks) != 1 || stacks[0] != (Stack{"try", 0}) {
		t.Errorf("after destroy the stacks are %v: %v", stacks, err)
	}
}

// checkState checks what can be read of a stack after a run.
func checkState(t *testing.T, o *Operator) {
	t.Helper()
	outputs, err := o.Outputs(t.Context(), "try")
	if err != nil || outputs["said"].Value != "bye\nagent: " {
		t.Errorf("outputs: %q %v", outputs["said"].Value, err)
	}
	state, err := o.Export(t.Context(), "try")
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	if text, err := json.Marshal(state); err != nil || bytes.Contains(text, []byte("OPENSSH PRIVATE KEY")) {
		t.Errorf("the state shows the private key: %v", err)
	}
	if err := o.Pulumi(t.Context(), "try", "stack", "output", "said"); err != nil {
		t.Errorf("pulumi stack output: %v", err)
	}
	if err := o.Pulumi(t.Context(), "try", "preview", "--expect-no-changes", "--diff"); err == nil {
		t.Error("pulumi preview: the file's passphrase differs from the state's, want an error")
	}
}

// checkCutShort checks that what a kill can cut short is not there: Pulumi's file backend writes .attrs files in place. Nobody needs one,
// but one that is cut short makes the stack unreadable, until it is removed. That is what docs/operating.md says.
func checkCutShort(t *testing.T, o *Operator) {
	t.Helper()
	state := filepath.Join(o.backend(), ".pulumi", "stacks", Project, "try.json")
	read(t, state)
	err := filepath.WalkDir(o.backend(), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".attrs") {
			t.Errorf("the backend has %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	write(t, state+".attrs", "")
	if _, err := o.Outputs(t.Context(), "try"); err == nil || !strings.Contains(err.Error(), "failed to load checkpoint: EOF") {
		t.Errorf("with attributes that are cut short: %v", err)
	}
	if err := os.Remove(state + ".attrs"); err != nil {
		t.Error(err)
	}
	if _, err := o.Outputs(t.Context(), "try"); err != nil {
		t.Errorf("without attributes: %v", err)
	}
}

func TestMissingPluginIsNamed(t *testing.T) {
	err := installPlugins(t.TempDir(), t.TempDir(), "")
	if err == nil || !strings.Contains(err.Error(), "install the plugin command: no pulumi-resource-command") {
		t.Errorf("error is %v", err)
	}
}

func TestRealPluginsComeFirst(t *testing.T) {
	home, bin, real := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(bin, "pulumi-resource-command"), "stand-in")
	write(t, filepath.Join(bin, "pulumi-resource-digitalocean"), "stand-in")
	write(t, filepath.Join(bin, "pulumi-resource-kubernetes"), "stand-in")
	write(t, filepath.Join(real, "pulumi-resource-command"), "real")
	if err := installPlugins(home, bin, real); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"resource-command-v1.2.1/pulumi-resource-command":            "real",
		"resource-digitalocean-v4.57.0/pulumi-resource-digitalocean": "stand-in",
	} {
		if got := read(t, filepath.Join(home, "plugins", path)); got != want {
			t.Errorf("%s is the %s, want the %s", path, got, want)
		}
	}
}

var _ auto.PulumiCommand = extended{}
