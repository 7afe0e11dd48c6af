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

# The linter is a module of its own, so that what it needs is nothing that promwire needs.
golangci_lint := go tool -modfile=$(CURDIR)/tests/lab/toolchain/lint/go.mod golangci-lint

.PHONY: lint
lint: ## static checks: Go code, go.mod, the subjects of commits that main does not have
	$(golangci_lint) run
	cd tests/lab/plugins && $(golangci_lint) run
	cd docs/dashboards/source && $(golangci_lint) run
	go mod tidy -diff
	@base=$$(git rev-parse --quiet --verify origin/main || git rev-parse --quiet --verify main); range=$${base:+$$base..HEAD}; \
	! git log --format=%s $${range:--1} | \
		LC_ALL=C.UTF-8 grep -E '^.{73}' || { echo 'these subjects of commits have more than 72 characters'; exit 1; }

# Tests of scripts mostly wait, so eight run at a time. The first run builds the tools that judge what promwire writes, for longer than the 10 minutes that go test allows by itself. It also installs
# the commands that other packages' tests run, so it comes before them.
.PHONY: test
test: ## tests that need neither root nor the lab
	go test -timeout 40m -run '^$$' ./tests/golden
	go test -timeout 40m -parallel 8 $(filter-out $(slow_packages),$(shell go list -f '{{.Dir}}' ./... | sed 's,^$(CURDIR),.,'))

.PHONY: lab-test
lab-test: ## tests of the lab: its cloud, machines, clusters and plugins (as root)
	go test -timeout 30m $(lab_packages)

# Two stories at a time: each waits for its hosts most of the time.
.PHONY: e2e
e2e: ## the program on the lab, from nothing to a fleet and back to nothing (as root)
	go test -v -timeout 75m -parallel 3 -skip '^TestKills$$' ./tests/e2e

.PHONY: e2e-kills
e2e-kills: ## kill Pulumi at random moments, and look whether one more run mends it (as root)
	go test -v -timeout 6h -run '^TestKills$$' ./tests/e2e

# Tests that boot machines with a kernel of their own have a build tag: elsewhere they are not there, so nothing skips them. One package after
# the other, because two processors emulate slowly.
.PHONY: e2e-vm
e2e-vm: ## the same on machines with kernels of their own, which take long; not in CI (as root)
	go test -v -tags vm -p 1 -timeout 90m -run '^TestVirtualMachines$$' ./tests/e2e ./tests/lab/setup ./tests/lab/machines

.PHONY: bench
bench: ## what a fleet costs in time, connections and memory (as root)
	go test -run '^$$' -bench . -benchtime 1x -timeout 6h ./tests/bench

.PHONY: lab
lab: ## a fleet on this machine, to look at (as root); `go run ./tests/lab down` removes it
	go run ./tests/lab up

.PHONY: release
release: ## the program for Linux, macOS and Windows, with checksums, in dist/
	.ci/release

.PHONY: generate
generate: ## write golden files, the schema and generated pages again
	go generate ./...
