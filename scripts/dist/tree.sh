#!/usr/bin/env bash
# tree.sh PROGRAMS FOLDER: lays the files of a release out below FOLDER as they are installed below /usr
# or /usr/local. PROGRAMS is the result of build.sh and inventory.py.
source "$(dirname "$0")/../lib.sh"

from="${1:?the folder with the programs}"
to="${2:?the folder to fill}"
doc="$to/share/doc/bailiwick"

for program in bailiwick bailiwick-audit; do
	install -D -m 755 "$from/$program" "$to/bin/$program"
	install -D -m 644 "$from/completions/$program.bash" "$to/share/bash-completion/completions/$program"
	install -D -m 644 "$from/completions/_$program" "$to/share/zsh/vendor-completions/_$program"
	install -D -m 644 "$from/completions/$program.fish" "$to/share/fish/vendor_completions.d/$program.fish"
done
for page in "$from"/man/*; do
	install -D -m 644 "$page" "$to/share/man/man${page##*.}/${page##*/}"
done
install -D -m 644 -t "$doc" README.md CHANGELOG.md LICENSE bailiwick.example.toml docs/operate/install.md \
	"$from/THIRD-PARTY-NOTICES.txt" "$from/bailiwick.cdx.json" "$from/compilers"
install -D -m 644 -t "$doc/prometheus" packages/prometheus/*.yml
install -D -m 644 -t "$doc/grafana" packages/grafana/bailiwick.json
scripts/dist/configuration.sh >"$doc/bailiwick.toml" && chmod 644 "$doc/bailiwick.toml"
