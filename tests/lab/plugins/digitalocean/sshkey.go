package main

//lint:file-ignore ST1005 errors are worded as the real plugin words them

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/digitalocean/godo"
)

// An SSH key's id is its number in the account.
var sshKey = resource{
	fields: []field{
		{name: "name", kind: text, required: true},
		{name: "publicKey", kind: text, required: true, replaces: true, normal: strings.TrimSpace},
		{name: "fingerprint", kind: text, output: true},
	},
	create: func(ctx context.Context, api *godo.Client, in values) (string, error) {
		key, _, err := api.Keys.Create(ctx, &godo.KeyCreateRequest{Name: in.text("name"), PublicKey: in.text("publicKey")})
		if err != nil {
			return "", fmt.Errorf("Error creating SSH Key: %w", err)
		}
		return strconv.Itoa(key.ID), nil
	},
	read: func(ctx context.Context, api *godo.Client, id string) (values, error) {
		number, err := strconv.Atoi(id)
		if err != nil {
			return nil, fmt.Errorf("invalid SSH key id: %w", err)
		}
		key, _, err := api.Keys.GetByID(ctx, number)
		if err != nil {
			return nil, gone("SSH key", err)
		}
		return values{"name": key.Name, "publicKey": key.PublicKey, "fingerprint": key.Fingerprint}, nil
	},
	update: func(ctx context.Context, api *godo.Client, id string, _, in values) error {
		number, err := strconv.Atoi(id)
		if err != nil {
			return fmt.Errorf("invalid SSH key id: %w", err)
		}
		if _, _, err := api.Keys.UpdateByID(ctx, number, &godo.KeyUpdateRequest{Name: in.text("name")}); err != nil {
			return fmt.Errorf("Failed to update SSH key: %w", err)
		}
		return nil
	},
	delete: func(ctx context.Context, api *godo.Client, id string, _ values) error {
		number, err := strconv.Atoi(id)
		if err != nil {
			return fmt.Errorf("invalid SSH key id: %w", err)
		}
		if _, err := api.Keys.DeleteByID(ctx, number); err != nil {
			return fmt.Errorf("Error deleting SSH key: %w", err)
		}
		return nil
	},
}
