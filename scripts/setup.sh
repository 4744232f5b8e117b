#!/usr/bin/env bash
# Installs what building needs and a bare Debian does not have: cmake, a C++ compiler, libclang,
# pip and venv. Asks apt only for what is missing, so that a second run costs nothing.
# It does not install Rust, and touches nothing outside apt's packages.
source "$(dirname "$0")/lib.sh"

command -v cargo >/dev/null ||
	die "cargo is not installed" "Install Rust from https://rustup.rs, open a new shell, and run this again."

missing=()
need() { missing+=("$1"); }

command -v cmake >/dev/null || need cmake
command -v g++ >/dev/null || need g++
command -v make >/dev/null || need make
# bindgen loads the library and reads the headers that come with it. The names are those that it
# looks for: `libclang-cpp.so`, which other packages bring, is another library.
has_libclang() {
	local folder name
	for folder in /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu; do
		for name in libclang.so libclang.so.* libclang-[0-9]*.so*; do
			compgen -G "$folder/$name" >/dev/null && return 0
		done
	done
	return 1
}
[ -n "${LIBCLANG_PATH:-}" ] || has_libclang || need libclang-dev
command -v python3 >/dev/null || need python3
python3 -c 'import venv, ensurepip' 2>/dev/null || need python3-venv
python3 -c 'import pip' 2>/dev/null || need python3-pip
# `scripts/setup.sh tests`: what gives the tests a wall clock of their own.
if [ "${1:-}" = tests ]; then
	compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || need libfaketime
fi

[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null ||
	die "not installed: ${missing[*]}" "This is not Debian or Ubuntu: install them with your package manager, and run this again."

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "not installed: ${missing[*]}" "As root, run: apt-get install ${missing[*]}"
	as_root=(sudo)
fi
say "installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
retry "${apt[@]}" update >&2 &&
	retry "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
	die "apt-get could not install ${missing[*]}" "Read its messages above; then run: ${as_root[*]} apt-get install ${missing[*]}"
