#!/usr/bin/env bash
# Checks the Prometheus alerts and the Grafana dashboard in packages/. Part of `make lint`.
#
# - promtool checks the syntax of alerts.yml and prometheus.yml, and runs the tests in alerts_test.yml.
# - scripts/alerts.py compares names and labels of metrics with the service's source and its pages, and
#   reads the dashboard. promtool checks the dashboard's queries, too.
#
# PROMTOOL=/path/to/promtool uses another one than that on PATH. Without any, the script unpacks the one of
# Debian's package prometheus into .cache/promtool. It does not install the package, because that starts a
# service.
source "$(dirname "$0")/lib.sh"

one_at_a_time promtool
work="$(mktemp -d "$cache/.promtool.XXXXXX")"
trap 'rm -rf "$work"' EXIT

fetch_promtool() {
	local by_hand="Install promtool 2.42 or later (https://prometheus.io/download), and set PROMTOOL to its path."
	local as_root=()
	command -v apt-get >/dev/null || die "promtool is not installed, and this is not Debian or Ubuntu" "$by_hand"
	say "unpacking promtool (Debian's package prometheus, 20 MB; kept in .cache/promtool)"
	# A bare machine has no lists of packages, and old lists name packages that are gone.
	if ! (cd "$work" && apt-get -q download prometheus >/dev/null 2>&1); then
		if [ "$(id -u)" -ne 0 ]; then
			command -v sudo >/dev/null || die "apt-get has no package prometheus" "As root, run: apt-get update" "$by_hand"
			as_root=(sudo)
		fi
		retry "${as_root[@]}" apt-get -q update >&2 && (cd "$work" && retry apt-get -q download prometheus >&2) ||
			die "apt-get could not download the package prometheus" "Read its messages above." "$by_hand"
	fi
	dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" ./usr/bin/promtool ||
		die "the package prometheus has no promtool" "$by_hand"
	mkdir -p "$cache/promtool"
	mv "$work/usr/bin/promtool" "$cache/promtool/promtool"
}

promtool="${PROMTOOL:-$(command -v promtool || true)}"
if [ -z "$promtool" ]; then
	promtool="$cache/promtool/promtool"
	"$promtool" --version >/dev/null 2>&1 || fetch_promtool
fi

# Success prints nothing.
quiet() {
	local output
	output="$("$promtool" "$@" 2>&1)" && return 0
	printf '%s\n' "$output" >&2
	die "promtool $1 $2 found a problem in ${*: -1}" "Read the output above, and correct the file."
}

quiet check rules packages/prometheus/alerts.yml
quiet check config packages/prometheus/prometheus.yml
quiet test rules packages/prometheus/alerts_test.yml
scripts/alerts.py || die "the alerts or the dashboard do not fit the service" "Read the lines above."
scripts/alerts.py queries >"$work/queries.yml"
quiet check rules "$work/queries.yml"
