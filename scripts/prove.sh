#!/usr/bin/env bash
# prove.sh: proves that the authorization policies keep the promises, that the proof in the build is
# this proof, and that weakened policies fail it.
# prove.sh update: proves them, and stores the proof for the build.
# Installs the solver, cvc5, if it is missing.
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
prover="$(realpath "${CARGO_TARGET_DIR:-target}")/release/bailiwick-prove"
# Where `bailiwick prove` looks for it: beside `bailiwick`.
[ -n "${CARGO_TARGET_DIR:-}" ] || install -D "$prover" ../../target/release/bailiwick-prove

say "proving the built-in policies"
"$prover" || die "the policies do not keep the promises, or the prover could not decide" \
	"Read the output above, and change the policy that it names"
kept=../policy/cedar/proof.json
if [ "${1:-}" = update ]; then
	"$prover" --json >"$kept.new"
	mv "$kept.new" "$kept"
	say "the proof is in crates/policy/cedar/proof.json; commit it with the policies"
	exit
fi
"$prover" --json | cmp --quiet - "$kept" || die "crates/policy/cedar/proof.json is not the proof of these policies" \
	"Run: make proof; and commit the file with the policies that were changed"

cargo clippy --release --locked --all-targets --quiet -- -D warnings
say "weakening every policy in every place: the proof must notice"
cargo test --release --locked --quiet --test mutants -- --nocapture
cargo test --release --locked --quiet --lib --bins --test proof
