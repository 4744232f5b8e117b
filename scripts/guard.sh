#!/usr/bin/env bash
# Trains the content filter's heads from the folder GUARD_DATA (docs/guard.md lists its files), and writes
# them and their scores. The service's own worker computes the encoder's vectors, in a few minutes;
# they stay in .cache/guard. ENCODER=none trains without an encoder.
source "$(dirname "$0")/lib.sh"

[ -n "${GUARD_DATA:-}" ] ||
	die "the training data are not given" "docs/guard.md lists them. Give their folder: make guard GUARD_DATA=FOLDER"
[ -d "$GUARD_DATA" ] || die "\`$GUARD_DATA\` is no folder" "Give the folder with the training data: make guard GUARD_DATA=FOLDER"

one_at_a_time guard
built="${CARGO_TARGET_DIR:-target}/release"
cargo build --release --locked --quiet --manifest-path crates/guard/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}"
over=()
if [ "${ENCODER:-}" != none ]; then
	encoder="$(scripts/fetch-guard.sh)"
	mkdir -p "$cache/guard"
	"$built/bailiwick-guard" texts "$GUARD_DATA" >"$cache/guard/texts"
	vectors="$cache/guard/$(cat "$cache/guard/texts" "$encoder" | sha256sum | cut -c1-16).vectors"
	if ! [ -f "$vectors" ]; then
		cargo build --release --locked --quiet --bin bailiwick
		say "computing the encoder's vectors (minutes)"
		scripts/guard-vectors.py "$cache/guard/texts" "$encoder" "$vectors.part" ||
			die "the encoder's vectors could not be computed" "Read the output above, and run this again: it goes on where it stopped."
		mv "$vectors.part" "$vectors"
	fi
	over=("$vectors" "$encoder")
fi
say "training"
"$built/bailiwick-guard" train "$GUARD_DATA" crates/policy/src/guard/heads/heads.bin docs/guard.md "${over[@]}"
say "training the shields, and measuring"
"$built/bailiwick-guard" shields "$GUARD_DATA" . "$(scripts/fetch-model.sh)"
cargo build --release --locked --quiet --manifest-path crates/guard/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}"
"$built/bailiwick-guard" gates "$GUARD_DATA" docs/guard.md
