#!/usr/bin/env bash
# twice.sh CPU: builds the sources twice, as build.sh does, in two folders of different depth, with
# different folders for the crates. Fails if a byte of a program differs. Prints the programs' SHA-256.
source "$(dirname "$0")/../lib.sh"

cpu="${1:?the CPU, or audit for bailiwick-audit alone}"
crates="${CARGO_HOME:-$HOME/.cargo}/registry"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH="$(scripts/dist/date.sh)"
export SOURCE_DATE_EPOCH

retry cargo fetch --locked --quiet || die "cargo could not fetch the dependencies" "Read its messages above."
# Both copies before both builds: an edit in the meantime is in neither.
place() { [ "$1" = one ] && echo "$work/one/sources" || echo "$work/two/in/another/place/for-the-sources"; }
for name in one two; do
	mkdir -p "$(place "$name")" "$work/$name-crates"
	ln -s "$crates" "$work/$name-crates/registry"
	# Files that are not committed yet count, too; ignored ones do not.
	git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tr '\n' '\0' |
		xargs -0 cp --parents --target-directory "$(place "$name")"
done
for name in one two; do
	CARGO_HOME="$work/$name-crates" "$(place "$name")/scripts/dist/build.sh" "$cpu" "$work/$name/out"
	rm -rf "$(place "$name")/target"
done
diff -r "$work/one/out" "$work/two/out" >&2 ||
	die "two builds of the same sources differ" "Compare the programs with diffoscope: a compiler wrote a path, a time or a random order."
say "two builds for $cpu, in two folders, are the same byte for byte"
cd "$work/one/out"
find . -maxdepth 1 -type f -perm -u+x -printf '%P\0' | sort -z | xargs -0 sha256sum
