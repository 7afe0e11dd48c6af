package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// application is an object that is to be applied on the server's side, which makes it or changes it.
type application struct {
	inputs  *unstructured.Unstructured
	manager string // under which name
	force   bool   // also where others manage fields that differ
	preview bool   // only say what would be
}

func (a application) apply(ctx context.Context, api dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(a.inputs.Object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: a.manager, Force: &a.force}
	if a.preview {
		options.DryRun = []string{metav1.DryRunAll}
	}
	live, err := api.Patch(ctx, a.inputs.GetName(), types.ApplyPatchType, text, options)
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("server-side apply field conflict detected\n"+
			"The resource managed by field manager %q had an apply conflict: %w", a.manager, err)
	}
	return live, err
}

// managerOf is the name under which an object's fields are managed: as the program says, as the state knows, or a new one.
func managerOf(inputs *unstructured.Unstructured, former resource.PropertyMap) (string, error) {
	if name := inputs.GetAnnotations()[patchManager]; name != "" {
		return name, nil
	}
	if name := text(former, managerKey, ""); name != "" {
		return name, nil
	}
	return resource.NewUniqueName(nil, "pulumi-kubernetes-", 0, 0, nil)
}

// forced says whether fields that others manage are taken over. live is nil for an object that is to be made: then a
// preview always does, as the object may belong to another resource that is replaced first.
func forced(inputs, live *unstructured.Unstructured, preview bool) bool {
	if says(inputs, patchForce) {
		return true
	}
	if set, ok := os.LookupEnv("PULUMI_K8S_ENABLE_PATCH_FORCE"); ok {
		return set == "true"
	}
	if live == nil {
		return preview
	}
	return len(live.GetManagedFields()) == 0 // made before there were managers
}

// adopt gives the fields that kubectl or an older plugin manages by client-side apply to the plugin's manager, so that they
// are not a conflict.
func adopt(ctx context.Context, api dynamic.ResourceInterface, live *unstructured.Unstructured, manager string,
) (*unstructured.Unstructured, error) {
	clients := sets.New[string]()
	for _, entry := range live.GetManagedFields() {
		if entry.Operation == metav1.ManagedFieldsOperationUpdate && adopted.MatchString(entry.Manager) {
			clients.Insert(entry.Manager)
		}
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, clients, manager)
	if err != nil || patch == nil {
		return live, err
	}
	return api.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{})
}

// adopted are the managers whose fields are taken over.
var adopted = regexp.MustCompile(`^(kubectl|before-first-apply|pulumi-kubernetes|pulumi-resource-kubernetes)`)

// keepIgnored gives fields whose changes are ignored the value that they have, or leaves them to those who manage them.
func keepIgnored(inputs, live *unstructured.Unstructured, manager string, paths []string) error {
	ours, theirs, err := managed(live, manager)
	if err != nil {
		return err
	}
	for _, text := range paths {
		parsed, err := resource.ParsePropertyPath(text)
		if err != nil {
			return fmt.Errorf("unable to parse ignoreField path %q: %w", text, err)
		}
		steps := strings.Split(parsed.String(), ".")
		field := fieldpath.MakePathOrDie(anys(steps)...)
		if theirs.Has(field) && !ours.Has(field) {
			unstructured.RemoveNestedField(inputs.Object, steps...)
			continue
		}
		value, found, err := unstructured.NestedFieldCopy(live.Object, steps...)
		if err != nil {
			return fmt.Errorf("unable to parse field to ignore %q from live object: %w", text, err)
		}
		if found {
			if err := unstructured.SetNestedField(inputs.Object, value, steps...); err != nil {
				return fmt.Errorf("unable to set field %q with last used value %q: %w", text, value, err)
			}
		}
	}
	return nil
}

// managed are the fields that a manager manages, and those that others do, with all that they are in.
func managed(live *unstructured.Unstructured, manager string) (ours, theirs *fieldpath.Set, err error) {
	ours, theirs = &fieldpath.Set{}, &fieldpath.Set{}
	for _, entry := range live.GetManagedFields() {
		if entry.FieldsV1 == nil {
			continue
		}
		var fields fieldpath.Set
		if err := fields.FromJSON(strings.NewReader(string(entry.FieldsV1.Raw))); err != nil {
			return nil, nil, fmt.Errorf("unable to parse managed fields of %q: %w", live.GetName(), err)
		}
		into := theirs
		if entry.Manager == manager {
			into = ours
		}
		fields.Iterate(func(path fieldpath.Path) {
			for i := range path {
				into.Insert(path[:i+1].Copy())
			}
		})
	}
	return ours, theirs, nil
}

func anys(steps []string) []any {
	var all []any
	for _, step := range steps {
		all = append(all, step)
	}
	return all
}
