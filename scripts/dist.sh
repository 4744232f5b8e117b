#!/usr/bin/env bash
# Makes a release in dist/: archives, a Debian package, an image for containers, the auditors'
# packages, and checksums of all of them.
#
#     scripts/dist.sh          build and pack
#     scripts/dist.sh check    build twice, in two folders, and compare the programs byte for byte
#     scripts/dist.sh pack     pack the programs in target/shipped/out again
#
# CPUS="x86-64-v2 native" are the CPUs to build for; the package and the image are for the first.
# RELEASE_KEY=FILE signs the checksums; docs/operate/install.md says how to make a key.
source "$(dirname "$0")/lib.sh"

read -ra cpus <<<"${CPUS:-x86-64-v2 native}"
built=target/shipped/out
version="$(scripts/dist/version.sh)"

build() {
	local cpu
	for cpu in "${cpus[@]}"; do
		scripts/dist/build.sh "$cpu" "$built/$cpu"
		scripts/dist/inventory.py "$built/$cpu"
		scripts/dist/validate.sh "$built/$cpu/bailiwick.cdx.json"
	done
}

pack() {
	local cpu
	rm -f dist/bailiwick-[0-9]* dist/bailiwick_[0-9]*
	for cpu in "${cpus[@]}"; do
		scripts/dist/archive.sh "$built/$cpu" "$cpu" dist
	done
	scripts/dist/deb.sh "$built/${cpus[0]}" dist
	scripts/dist/oci.sh "$built/${cpus[0]}" "${cpus[0]}" dist
	cp "$built/${cpus[0]}/bailiwick.cdx.json" "dist/bailiwick-$version.cdx.json"
	sums
}

# The checksums of everything in dist/, signed with the key of the release.
sums() {
	rm -f dist/SHA256SUMS dist/SHA256SUMS.note
	(cd dist && find . -maxdepth 1 -type f ! -name '.*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum) >"$built/SHA256SUMS"
	mv "$built/SHA256SUMS" dist/SHA256SUMS
	if [ -z "${RELEASE_KEY:-}" ]; then
		say "the checksums in dist/SHA256SUMS are not signed: RELEASE_KEY names no key"
		return
	fi
	cargo run --quiet --release --locked --package audit --example release_key sign "$RELEASE_KEY" <dist/SHA256SUMS >"$built/note" ||
		die "the checksums could not be signed with $RELEASE_KEY" "Make a key as docs/operate/install.md says."
	mv "$built/note" dist/SHA256SUMS.note
	say "signed dist/SHA256SUMS.note"
}

one_at_a_time dist
case "${1:-build}" in
build)
	scripts/packages.sh
	build
	pack
	;;
pack) pack ;;
check) scripts/dist/twice.sh "${cpus[0]}" ;;
*) die "unknown command $1" "Read the first lines of scripts/dist.sh." ;;
esac
