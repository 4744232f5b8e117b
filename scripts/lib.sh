# What the scripts share: messages, the cache folder, and one run at a time.
# Sourced, not run. It changes nothing by itself, apart from going to the project's folder.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache="$PWD/.cache"

# Messages go to standard error, so that a script's answer (a path, say) stays alone on standard output.
say() { printf '\033[1m→\033[0m %s\n' "$*" >&2; }

# die WHAT WHAT-TO-DO: every failure names the next step.
die() {
	printf '\033[31merror:\033[0m %s\n' "$1" >&2
	printf '       %s\n' "${@:2}" >&2
	exit 1
}

# Waits until no other run of the calling script is under way; released when the script ends.
one_at_a_time() {
	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock 9
}

# retry COMMAND…: three attempts, since networks fail for a moment.
retry() {
	local attempt
	for attempt in 1 2 3; do
		"$@" && return 0
		[ "$attempt" = 3 ] || { say "that failed; trying again ($((attempt + 1)) of 3)"; sleep $((attempt * 2)); }
	done
	return 1
}
