# How Bailiwick is built, run, tested and measured; `make help` lists it. The work is in scripts/
# and in cargo: this file only gives it short names.

DATA   ?= data
LISTEN ?= 127.0.0.1:8080
# How long and how often `soak` goes on. BAILIWICK_TEST_SEED=… gives a printed history again.
SECONDS_SOAK  ?= 3600
KILLS         ?= 1000
KILLS_SERVICE ?= 100
# Which CPU to build for. `native` is the fastest and runs on this kind of machine only; NATIVE=0
# builds for any machine of this architecture; CPU=x86-64-v3 for any x86 since 2013 or so.
NATIVE ?= 1
CPU    ?= $(if $(filter 0,$(NATIVE)),$(if $(filter x86_64,$(shell uname -m)),x86-64,generic),native)

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup model build run test soak lint prove proof bench fuzz clean
# .cargo/config.toml says `native`; the environment wins over it.
ifneq ($(CPU),native)
export RUSTFLAGS := -C target-cpu=$(CPU)
endif

help: ## Show this list
	@echo 'Usage: make WHAT [NAME=value …]'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-7s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  DATA=$(DATA) and LISTEN=$(LISTEN) are for run; NATIVE=0 or CPU=x86-64-v3 make a portable binary.'

run: build model ## Install what is missing, build, fetch the small model, and serve it
	@exec target/release/bailiwick quickstart --data $(DATA) --listen $(LISTEN)

build: setup ## Build target/release/bailiwick
	@cargo build --release --locked --bin bailiwick

test: setup model ## Run all tests, the real OpenAI SDKs among them
	@scripts/setup.sh tests
	@scripts/sdk.sh
	@cargo test --release --locked --workspace

soak: setup model ## Let others touch everything while it runs (SECONDS_SOAK=…), and kill it a thousand times
	@scripts/setup.sh tests
	@cargo build --release --locked --bin bailiwick
	@BAILIWICK_TEST_SOAK_SECONDS=$(SECONDS_SOAK) cargo test --release --locked -p server --test it chaos:: -- --nocapture
	@BAILIWICK_TEST_KILLS=$(KILLS) cargo test --release --locked -p store --test crash -- --nocapture
	@BAILIWICK_TEST_KILLS=$(KILLS_SERVICE) cargo test --release --locked -p server --test it kills:: -- --nocapture

lint: setup ## Check format, clippy's lints and the documentation
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --workspace --no-deps --quiet
	@cargo fmt --check --manifest-path crates/prove/Cargo.toml

prove: setup ## Prove that the authorization policies keep the promises
	@scripts/prove.sh

proof: setup ## After a policy was changed: prove, and keep the proof for the build
	@scripts/prove.sh update

bench: build model ## Measure against llama-server, nginx and LiteLLM; writes docs/benchmarks.md
	@scripts/bench.sh
	@scripts/overhead.sh
	@scripts/attacks.sh

fuzz: setup ## Fuzz the parsers of foreign bytes, 30 s each (SECONDS_EACH=…)
	@scripts/fuzz.sh

clean: ## Delete what was built; keeps the model and your data
	@cargo clean
	@rm -rf tests/sdk/js/node_modules tests/oidc/node_modules .cache/venv

setup:
	@scripts/setup.sh

model:
	@scripts/fetch-model.sh >/dev/null
