# Short names for the commands that build, run, test and measure Bailiwick; `make help` lists them.
# The commands themselves are in scripts/ and in cargo.

DATA   ?= data
LISTEN ?= 127.0.0.1:8080
# Duration of `soak`, its numbers of kills, and its number of requests to engines. BAILIWICK_TEST_SEED=… repeats a printed history.
SECONDS_SOAK  ?= 3600
KILLS         ?= 1000
KILLS_SERVICE ?= 100
ENGINE_REQUESTS ?= 10000
# The folder with the data for `guard`; docs/guard.md lists them.
GUARD_DATA ?=
# The CPU to build for. `native` is the fastest and runs on this kind of machine only; NATIVE=0
# builds for any machine of this architecture; CPU=x86-64-v3 for most x86 machines since 2013.
NATIVE ?= 1
CPU    ?= $(if $(filter 0,$(NATIVE)),$(if $(filter x86_64,$(shell uname -m)),x86-64,generic),native)
# The graphics cards to build for: none, `vulkan` or `cuda`. See docs/operate/gpu.md.
GPU    ?=
ifeq ($(filter $(GPU),vulkan cuda),)
ifneq ($(GPU),)
$(error GPU=$(GPU) is unknown: write GPU=vulkan, GPU=cuda, or leave it out)
endif
endif
# `make test` builds our own crates with little optimization, which takes a third of the time to build. FULL=1
# tests the binary that ships.
FULL   ?=
TEST   := $(if $(FULL),test --release,quick)
# The CPUs of a release, and the file with the key that signs its checksums.
CPUS        ?= x86-64-v2 native
RELEASE_KEY ?=

# The crate that `check` looks at. Some link llama.cpp, which the release has built.
CRATE  ?= policy
ifneq ($(filter $(CRATE),engine server manual bench),)
CHECK_PROFILE := --release
CHECK_TEST    := quick
CHECK_ONLY    := --lib --bins
else
CHECK_TEST    := test
endif

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup model build run test check soak lint prove proof packages dist bench fuzz guard clean
# .cargo/config.toml sets `native`; the environment overrides it.
ifneq ($(CPU),native)
export RUSTFLAGS := -C target-cpu=$(CPU)
# ggml uses AVX2 unless these switch it off. llama-cpp-sys-2 switches on the ones that the CPU has.
export GGML_SSE42 := OFF
export GGML_AVX := OFF
export GGML_AVX2 := OFF
export GGML_FMA := OFF
export GGML_F16C := OFF
export GGML_BMI2 := OFF
endif

help: ## Show this list
	@echo 'Usage: make TARGET [NAME=value …]'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  DATA=$(DATA) and LISTEN=$(LISTEN) are for run; NATIVE=0 or CPU=x86-64-v3 make a portable binary.'

run: build model ## Install missing packages, build, fetch the small model, and serve it
	@exec target/release/bailiwick quickstart --data $(DATA) --listen $(LISTEN)

build: setup ## Build target/release/bailiwick (GPU=vulkan or GPU=cuda: for graphics cards, too)
	@$(if $(GPU),scripts/setup.sh $(GPU))
	@cargo build --release --locked $(if $(GPU),-p server --features $(GPU)) --bin bailiwick

test: setup model ## Run all tests, the real OpenAI SDKs among them (FULL=1: against the binary that ships)
	@scripts/setup.sh tests
	@scripts/sdk.sh
	@scripts/packages.sh tests
	@scripts/fetch-guard.sh >/dev/null
	@cargo $(TEST) --locked
	@cargo test --locked -p independent
	@cargo test --release --locked --manifest-path crates/guard/Cargo.toml --target-dir target

soak: setup model ## Disturb all files and processes of the service while it runs (SECONDS_SOAK=…), and kill it a thousand times
	@scripts/setup.sh tests
	@cargo build --release --locked --bin bailiwick
	@BAILIWICK_TEST_SOAK_SECONDS=$(SECONDS_SOAK) cargo test --release --locked -p server --test it chaos:: -- --nocapture
	@BAILIWICK_TEST_ENGINE_REQUESTS=$(ENGINE_REQUESTS) cargo test --release --locked -p server --test it engines::engines_that_fail -- --nocapture
	@BAILIWICK_TEST_KILLS=$(KILLS) cargo test --release --locked -p store --test crash -- --nocapture
	@BAILIWICK_TEST_KILLS=$(KILLS_SERVICE) cargo test --release --locked -p server --test it kills:: -- --nocapture

check: setup ## The short loop: format, lints and unit tests of one crate (CRATE=policy)
	@cargo fmt --all --check
	@cargo clippy $(CHECK_PROFILE) --locked -p $(CRATE) --all-targets -- -D warnings
	@cargo $(CHECK_TEST) --locked -p $(CRATE) $(CHECK_ONLY)

lint: setup ## Check format, clippy's lints, the fuzz targets, the dependencies, the alerts, the documentation, its words and its links
	@cargo fmt --all --check
	@scripts/words.py
	@scripts/links.py
	@scripts/tidy.py
	@scripts/circles.py
	@scripts/alerts.sh
	@scripts/deny.sh
	@scripts/features.sh
	@cargo clippy --release --locked --all-targets -- -D warnings
	@cargo clippy --locked -p independent --all-targets -- -D warnings
	@cargo clippy --release --locked --manifest-path crates/guard/Cargo.toml --target-dir target --all-targets -- -D warnings
	@cargo check --release --locked --manifest-path fuzz/Cargo.toml --target-dir target
	@RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --no-deps --quiet
	@cargo fmt --check --manifest-path crates/prove/Cargo.toml
	@cargo fmt --check --manifest-path crates/guard/Cargo.toml

prove: setup ## Prove that the authorization policies keep the promises
	@scripts/prove.sh

proof: setup ## After a change of a policy: prove, and store the proof for the build
	@scripts/prove.sh update

packages: setup ## Build the auditors' packages into dist/: a static program, a Python wheel, an npm package
	@scripts/packages.sh

dist: setup ## Make a release in dist/: archives, .deb, OCI image, SBOM, checksums (RELEASE_KEY=FILE signs them)
	@scripts/setup.sh dist
	@scripts/pages.sh check
	@CPUS='$(CPUS)' RELEASE_KEY='$(RELEASE_KEY)' scripts/dist.sh

bench: build model ## Measure against llama-server, nginx and LiteLLM; writes docs/benchmarks.md
	@scripts/bench.sh
	@scripts/overhead.sh
	@scripts/attacks.sh
	@scripts/filter-cost.sh
	@scripts/batch-latency.sh

fuzz: setup ## Fuzz the parsers of foreign bytes, 30 s each (SECONDS_EACH=…)
	@scripts/fuzz.sh

guard: setup ## Train the content filter's heads (GUARD_DATA=FOLDER), and write their scores to docs/guard.md
	@GUARD_DATA='$(GUARD_DATA)' scripts/guard.sh

clean: ## Delete build output; keeps the model and your data
	@cargo clean
	@rm -rf tests/sdk/js/node_modules tests/oidc/node_modules tests/engines/node_modules tests/pages/node_modules .cache/venv .cache/audit .cache/deny .cache/inventory .cache/promtool .cache/evidence dist

setup:
	@scripts/setup.sh

model:
	@scripts/fetch-model.sh >/dev/null
