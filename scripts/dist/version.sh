#!/usr/bin/env bash
# Prints the version of the release: that of the workspace.
source "$(dirname "$0")/../lib.sh"

sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml
