package main

import (
	"context"
	"fmt"

	"github.com/digitalocean/godo"
	p "github.com/pulumi/pulumi-go-provider"
)

// functions are what a program may ask the account, by the tokens of the Go SDK.
var functions = map[string]func(context.Context, *godo.Client) (values, error){
	"digitalocean:index/getSshKeys:getSshKeys":   sshKeys,
	"digitalocean:index/getDroplets:getDroplets": droplets,
	"digitalocean:index/getRegions:getRegions":   regions,
}

func (g *plugin) invoke(ctx context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
	ask, ok := functions[string(req.Token)]
	if !ok {
		return p.InvokeResponse{}, fmt.Errorf("the lab's digitalocean plugin does not know the function %s", req.Token)
	}
	if len(decode(req.Args)) > 0 {
		return p.InvokeResponse{}, fmt.Errorf("the lab's digitalocean plugin knows no arguments of %s", req.Token)
	}
	ctx, cancel := g.during(ctx)
	defer cancel()
	found, err := ask(ctx, g.api.Load())
	return p.InvokeResponse{Return: encode(found, nil)}, err
}

func sshKeys(ctx context.Context, api *godo.Client) (values, error) {
	keys, err := every(ctx, api.Keys.List)
	list := []any{}
	for _, k := range keys {
		list = append(list, map[string]any{"id": k.ID, "name": k.Name, "fingerprint": k.Fingerprint, "publicKey": k.PublicKey})
	}
	return values{"id": "ssh-keys", "sshKeys": list}, err
}

func droplets(ctx context.Context, api *godo.Client) (values, error) {
	all, err := every(ctx, api.Droplets.List)
	list := []any{}
	for _, d := range all {
		tags := []any{}
		for _, tag := range d.Tags {
			tags = append(tags, tag)
		}
		list = append(list, map[string]any{
			"id": d.ID, "urn": d.URN(), "name": d.Name, "region": d.Region.Slug, "size": d.Size.Slug, "status": d.Status, "tags": tags,
			"priceMonthly": d.Size.PriceMonthly,
		})
	}
	return values{"id": "droplets", "droplets": list}, err
}

func regions(ctx context.Context, api *godo.Client) (values, error) {
	all, err := every(ctx, api.Regions.List)
	list := []any{}
	for _, r := range all {
		sizes := []any{}
		for _, size := range r.Sizes {
			sizes = append(sizes, size)
		}
		list = append(list, map[string]any{"slug": r.Slug, "name": r.Name, "available": r.Available, "features": []any{}, "sizes": sizes})
	}
	return values{"id": "regions", "regions": list}, err
}

// every reads all pages of a list.
func every[T any](ctx context.Context, list func(context.Context, *godo.ListOptions) ([]T, *godo.Response, error)) ([]T, error) {
	var all []T
	for page := (godo.ListOptions{Page: 1, PerPage: 200}); ; page.Page++ {
		some, answer, err := list(ctx, &page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if answer.Links == nil || answer.Links.IsLastPage() {
			return all, nil
		}
	}
}
