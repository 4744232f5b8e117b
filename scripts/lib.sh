# Shared by the scripts: messages, the cache folder, and one run at a time. To be sourced, not run.
# Sourcing it only changes to the project's folder.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache="$PWD/.cache"

# Messages go to standard error: standard output has only a script's result, for example a path.
say() { printf '\033[1m→\033[0m %s\n' "$*" >&2; }

# die PROBLEM NEXT-STEP…: prints both and exits.
die() {
	printf '\033[31merror:\033[0m %s\n' "$1" >&2
	printf '       %s\n' "${@:2}" >&2
	exit 1
}

# Waits until no other run of the calling script is active. The lock ends with the script.
one_at_a_time() {
	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock 9
}

# retry COMMAND…: three attempts, because networks fail for a moment.
retry() {
	local attempt
	for attempt in 1 2 3; do
		"$@" && return 0
		[ "$attempt" = 3 ] || { say "that failed; trying again ($((attempt + 1)) of 3)"; sleep $((attempt * 2)); }
	done
	return 1
}
