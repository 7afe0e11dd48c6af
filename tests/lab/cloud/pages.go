package cloud

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/digitalocean/godo"
)

// The API reference's page sizes.
const (
	defaultPerPage = 20
	maxPerPage     = 200
)

// page answers with the page of a list that the request asks for, under a key, with links to its neighbours.
func page[T any](r *http.Request, key string, items []T) (int, any, error) {
	number, err := positive(r, "page", 1)
	if err != nil {
		return 0, nil, err
	}
	size, err := positive(r, "per_page", defaultPerPage)
	if err != nil {
		return 0, nil, err
	}
	size = min(size, maxPerPage)
	last := max(1, (len(items)+size-1)/size)

	shown := []T{} // never null
	if number <= last {
		shown = append(shown, items[(number-1)*size:min(number*size, len(items))]...)
	}
	return http.StatusOK, map[string]any{
		key:     shown,
		"links": godo.Links{Pages: pages(r, number, last)},
		"meta":  godo.Meta{Total: len(items)},
	}, nil
}

// pages links a page's neighbours; nil where there are none.
func pages(r *http.Request, number, last int) *godo.Pages {
	if last == 1 {
		return nil
	}
	var p godo.Pages
	if number > 1 {
		p.First, p.Prev = pageURL(r, 1), pageURL(r, min(number-1, last))
	}
	if number < last {
		p.Next, p.Last = pageURL(r, number+1), pageURL(r, last)
	}
	return &p
}

func pageURL(r *http.Request, number int) string {
	query := r.URL.Query()
	query.Set("page", strconv.Itoa(number))
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}
	return u.String()
}

// positive reads a query's number, which may be left out.
func positive(r *http.Request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, &apiError{http.StatusBadRequest, "bad_request", name + " must be a positive number"}
	}
	return n, nil
}
