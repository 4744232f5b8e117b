#!/usr/bin/env bash
# deb.sh PROGRAMS OUT: makes OUT/bailiwick_VERSION_ARCHITECTURE.deb. The same files give the same bytes.
source "$(dirname "$0")/../lib.sh"

from="$(realpath "${1:?the folder with the programs}")"
out="$(realpath "${2:?the folder for the package}")"
# The publisher sets MAINTAINER='NAME <ADDRESS>'.
maintainer="${MAINTAINER:-The Bailiwick developers <bailiwick@localhost>}"
version="$(scripts/dist/version.sh)"
architecture="$(dpkg --print-architecture)"
SOURCE_DATE_EPOCH="$(scripts/dist/date.sh)"
export SOURCE_DATE_EPOCH

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/root"
doc="$root/usr/share/doc/bailiwick"
scripts/dist/tree.sh "$from" "$root/usr"
install -D -m 644 packages/systemd/bailiwickctl.8 "$root/usr/share/man/man8/bailiwickctl.8"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
# Debian has licence and changes in files of its own.
rm "$doc/LICENSE" "$doc/bailiwick.toml"
sed "s/@VERSION@/$version/; s|@MAINTAINER@|$maintainer|; s/@DATE@/$(date -u -R -d "@$SOURCE_DATE_EPOCH")/" packages/debian/changelog | gzip -9n >"$doc/changelog.gz"
gzip -9n "$doc/THIRD-PARTY-NOTICES.txt"
sed "s/@YEAR@/$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)/" packages/debian/copyright >"$doc/copyright"

install -D -m 755 packages/systemd/bailiwickctl "$root/usr/sbin/bailiwickctl"
install -D -m 644 packages/systemd/bailiwick.service "$root/usr/lib/systemd/system/bailiwick.service"
install -D -m 644 packages/debian/lintian-overrides "$root/usr/share/lintian/overrides/bailiwick"
install -d -m 755 "$root/etc/bailiwick"
scripts/dist/configuration.sh >"$root/etc/bailiwick/bailiwick.toml"

# The shared libraries that the program needs, as Debian's packages.
mkdir "$work/debian" && echo 'Source: bailiwick' >"$work/debian/control"
libraries="$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/bailiwick" 2>/dev/null)" ||
	die "dpkg-shlibdeps cannot name the libraries of bailiwick" "Run scripts/setup.sh dist, which installs dpkg-dev."
install -d -m 755 "$root/DEBIAN"
sed -e "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@LIBRARIES@/${libraries#shlibs:Depends=}/" \
	-e "s|@MAINTAINER@|$maintainer|; s/@SIZE@/$(du -sk --apparent-size "$root/usr" | cut -f1)/" packages/debian/control >"$root/DEBIAN/control"
echo /etc/bailiwick/bailiwick.toml >"$root/DEBIAN/conffiles"
install -m 755 packages/debian/postinst packages/debian/prerm packages/debian/postrm "$root/DEBIAN"
(cd "$root" && find usr -type f -printf '%P\0' | sort -z | sed -z 's#^#usr/#' | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod -R u+rwX,go+rX,go-w "$root"

# dpkg-deb takes times after SOURCE_DATE_EPOCH back to it.
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/bailiwick_${version}_$architecture.deb" >/dev/null
say "packed bailiwick_${version}_$architecture.deb"
