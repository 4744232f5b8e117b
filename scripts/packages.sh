#!/usr/bin/env bash
# Builds the auditors' packages into dist/: the static program bailiwick-audit, a wheel for Python and a
# package for npm. `scripts/packages.sh tests` also installs the two packages into .cache/audit,
# where the tests run them. Unchanged sources are not built or installed again.
source "$(dirname "$0")/lib.sh"

machine="$(uname -m)"
native="$machine-unknown-linux-musl"
wasm=wasm32-unknown-unknown
out=target/portable
home="$cache/audit"

one_at_a_time packages
# npm and Node are in the environment of the SDKs' tests.
scripts/sdk.sh
node="$cache/venv/bin"

sources() {
	find Cargo.toml Cargo.lock LICENSE crates/audit crates/audit-wasm crates/tlog/src crates/tlog/Cargo.toml crates/egress/src \
		packages -type f ! -name audit.wasm ! -path 'packages/*/LICENSE' ! -path '*/__pycache__/*' -print0 |
		sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64
}
stamp="$(sources) $(cargo --version)"
done_before() { [ -f "$1" ] && [ "$(cat "$1")" = "$stamp" ]; }

# add_target TRIPLE: installs Rust's library for this target with rustup.
add_target() {
	[ -d "$(rustc --print target-libdir --target "$1")" ] && return 0
	say "installing Rust's library for $1"
	command -v rustup >/dev/null && retry rustup target add "$1" >&2 ||
		die "Rust has no library for $1" "Install it with your package manager, or Rust from https://rustup.rs."
}

# build TRIPLE ARGUMENTS…: builds for any processor of this kind; overrides `.cargo/config.toml`.
build() {
	RUSTFLAGS='-C target-cpu=generic' CC_x86_64_unknown_linux_musl=cc CC_aarch64_unknown_linux_musl=cc \
		cargo build --quiet --locked --profile dist --target-dir "$out" --target "$@" >&2 ||
		die "cargo could not build for $1" "Read its messages above."
}

if ! done_before dist/.built; then
	add_target "$wasm"
	add_target "$native"
	say "building bailiwick-audit, its wheel and its npm package (kept in dist)"
	mkdir -p dist && rm -f dist/bailiwick-audit* dist/bailiwick_audit* dist/.built
	build "$wasm" --package audit-wasm
	build "$native" --package audit
	cp "$out/$native/dist/bailiwick-audit" "dist/bailiwick-audit-$machine-linux"
	for place in packages/npm packages/python/src/bailiwick_audit; do
		cp "$out/$wasm/dist/audit_wasm.wasm" "$place/audit.wasm"
	done
	cp LICENSE packages/npm && cp LICENSE packages/python
	if ! [ -x "$home/build/bin/python" ]; then
		python3 -m venv "$home/build" ||
			die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
	fi
	retry "$home/build/bin/python" -m pip install --quiet --disable-pip-version-check --requirement packages/requirements.txt >&2 ||
		die "pip could not install the tools that build the wheel" "Check that pip reaches its index, and run this again."
	# The times in the archive are the same in every build.
	SOURCE_DATE_EPOCH=946684800 "$home/build/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --wheel-dir dist packages/python >&2 || die "the wheel could not be built" "Read pip's messages above."
	PATH="$node:$PATH" npm pack --silent --pack-destination dist ./packages/npm >/dev/null ||
		die "the npm package could not be built" "Read npm's messages above."
	echo "$stamp" >dist/.built
fi

[ "${1:-}" = tests ] || exit 0
if ! done_before "$home/installed"; then
	say "installing the wheel and the npm package (kept in .cache/audit)"
	rm -rf "$home/python" "$home/npm"
	python3 -m venv "$home/python" &&
		retry "$home/python/bin/python" -m pip install --quiet --disable-pip-version-check \
			--constraint packages/requirements.txt dist/*.whl >&2 ||
		die "pip could not install the wheel" "Check that pip reaches its index, and run this again."
	mkdir -p "$home/npm"
	PATH="$node:$PATH" npm install --prefix "$home/npm" --no-audit --no-fund --no-update-notifier --loglevel=error "$PWD"/dist/*.tgz >&2 ||
		die "npm could not install the package" "Read npm's messages above."
	echo "$stamp" >"$home/installed"
fi
