#!/usr/bin/env bash
# Measures the release binary against llama.cpp's llama-server and writes docs/benchmarks.md.
# Arguments are passed to the program in bench/ (for example: --rounds 3 --only ours).
# LLAMA_SERVER=PATH uses a llama-server that exists already.
source "$(dirname "$0")/lib.sh"

peer="${LLAMA_SERVER:-$(scripts/llama-server.sh)}"
model="$(scripts/fetch-model.sh)"
cargo build --release --locked --quiet --bin bailiwick --bin bench
say "measuring; keep the machine otherwise idle"
target/release/bench --ours target/release/bailiwick --theirs "$peer" --model "$model" \
	--work "$cache/bench" --write docs/benchmarks.md "$@"
