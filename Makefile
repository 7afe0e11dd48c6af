# What people and CI run. `make` alone lists it; CONTRIBUTING.md says what each costs.

# Packages whose tests boot machines or clusters, or build what these need. They need root and Debian 12; all other packages do not.
lab_packages := ./tests/lab/clusters ./tests/lab/machines ./tests/lab/operator ./tests/lab/setup
slow_packages := $(lab_packages) ./tests/e2e ./tests/bench

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: all
all: ## all that CI runs: lint, test, lab-test, e2e (as root)
	.ci/run

.PHONY: lint
lint: ## static checks of the Go code
	go vet ./...
	go -C tests/lab/plugins vet ./...

.PHONY: test
test: ## tests that need neither root nor the lab
	go test $(filter-out $(slow_packages),$(shell go list -f '{{.Dir}}' ./... | sed 's,^$(CURDIR),.,'))

.PHONY: lab-test
lab-test: ## tests of the lab: its cloud, machines, clusters and plugins (as root)
	go test -timeout 30m $(lab_packages)

.PHONY: e2e
e2e: ## the program on the lab, from nothing to a fleet and back to nothing (as root)
	go test -timeout 60m ./tests/e2e

.PHONY: bench
bench: ## what a fleet costs in time, connections and memory (as root)
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./tests/bench

.PHONY: lab
lab: ## a fleet on this machine, to look at (as root); `go run ./tests/lab down` removes it
	go run ./tests/lab up

.PHONY: generate
generate: ## write golden files, the schema and generated pages again
	go generate ./...
