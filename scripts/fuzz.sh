#!/usr/bin/env bash
# Runs every fuzz target for a while (SECONDS_EACH, 30 by default), starting from its corpus; with
# SECONDS_EACH=0 it only replays the corpus. The parsers are safe Rust and need no sanitizer, so
# the stable compiler can build the targets.
source "$(dirname "$0")/lib.sh"

cargo fuzz --version >/dev/null 2>&1 || {
	say "installing cargo-fuzz"
	retry cargo install --locked cargo-fuzz >&2 ||
		die "cargo could not install cargo-fuzz" "Run: cargo install --locked cargo-fuzz"
}
each="${SECONDS_EACH:-30}"
limit="-max_total_time=$each"
[ "$each" != 0 ] || limit="-runs=0"

# The targets of customers' requests link the crate `wire` alone, the others the service.
requests=" chat_request response_request completion_request conversation_request embedding_request request_coding multipart_form jsonl_file "

say "building the targets (minutes the first time)"
cargo fuzz build --sanitizer none --no-default-features
cargo fuzz build --sanitizer none
for target in $(cargo fuzz list); do
	features=()
	[[ "$requests" != *" $target "* ]] || features=(--no-default-features)
	say "fuzzing $target for $each s"
	# New inputs go into the cache; move the useful ones to fuzz/corpus by hand.
	mkdir -p "$cache/fuzz/$target" "fuzz/corpus/$target"
	cargo fuzz run --sanitizer none "${features[@]}" "$target" "$cache/fuzz/$target" "fuzz/corpus/$target" -- \
		"$limit" -rss_limit_mb=2048 -timeout=10
done
