#!/usr/bin/env bash
# Measures how much attacks on the listener slow down a caller with a key, and writes the section
# of docs/benchmarks.md about them. Arguments are passed to `bench attacks` (for example: --rounds 1 --only ping).
source "$(dirname "$0")/lib.sh"

one_at_a_time attacks
[ "$(nproc)" -ge 2 ] || die "this machine has one processor" "Two are needed: one for the service, one for the load."
cargo build --release --locked --quiet --bin bailiwick --bin bailiwick-stubbed --bin bench
built="${CARGO_TARGET_DIR:-target}/release"
say "measuring; keep the machine otherwise idle"
"$built/bench" attacks --ours "$built/bailiwick-stubbed" --work "$cache/attacks" --write docs/benchmarks.md "$@"
