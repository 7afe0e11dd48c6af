package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"fmt"
	"regexp"

	"github.com/digitalocean/godo"
)

var tagName = regexp.MustCompile(`^[a-zA-Z0-9:\-_]{1,255}$`)

const tagRule = "tags may contain lowercase letters, numbers, colons, dashes, and underscores; " +
	"there is a limit of 255 characters per tag"

// refuseTags says what is wrong with a tag or a list of them.
func refuseTags(v any) string {
	names := items[string](v)
	if name, ok := v.(string); ok {
		names = []string{name}
	}
	for _, name := range names {
		if !tagName.MatchString(name) {
			return tagRule
		}
	}
	return ""
}

// A tag's id is its name.
var tag = resource{
	fields: []field{
		{name: "name", kind: text, required: true, replaces: true, refuse: refuseTags},
		{name: "totalResourceCount", kind: number, output: true},
		{name: "dropletsCount", kind: number, output: true},
		{name: "imagesCount", kind: number, output: true},
		{name: "volumesCount", kind: number, output: true},
		{name: "volumeSnapshotsCount", kind: number, output: true},
		{name: "databasesCount", kind: number, output: true},
	},
	create: func(ctx context.Context, api *godo.Client, in values) (string, error) {
		made, _, err := api.Tags.Create(ctx, &godo.TagCreateRequest{Name: in.text("name")})
		if err != nil {
			return "", fmt.Errorf("Error creating tag: %w", err)
		}
		return made.Name, nil
	},
	read: readTag,
	delete: func(ctx context.Context, api *godo.Client, id string, _ values) error {
		if _, err := api.Tags.Delete(ctx, id); err != nil {
			return fmt.Errorf("Error deleting tag: %w", err)
		}
		return nil
	},
}

func readTag(ctx context.Context, api *godo.Client, id string) (values, error) {
	t, _, err := api.Tags.Get(ctx, id)
	if err != nil {
		return nil, gone("tag", err)
	}
	return values{
		"name":                 t.Name,
		"totalResourceCount":   t.Resources.Count,
		"dropletsCount":        t.Resources.Droplets.Count,
		"imagesCount":          t.Resources.Images.Count,
		"volumesCount":         t.Resources.Volumes.Count,
		"volumeSnapshotsCount": t.Resources.VolumeSnapshots.Count,
		"databasesCount":       t.Resources.Databases.Count,
	}, nil
}
