#!/usr/bin/env bash
# Prints the time of the release in seconds since 1970: SOURCE_DATE_EPOCH, or the time of the commit.
# Every file of the release has it.
source "$(dirname "$0")/../lib.sh"

[ -z "${SOURCE_DATE_EPOCH:-}" ] || { echo "$SOURCE_DATE_EPOCH" && exit; }
git log -1 --format=%ct 2>/dev/null ||
	die "the sources are not a git repository" "Set SOURCE_DATE_EPOCH to the time of the release, in seconds since 1970."
