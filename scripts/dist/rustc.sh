#!/bin/sh
# Cargo calls this instead of rustc (RUSTC_WRAPPER): gives each folder of the build a fixed name.
# shellcheck disable=SC2086 # one argument for each path
exec "$@" $BAILIWICK_PATH_MAPS
