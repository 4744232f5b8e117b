#!/usr/bin/env bash
# Installs the client libraries for the tests, an identity provider and engines: openai for Python, the
# clients that build on it, schemathesis, llm-comply, Node and llama.cpp's server in a virtual
# environment in .cache; openai for JavaScript and the AI SDK in
# tests/sdk/js/node_modules; oidc-provider in tests/oidc/node_modules; a server that checks requests by
# an OpenAPI document in tests/engines/node_modules; playwright and axe in tests/pages/node_modules. Versions are pinned; a second run takes no time.
source "$(dirname "$0")/lib.sh"

venv="$cache/venv"
python_wants="$(sha256sum tests/sdk/python/requirements.txt | cut -c1-64)"

# stamped FILE DIGEST: succeeds if the last complete installation was of this list.
stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

one_at_a_time sdk
if ! stamped "$venv/installed" "$python_wants" || ! [ -x "$venv/bin/python" ]; then
	say "installing the Python SDKs, schemathesis, Node and an engine (kept in .cache/venv)"
	rm -rf "$venv"
	python3 -m venv "$venv" ||
		die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
	retry "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
		--requirement tests/sdk/python/requirements.txt >&2 ||
		die "pip could not install the SDK" "Check that pip reaches its index, and run this again."
	echo "$python_wants" >"$venv/installed"
fi

# install FOLDER NAME: installs the packages in the folder's package-lock.json.
install() {
	local wants
	wants="$(sha256sum "$1/package-lock.json" | cut -c1-64)"
	stamped "$1/node_modules/.installed" "$wants" && return 0
	say "installing $2 (kept in $1/node_modules)"
	# npm's script starts `node` by name.
	PATH="$venv/bin:$PATH" retry npm ci --prefix "$1" --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel=error >&2 ||
		die "npm could not install $2" "Check that npm reaches its registry, and run this again."
	echo "$wants" >"$1/node_modules/.installed"
}

install tests/sdk/js "the JavaScript SDKs"
install tests/oidc "the identity provider"
install tests/engines "the checker of requests to engines"
install tests/pages "the browser's driver and the checker of accessibility"
