#!/usr/bin/env bash
# Builds the checker that the receipt page carries, crates/pages/src/assets/audit.wasm.gz, from `audit-wasm`.
# The file is in the repository, so that a machine with cargo alone builds the service. Run this after a
# change of `tlog` or `audit` that the page shall have; `scripts/pages.sh check` fails if it is due. The same
# sources and the same compiler give the same bytes.
source "$(dirname "$0")/lib.sh"

wasm=wasm32-unknown-unknown
out=target/portable
kept=crates/pages/src/assets/audit.wasm.gz
homes="${CARGO_HOME:-$HOME/.cargo}/registry/src"

one_at_a_time pages
[ -d "$(rustc --print target-libdir --target "$wasm")" ] || {
	command -v rustup >/dev/null && retry rustup target add "$wasm" >&2 ||
		die "Rust has no library for $wasm" "Install it with your package manager, or Rust from https://rustup.rs."
}
# Without the paths of this machine, which messages of a panic have.
RUSTFLAGS="-C target-cpu=generic --remap-path-prefix=$homes=registry --remap-path-prefix=$PWD=." \
	cargo build --quiet --locked --profile page --target-dir "$out" --target "$wasm" --package audit-wasm >&2 ||
	die "cargo could not build the checker" "Read its messages above."
made="$out/$wasm/page/audit_wasm.wasm"

if gzip -dc "$kept" | cmp --silent - "$made"; then
	say "the receipt page has the checker of these sources"
	exit 0
fi
[ "${1:-}" != check ] ||
	die "the receipt page has a checker of other sources, or of another compiler than $(rustc --version)" \
		"Run scripts/pages.sh, and commit $kept."
gzip -9 --no-name --stdout "$made" >"$kept.part" && mv "$kept.part" "$kept"
say "the receipt page has a new checker: commit $kept"
