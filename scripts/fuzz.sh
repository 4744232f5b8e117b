#!/usr/bin/env bash
# Runs every fuzz target for a while (SECONDS_EACH, 30 by default), starting from its corpus; with
# SECONDS_EACH=0 it only replays the corpus. The parsers are safe Rust, so no sanitizer is needed,
# and with none the stable compiler can build the targets.
source "$(dirname "$0")/lib.sh"

cargo fuzz --version >/dev/null 2>&1 || {
	say "installing cargo-fuzz"
	retry cargo install --locked cargo-fuzz >&2 ||
		die "cargo could not install cargo-fuzz" "Run: cargo install --locked cargo-fuzz"
}
each="${SECONDS_EACH:-30}"
limit="-max_total_time=$each"
[ "$each" != 0 ] || limit="-runs=0"

say "building the targets (minutes the first time)"
cargo fuzz build --sanitizer none
for target in $(cargo fuzz list); do
	say "fuzzing $target for $each s"
	# What the fuzzer finds goes into the cache; what is worth keeping is moved to fuzz/corpus by hand.
	mkdir -p "$cache/fuzz/$target" "fuzz/corpus/$target"
	cargo fuzz run --sanitizer none "$target" "$cache/fuzz/$target" "fuzz/corpus/$target" -- \
		"$limit" -rss_limit_mb=2048 -timeout=10
done
