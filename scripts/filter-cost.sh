#!/usr/bin/env bash
# Measures what the content filter costs, without and with its encoder, and writes the section of
# docs/benchmarks.md about it. Arguments are passed to `bench filter` (for example: --requests 20 --answers 2).
source "$(dirname "$0")/lib.sh"

one_at_a_time filter-cost
encoder="$(scripts/fetch-guard.sh)"
model="$(scripts/fetch-model.sh)"
cargo build --release --locked --quiet --bin bailiwick --bin bench
built="${CARGO_TARGET_DIR:-target}/release"
say "measuring; keep the machine otherwise idle"
"$built/bench" filter --ours "$built/bailiwick" --model "$model" --encoder "$encoder" \
	--work "$cache/filter-cost" --write docs/benchmarks.md "$@"
