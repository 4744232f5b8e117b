#!/usr/bin/env bash
# archive.sh PROGRAMS CPU OUT: packs a release as OUT/bailiwick-VERSION-CPU-linux.tar.gz. The same
# files give the same bytes.
source "$(dirname "$0")/../lib.sh"

from="${1:?the folder with the programs}"
name="bailiwick-$(scripts/dist/version.sh)-$(scripts/dist/cpu.sh "${2:?the CPU}")-linux"
out="${3:?the folder for the archive}"
epoch="$(scripts/dist/date.sh)"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
scripts/dist/tree.sh "$from" "$work/$name"
install -D -m 644 packages/systemd/bailiwick.service "$work/$name/lib/systemd/system/bailiwick.service"
install -D -m 755 packages/systemd/bailiwickctl "$work/$name/sbin/bailiwickctl"
install -D -m 644 packages/systemd/bailiwickctl.8 "$work/$name/share/man/man8/bailiwickctl.8"
# The archive is for /usr/local, where zsh looks into another folder.
mv "$work/$name/share/zsh/vendor-completions" "$work/$name/share/zsh/site-functions"
sed -i 's#/usr/bin/bailiwick#/usr/local/bin/bailiwick#' "$work/$name/lib/systemd/system/bailiwick.service" "$work/$name/sbin/bailiwickctl"
tar --create --directory "$work" --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
	--mode=u+rw,go+r-w "$name" | gzip -9n >"$out/$name.tar.gz"
say "packed $name.tar.gz"
