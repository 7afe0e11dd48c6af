// Package e2e runs the program for real, on the lab: from nothing to a fleet, through its life, back to nothing. The tests of
// one stack are one story, told in order; each step starts from what the former left.
//
// PROMWIRE_PLUGINS and PROMWIRE_PULUMI are the lab's -plugins and -pulumi.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/digitalocean/godo"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/operator"
)

// open joins the lab of a stack. What it returns is for one story, because what that one tells its operator is not for runs of others that are under
// way.
var open func(ctx context.Context, stack string) (*fixture.Lab, error)

// ownLabs are stacks with a lab of their own: the files of stacks on existing machines have the same names for theirs. All others share one, which
// costs less memory, and shows that fleets do not disturb each other.
var ownLabs = []string{"exporters", "hub"}

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		if err := runVictim(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := runWithLab(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runWithLab(m *testing.M) (code int, err error) {
	ctx := context.Background()
	source, err := fixture.Checkout()
	if err != nil {
		return 1, err
	}
	f := folder.Default(source)
	f.Run = filepath.Join(source, ".lab", "e2e")
	labs := []folder.Folder{f}
	for _, stack := range ownLabs {
		labs = append(labs, labOf(f, stack))
	}
	for _, lab := range labs {
		if err := fixture.Close(ctx, lab, os.Stderr); err != nil { // what a killed test may have left
			return 1, err
		}
		defer func() {
			if e := fixture.Close(ctx, lab, os.Stderr); e != nil && err == nil {
				code, err = 1, e
			}
		}()
	}
	open = func(ctx context.Context, stack string) (*fixture.Lab, error) {
		return fixture.Open(ctx, labOf(f, stack), openTools(), stacks.Run, os.Stderr)
	}
	lab, err := open(ctx, "")
	if err != nil {
		return 1, err
	}
	if err := registerKey(ctx, lab, accountKey); err != nil {
		return 1, err
	}
	code = m.Run()
	fmt.Print(&faults)
	if code != 0 { // the cloud says there why a machine was not made
		log, _ := os.ReadFile(filepath.Join(f.Logs(), "daemon.log"))
		fmt.Fprintf(os.Stderr, "the end of the lab's log:\n%s\n", log[max(0, len(log)-4000):])
	}
	return code, nil
}

// labOf is where the lab of a stack runs.
func labOf(shared folder.Folder, stack string) folder.Folder {
	if slices.Contains(ownLabs, stack) {
		shared.Run += "-" + stack
	}
	return shared
}

// openTools are those that the lab is to use.
func openTools() operator.Tools {
	return operator.Tools{Plugins: os.Getenv("PROMWIRE_PLUGINS"), Pulumi: os.Getenv("PROMWIRE_PULUMI")}
}

// accountKey is the name of the operator's key in the account, which the operator registered himself, as most people have. All stories use
// it; if one of them registered it, the end of that story would change the others.
const accountKey = "e2e"

func registerKey(ctx context.Context, lab *fixture.Lab, name string) error {
	client, err := godo.New(nil, godo.SetBaseURL(lab.Endpoint.API+"/"), godo.SetRequestHeaders(map[string]string{
		"Authorization": "Bearer " + lab.Endpoint.Token,
	}))
	if err != nil {
		return err
	}
	_, _, err = client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: name, PublicKey: lab.Operator.AuthorizedKey})
	return err
}
