#!/usr/bin/env bash
# build.sh CPU FOLDER: builds bailiwick for this CPU, and the static bailiwick-audit, into FOLDER.
# The same commit gives the same bytes in every folder, for every user and at every time. `native` also
# depends on the CPU. The compilers must be the same: the file `compilers` in FOLDER names them.
#
# build.sh audit FOLDER: builds bailiwick-audit only.
# BAILIWICK_DIST_UNOPTIMIZED=1 builds without optimization: paths, times and order get into the bytes in
# the same ways, in a third of the time. Only `scripts/dist.sh check` uses it.
source "$(dirname "$0")/../lib.sh"

cpu="${1:?the CPU, as in x86-64-v2 or native}"
out="$(realpath -m "${2:?the folder for the programs}")"
machine="$(uname -m)"
gnu="$machine-unknown-linux-gnu"
musl="$machine-unknown-linux-musl"
target="$PWD/target/shipped/$cpu"
home="${CARGO_HOME:-$HOME/.cargo}"

[ -d "$(rustc --print target-libdir --target "$musl")" ] ||
	die "Rust has no library for $musl" "Run rustup target add $musl, or scripts/packages.sh, which does it."
retry cargo fetch --locked --quiet || die "cargo could not fetch the dependencies" "Read its messages above."

# Compilers write the paths of sources into programs: into panics, assertions and symbols. Each folder
# gets a fixed name. rustc gets them from a wrapper, because Cargo puts RUSTFLAGS into the names of symbols.
maps=("$PWD=/bailiwick" "$target=/target" "$(rustc --print sysroot)=/rust")
# CARGO_HOME may be behind links: compilers write either path.
for registry in "$home"/registry/src/*/; do maps+=("${registry%/}=/crates" "$(realpath "$registry")=/crates"); done
for map in "${maps[@]}"; do
	[[ "$map" != *[[:space:]]* ]] || die "a path of the build has a space: ${map%=*}" "Move the sources, or CARGO_HOME, to another path."
done
export BAILIWICK_PATH_MAPS="${maps[*]/#/--remap-path-prefix=}"
export RUSTC_WRAPPER="$PWD/scripts/dist/rustc.sh"
c_maps="${maps[*]/#/-ffile-prefix-map=}"

# The protections of .cargo/config.toml, which the variables here replace.
hardening="$(sed -n "s/^CXXFLAGS_${gnu//-/_} = \"\(.*\)\"\$/\1/p" .cargo/config.toml)"
[ -n "$hardening" ] || die ".cargo/config.toml has no CXXFLAGS for $gnu" "Add them to its section [env]."
for kind in CFLAGS CXXFLAGS; do
	export "${kind}_${gnu//-/_}=$hardening $c_maps" "${kind}_${musl//-/_}=$c_maps"
done
export "CC_${musl//-/_}=cc"

# The date that compilers use; llama.cpp would add the commit of a surrounding git repository.
SOURCE_DATE_EPOCH="$(scripts/dist/date.sh)"
export SOURCE_DATE_EPOCH GIT_DIR=/nonexistent LC_ALL=C TZ=UTC
# ggml uses AVX2 by default. The features of the CPU switch these on.
export GGML_SSE42=OFF GGML_AVX=OFF GGML_AVX2=OFF GGML_FMA=OFF GGML_F16C=OFF GGML_BMI2=OFF GGML_CCACHE=OFF

options=()
if [ -n "${BAILIWICK_DIST_UNOPTIMIZED:-}" ]; then
	options=(--config 'profile.product.opt-level=0' --config 'profile.dist.opt-level=0' --config 'profile.dist.lto=false')
	export CMAKE_C_FLAGS_RELEASE='-O0 -DNDEBUG' CMAKE_CXX_FLAGS_RELEASE='-O0 -DNDEBUG'
fi

# build CPU PROFILE PACKAGE PROGRAM TRIPLE
build() {
	say "building $4 for $1"
	RUSTFLAGS="-C target-cpu=$1" cargo build "${options[@]}" --quiet --locked --profile "$2" --package "$3" --bin "$4" \
		--target "$5" --target-dir "$target" >&2 || die "cargo could not build $4" "Read its messages above."
	install -D -m 755 "$target/$5/$2/$4" "$out/$4"
}

if [ "$cpu" != audit ]; then
	build "$cpu" product server bailiwick "$gnu"
	# Its manual pages and completions.
	build "$cpu" product manual manual "$gnu"
	rm -rf "$out/man" "$out/completions"
	"$out/manual" "$out" && rm "$out/manual"
fi
build generic dist audit bailiwick-audit "$musl"
{ rustc --version && cc --version | head -1 && ld --version | head -1 && cmake --version | head -1; } >"$out/compilers"
