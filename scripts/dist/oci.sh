#!/usr/bin/env bash
# oci.sh PROGRAMS CPU OUT: makes OUT/bailiwick-VERSION-CPU.oci.tar, an image for podman, docker and
# Kubernetes, with buildah and without a daemon. It has the programs, the shared libraries that they
# need, and no shell. The same files give the same bytes.
source "$(dirname "$0")/../lib.sh"

from="$(realpath "${1:?the folder with the programs}")"
version="$(scripts/dist/version.sh)"
name="bailiwick-$version-$(scripts/dist/cpu.sh "${2:?the CPU}")"
out="$(realpath "${3:?the folder for the image}")"
epoch="$(scripts/dist/date.sh)"
# The service's user in the image; volumes must belong to it.
user=65532

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/root"
install -D -m 755 -t "$root/usr/bin" "$from/bailiwick" "$from/bailiwick-audit"
install -D -m 644 -t "$root/usr/share/doc/bailiwick" LICENSE "$from/THIRD-PARTY-NOTICES.txt" "$from/bailiwick.cdx.json"
# The loader and each library that it finds, under the paths that the loader looks at.
ldd "$from/bailiwick" | grep -oE '/[^ ]+' | while read -r library; do
	install -D -m 755 "$(realpath "$library")" "$root$library"
	# dpkg may know the file with or without the `/usr` of merged folders.
	file="$(realpath "$library")"
	owner="$(dpkg-query --search "$file" "${file#/usr}" 2>/dev/null | cut -d: -f1 | head -1)" || true
	[ -z "$owner" ] || install -D -m 644 "$(realpath "/usr/share/doc/$owner/copyright")" "$root/usr/share/doc/$owner/copyright"
done
install -d -m 755 "$root/etc/bailiwick"
scripts/dist/configuration.sh >"$root/etc/bailiwick/bailiwick.toml"
echo "bailiwick:x:$user:$user::/var/lib/bailiwick:/nonexistent" >"$root/etc/passwd"
echo "bailiwick:x:$user:" >"$root/etc/group"
install -d -m 700 "$root/var/lib/bailiwick" "$root/var/lib/bailiwick-keys"
install -d -m 1777 "$root/tmp"
chmod 644 "$root"/etc/passwd "$root"/etc/group "$root"/etc/bailiwick/*

buildah() { command buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
container="$(buildah from scratch)"
buildah copy --quiet --chown 0:0 "$container" "$root" / >/dev/null
buildah copy --quiet --chown "$user:$user" --chmod 700 "$container" "$root/var/lib" /var/lib >/dev/null
buildah config --user "$user:$user" --entrypoint '["/usr/bin/bailiwick"]' --cmd serve --workingdir /var/lib/bailiwick \
	--env BAILIWICK_CONFIG=/etc/bailiwick/bailiwick.toml --env BAILIWICK_DATA=/var/lib/bailiwick \
	--env BAILIWICK_LISTEN__API=0.0.0.0:8080 --port 8080 \
	--volume /var/lib/bailiwick --volume /var/lib/bailiwick-keys --stop-signal SIGTERM \
	--label "org.opencontainers.image.title=bailiwick" --label "org.opencontainers.image.version=$version" \
	--label org.opencontainers.image.licenses=Apache-2.0 "$container" >/dev/null
buildah commit --quiet --rm --identity-label=false --omit-history --timestamp "$epoch" --format oci "$container" "oci:$work/image:localhost/bailiwick:$version" >/dev/null
tar --create --directory "$work/image" --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner . >"$out/$name.oci.tar"
say "packed $name.oci.tar"
