package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// settings are the provider's inputs.
type settings struct {
	kubeconfig        string // contents or path; empty: as kubectl finds it
	context           string
	cluster           string
	namespace         string
	deleteUnreachable bool
	skipUnreachable   bool
	mutableConfigMaps bool
	mutableSecrets    bool
}

// readSettings takes the settings from the provider's inputs, and then from the environment.
func readSettings(inputs resource.PropertyMap) (settings, error) {
	value := func(name resource.PropertyKey) string {
		switch v := inputs[name]; {
		case v.IsString():
			return v.StringValue()
		case v.IsBool():
			return strconv.FormatBool(v.BoolValue())
		}
		return ""
	}
	flag := func(name resource.PropertyKey, variable string) bool {
		if set := value(name); set != "" {
			return set == "true"
		}
		return os.Getenv(variable) == "true"
	}
	if value("enableServerSideApply") == "false" || os.Getenv("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY") == "false" {
		return settings{}, errors.New("the lab's kubernetes plugin knows server-side apply only")
	}
	if value("renderYamlToDirectory") != "" {
		return settings{}, errors.New("the lab's kubernetes plugin does not render to YAML")
	}
	return settings{
		kubeconfig:        value("kubeconfig"),
		context:           value("context"),
		cluster:           value("cluster"),
		namespace:         value("namespace"),
		deleteUnreachable: flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
		skipUnreachable:   flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
		mutableConfigMaps: flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
		mutableSecrets:    flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
	}, nil
}

// Configure connects to the cluster. One that can't be reached is not a failure yet: what needs the cluster will fail.
func (p *plugin) Configure(_ context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	inputs, err := plain(req.GetArgs())
	if err != nil {
		return nil, err
	}
	set, err := readSettings(inputs)
	if err != nil {
		return nil, err
	}
	p.settings, p.cluster = set, connect(set)
	return &pulumirpc.ConfigureResponse{
		AcceptSecrets: true, SupportsPreview: true, SupportsAutonamingConfiguration: true,
	}, nil
}

// DiffConfig says whether another configuration means another cluster, whose resources are then replaced.
func (p *plugin) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := plain(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := plain(req.GetNews())
	if err != nil {
		return nil, err
	}
	diff := olds.Diff(news)
	if diff == nil {
		return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
	}
	res := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_SOME}
	for _, key := range diff.ChangedKeys() {
		res.Diffs = append(res.Diffs, string(key))
	}
	slices.Sort(res.Diffs)
	res.Replaces, err = configReplaces(olds, news, diff)
	return res, err
}

// configReplaces names the inputs whose change means another cluster. If the program gave an identifier, only that matters.
func configReplaces(olds, news resource.PropertyMap, diff *resource.ObjectDiff) ([]string, error) {
	const identifier = "clusterIdentifier"
	if diff.Same(identifier) && news.HasValue(identifier) {
		return nil, nil
	}
	var replaces []string
	if diff.Updated(identifier) {
		replaces = append(replaces, identifier)
	}
	keys := []resource.PropertyKey{"kubeconfig", "context", "cluster"}
	for _, key := range keys {
		if news[key].IsComputed() {
			return append(replaces, string(key)), nil
		}
	}
	before, err := activeCluster(olds)
	if err != nil {
		return nil, err
	}
	after, err := activeCluster(news)
	if err != nil {
		return nil, err
	}
	if before == nil || after == nil || reflect.DeepEqual(before, after) {
		return replaces, nil
	}
	for _, key := range keys {
		if diff.Changed(key) {
			replaces = append(replaces, string(key))
		}
	}
	return replaces, nil
}

// activeCluster is the cluster that a configuration means; nil if it doesn't say.
func activeCluster(config resource.PropertyMap) (*clientcmdapi.Cluster, error) {
	text := func(key resource.PropertyKey) string {
		if v := config[key]; v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	if text("kubeconfig") == "" {
		return nil, nil
	}
	parsed, err := parseKubeconfig(text("kubeconfig"))
	if err != nil {
		return nil, err
	}
	name := parsed.CurrentContext
	if text("context") != "" {
		name = text("context")
	}
	kubeContext := parsed.Contexts[name]
	if kubeContext == nil {
		return nil, nil
	}
	if text("cluster") != "" {
		return parsed.Clusters[text("cluster")], nil
	}
	return parsed.Clusters[kubeContext.Cluster], nil
}

// parseKubeconfig reads a kubeconfig, given its contents or its path.
func parseKubeconfig(pathOrContents string) (*clientcmdapi.Config, error) {
	path := pathOrContents
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	if _, err := os.Stat(path); err != nil {
		return clientcmd.Load([]byte(pathOrContents))
	}
	contents, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return clientcmd.Load(contents)
}
