#!/usr/bin/env bash
# validate.sh FILE: checks an inventory against the schema of CycloneDX 1.6. The schema comes with a
# Python package, which is kept in .cache/inventory.
source "$(dirname "$0")/../lib.sh"

file="$(realpath "${1:?the inventory}")"
venv="$cache/inventory"
wants="$(sha256sum packages/inventory-requirements.txt | cut -c1-64)"

one_at_a_time inventory
if ! [ -f "$venv/installed" ] || [ "$(cat "$venv/installed")" != "$wants" ]; then
	say "installing the schema of CycloneDX (kept in .cache/inventory)"
	rm -rf "$venv"
	python3 -m venv "$venv" ||
		die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
	retry "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement packages/inventory-requirements.txt >&2 ||
		die "pip could not install the schema" "Check that pip reaches its index, and run this again."
	echo "$wants" >"$venv/installed"
fi
"$venv/bin/python" - "$file" <<'PYTHON' || die "$file does not fit the schema of CycloneDX" "Mend scripts/dist/inventory.py."
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1], encoding="utf-8").read())
if problem:
    sys.exit(str(problem)[:2000])
PYTHON
