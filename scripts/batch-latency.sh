#!/usr/bin/env bash
# Measures how long interactive requests wait with a batch running behind them, against none, and writes the
# section of docs/benchmarks.md about it. Arguments are passed to batch-latency.py (for example: --rounds 1
# --requests 20 --lines 500). BAILIWICK=PATH measures another binary.
source "$(dirname "$0")/lib.sh"

one_at_a_time batch-latency
model="$(scripts/fetch-model.sh)"
if [ -z "${BAILIWICK:-}" ]; then
	cargo build --release --locked --quiet --bin bailiwick
	BAILIWICK="${CARGO_TARGET_DIR:-target}/release/bailiwick"
fi
say "measuring; keep the machine otherwise idle"
exec python3 scripts/batch-latency.py --ours "$BAILIWICK" --model "$model" --write docs/benchmarks.md "$@"
