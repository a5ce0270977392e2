# Vectorizer. Needs Go 1.26, git, make and bash; everything else is fetched by
# the scripts in build/ into .cache/.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Extra flags for go test, for example TESTFLAGS='-v -count=1'.
TESTFLAGS ?=
# Packages that the test targets run on.
PKGS ?= ./...
# Seconds for each fuzz target of `make fuzz`.
FUZZ_SECONDS ?= 60

.PHONY: help build profile cuda kernels gpu-check gpu-bench demo test test-long test-race bench bench-micro lint fuzz \
	generate cross cover fmt clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## Build bin/vectorizer (static, no C compiler needed).
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -pgo=auto -buildvcs=auto -ldflags '$(LDFLAGS)' -o bin/vectorizer ./cmd/vectorizer

profile: ## Measure where the program's time goes; write cmd/vectorizer/default.pgo (minutes).
	build/profile.sh

cuda: ## Build bin/vectorizer-cuda, for hosts with and without a GPU (Linux).
	build/cuda.sh binary bin/vectorizer-cuda

kernels: ## Compile the CUDA kernels into kernels/ptx again.
	build/cuda.sh ptx

gpu-check: ## On a machine with a GPU: conformance, comparison with the CPU, faults, sanitizers.
	build/gpu.sh check

gpu-bench: ## On a machine with a GPU: the table of goals, beside CPU and torch.
	build/gpu.sh bench

demo: build ## Build, then store, index, search and measure a real data set over HTTP.
	bin/vectorizer demo

test: ## Run every test (under ten minutes on two cores).
	$(GO) test -pgo=off -timeout 10m $(TESTFLAGS) $(PKGS)

test-long: ## Run every test with the long tier: more seeds, 50 crash rounds.
	$(GO) test -pgo=off -tags long -timeout 2h $(TESTFLAGS) $(PKGS)

test-race: ## Run every test, with fewer rounds, under the race detector (needs a C compiler).
	CGO_ENABLED=1 $(GO) test -pgo=off -race -short -timeout 30m $(TESTFLAGS) $(PKGS)

bench: build ## Run every benchmark suite beside hnswlib; write bench/results and REPORT.html there.
	bench/peers/setup.sh
	build/bench.sh

bench-micro: ## Run the micro-benchmarks once each; compare runs with benchstat.
	$(GO) test -run '^$$' -bench . -benchmem -timeout 1h $(TESTFLAGS) $(PKGS)

lint: ## Check formatting, vet, staticcheck and the rest of .golangci.yml, and the tests of the code.
	.ci/run format vet linters
	$(GO) test ./build/lint

fuzz: ## Fuzz every target for FUZZ_SECONDS each.
	build/fuzz.sh $(FUZZ_SECONDS)

generate: ## Write the generated files again.
	build/generate.sh

cross: ## Build for every supported platform.
	build/cross.sh

cover: ## Run every test with coverage; write bin/cover.html.
	@mkdir -p bin
	$(GO) test -pgo=off -timeout 20m -coverpkg=./... -coverprofile=bin/cover.out $(PKGS)
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	$(GO) tool cover -func=bin/cover.out | tail -n 1

fmt: ## Format the Go code.
	gofmt -w $$(git ls-files '*.go')

clean: ## Remove build outputs (not data, not .cache).
	rm -rf bin
