#!/usr/bin/env bash
# Validates the documents for auditors, made from invented states (crates/evidence/examples/oscal.rs).
#
# - compliance-trestle validates the documents of OSCAL. The script installs it into .cache/evidence; the
#   versions of all its packages are pinned. TRESTLE=/path/to/trestle uses another one.
# - A changed document must fail, so that a validator that accepts everything is noticed.
#
# scripts/evidence.sh FOLDER validates documents of a running service: each component-definition.json and
# assessment-results.json in FOLDER and below.
source "$(dirname "$0")/lib.sh"

one_at_a_time evidence
work="$(mktemp -d "$cache/.evidence.XXXXXX")"
trap 'rm -rf "$work"' EXIT

trestle="${TRESTLE:-$cache/evidence/bin/trestle}"
if [ -z "${TRESTLE:-}" ]; then
	wants="$(sha256sum scripts/evidence-requirements.txt | cut -c1-64)"
	if ! [ -x "$trestle" ] || [ "$(cat "$cache/evidence/installed" 2>/dev/null)" != "$wants" ]; then
		say "installing compliance-trestle (Python packages of 90 MB; kept in .cache/evidence)"
		rm -rf "$cache/evidence"
		python3 -m venv "$cache/evidence" ||
			die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
		retry "$cache/evidence/bin/python" -m pip install --quiet --disable-pip-version-check \
			--requirement scripts/evidence-requirements.txt >&2 ||
			die "pip could not install compliance-trestle" "Check that pip reaches its index. Or install compliance-trestle 5, and set TRESTLE to its path."
		echo "$wants" >"$cache/evidence/installed"
	fi
fi

from="${1:-}"
if [ -z "$from" ]; then
	from="$work/documents"
	cargo run --quiet --locked -p evidence --example oscal -- "$from" >&2 || die "the example writes no documents" "Read the output above."
fi

# trestle reads models from the folders of a workspace only.
workspace="$work/workspace"
mkdir "$workspace"
"$trestle" init --local --trestle-root "$workspace" >"$work/init" 2>&1 || {
	cat "$work/init" >&2
	die "trestle made no workspace" "Read the output above."
}

# validate FILE KIND NAME: prints trestle's output; fails if the document is not valid.
validate() {
	mkdir -p "$workspace/$2/$3"
	cp "$1" "$workspace/$2/$3/$(basename "$1")"
	(cd "$workspace" && "$trestle" validate --file "$2/$3/$(basename "$1")" 2>&1)
}

kind_of() {
	case "$(basename "$1")" in
	component-definition.json) echo component-definitions ;;
	assessment-results.json) echo assessment-results ;;
	esac
}

count=0
while IFS= read -r file; do
	count=$((count + 1))
	validate "$file" "$(kind_of "$file")" "model$count" >"$work/output" || {
		cat "$work/output" >&2
		die "$file is not valid OSCAL" "Read the output above, and correct crates/evidence/src/oscal."
	}
	# A document with a wrong UUID, and one without its version, must fail.
	mkdir -p "$work/broken"
	for change in 's/"uuid": "[^"]*"/"uuid": "1"/' 's/"oscal-version"/"oscal-versions"/'; do
		sed "$change" "$file" >"$work/broken/$(basename "$file")"
		if validate "$work/broken/$(basename "$file")" "$(kind_of "$file")" broken >/dev/null; then
			die "trestle accepts a broken document" "It is no validator then: use the version in scripts/evidence-requirements.txt."
		fi
	done
done < <(find "$from" -name component-definition.json -o -name assessment-results.json | sort)
[ "$count" -gt 0 ] || die "no document in $from" "Name a folder with component-definition.json or assessment-results.json."
# In `make lint` success prints nothing.
[ -z "${1:-}" ] || say "$count documents of OSCAL are valid"
