#!/usr/bin/env bash
# Measures the overhead of the gateway, against nginx and LiteLLM's proxy in front of the same stub,
# and writes the section of docs/benchmarks.md about it. Arguments are passed to `bench overhead` (for
# example: --rounds 1 --requests 5000). NGINX=PATH and LITELLM=PATH use installed
# programs; LITELLM=none leaves LiteLLM out.
source "$(dirname "$0")/lib.sh"

litellm_version="1.108.7"

one_at_a_time overhead
[ "$(nproc)" -ge 2 ] || die "this machine has one processor" "Two are needed: one for the proxy, one for the load."

# Prints the path of nginx. Its package is unpacked into .cache: no service is installed or started.
find_nginx() {
	local home="$cache/nginx" package
	if [ -n "${NGINX:-}" ] || PATH="$PATH:/usr/sbin" type -P nginx; then
		[ -z "${NGINX:-}" ] || echo "$NGINX"
		return
	fi
	if ! [ -x "$home/usr/sbin/nginx" ]; then
		command -v apt-get >/dev/null || die "nginx is not installed" "Install it with your package manager, or give its path: NGINX=PATH"
		mkdir -p "$home"
		say "fetching nginx"
		(cd "$home" && retry apt-get -q download nginx >&2) ||
			die "apt-get could not download nginx" "Run apt-get update as root, then run this again."
		for package in "$home"/nginx_*.deb; do
			dpkg-deb --extract "$package" "$home"
		done
		"$home/usr/sbin/nginx" -v 2>/dev/null || die "nginx does not run from its package" "Install it, or give its path: NGINX=PATH"
	fi
	echo "$home/usr/sbin/nginx"
}

find_litellm() {
	local home="$cache/litellm"
	if [ -n "${LITELLM:-}" ]; then
		echo "$LITELLM"
		return
	fi
	if ! [ -f "$home/complete-$litellm_version" ]; then
		say "installing LiteLLM $litellm_version into .cache (750 MB)"
		rm -rf "$home"
		python3 -m venv "$home/venv" || die "python3 could not make a virtual environment" "Run scripts/setup.sh, which installs python3-venv."
		retry "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check "litellm[proxy]==$litellm_version" >&2 ||
			die "LiteLLM could not be installed" "Check that pip reaches its index; or leave it out: LITELLM=none"
		touch "$home/complete-$litellm_version"
	fi
	echo "$home/venv/bin/litellm"
}

nginx="$(find_nginx)"
litellm="$(find_litellm)"
peers=(--nginx "$nginx")
[ "$litellm" = none ] || peers+=(--litellm "$litellm")
# Build the product, too: the measured program is linked from the same library.
cargo build --release --locked --quiet --bin bailiwick --bin bailiwick-stubbed --bin bench
built="${CARGO_TARGET_DIR:-target}/release"
say "measuring; keep the machine otherwise idle"
"$built/bench" overhead --ours "$built/bailiwick-stubbed" "${peers[@]}" \
	--work "$cache/overhead" --write docs/benchmarks.md "$@"
