#!/usr/bin/env bash
# Runs every fuzz target for a while (SECONDS_EACH, 30 by default), starting from its corpus.
# libFuzzer's instrumentation needs a nightly compiler; the product itself does not.
source "$(dirname "$0")/lib.sh"

[ -d fuzz ] || die "there is no fuzz folder here" "Is this a complete checkout?"
cargo +nightly --version >/dev/null 2>&1 || {
	say "installing a nightly compiler"
	retry rustup toolchain install nightly --profile minimal >&2 ||
		die "rustup could not install the nightly compiler" "Run: rustup toolchain install nightly --profile minimal"
}
cargo fuzz --version >/dev/null 2>&1 || {
	say "installing cargo-fuzz"
	retry cargo install --locked cargo-fuzz >&2 ||
		die "cargo could not install cargo-fuzz" "Run: cargo install --locked cargo-fuzz"
}
for target in $(cargo fuzz list); do
	say "fuzzing $target for ${SECONDS_EACH:-30} s"
	# What the fuzzer finds goes into the cache; what is worth keeping is moved to fuzz/corpus by hand.
	mkdir -p "$cache/fuzz/$target" "fuzz/corpus/$target"
	cargo +nightly fuzz run "$target" "$cache/fuzz/$target" "fuzz/corpus/$target" -- -max_total_time="${SECONDS_EACH:-30}" -rss_limit_mb=2048
done
