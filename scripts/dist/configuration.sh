#!/usr/bin/env bash
# Prints the configuration of a packaged service: the example, with the system's folders.
source "$(dirname "$0")/../lib.sh"

sed -e 's|^data = "data"$|data = "/var/lib/bailiwick"|' -e 's|^# keys = "/var/lib/bailiwick-keys"$|keys = "/var/lib/bailiwick-keys"|' \
	bailiwick.example.toml >/dev/stdout
