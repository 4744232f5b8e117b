#!/usr/bin/env bash
# Proves that the authorization policies keep the promises, and that the proof would notice if they
# did not. Installs the solver, cvc5, if it is missing.
source "$(dirname "$0")/lib.sh"

cvc5="${CVC5:-cvc5}"
if ! command -v "$cvc5" >/dev/null; then
	command -v apt-get >/dev/null ||
		die "cvc5 is not installed" "Get it from https://github.com/cvc5/cvc5/releases and give its path: CVC5=/path/to/cvc5 make prove"
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "cvc5 is not installed" "As root, run: apt-get install cvc5"
		as_root=(sudo)
	fi
	say "installing cvc5"
	apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
	retry "${apt[@]}" update >&2 &&
		retry "${apt[@]}" install -y --no-install-recommends cvc5 >&2 ||
		die "apt-get could not install cvc5" "Read its messages above; then run: ${as_root[*]} apt-get install cvc5"
fi

cd crates/prove
say "building the prover (minutes the first time)"
cargo build --release --locked
cargo run --release --locked --quiet
cargo clippy --release --locked --all-targets --quiet -- -D warnings
say "weakening every policy in every place: the proof must notice"
cargo test --release --locked --quiet --test mutants -- --nocapture
cargo test --release --locked --quiet --lib --bins --test proof
