#!/usr/bin/env bash
# Checks that building, testing and working on `server` alone take every dependency with the same features.
# Otherwise Cargo builds the dependency, and everything that uses it, once for each set of features.
# And that the crates which are tested with the dev profile do not bring llama.cpp, which takes minutes.
source "$(dirname "$0")/lib.sh"

features() {
	cargo tree --locked --prefix none --no-dedupe --format '{p}|{f}' "$@" | sed 's/ (\*)//; s/ (proc-macro)//; s/ ([^)]*)//' | sort -u
}

tested="$(features --edges normal,build,dev)"
for selection in '--edges no-dev' '--package server --edges no-dev' '--package server --edges normal,build,dev'; do
	# shellcheck disable=SC2086 -- the words are separate arguments
	other="$(comm -23 <(features $selection) <(echo "$tested"))"
	[ -z "$other" ] || die "cargo test has other features than cargo tree $selection, for: $(echo "$other" | tr '\n' ' ')" \
		"Find the dependency that turns them on (cargo tree --edges features --invert CRATE), and give it the same features in both, or move it to tests/independent."
done

if grep -qE '^llama-cpp-sys-2 .*(cuda|vulkan)' <<<"$tested"; then
	die "the build without GPU=… has a back end for graphics cards" "Remove cuda or vulkan from the default features, and from the features of each dependency on engine."
fi

for crate in tlog policy wire store egress audit train; do
	grep -q '^llama-cpp-sys-2 ' <<<"$(features --package "$crate" --edges normal,build,dev)" || continue
	die "cargo test -p $crate would build llama.cpp" "Find the dependency that brings it (cargo tree -p $crate --invert llama-cpp-sys-2), and remove it or its feature."
done
