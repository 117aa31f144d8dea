#!/usr/bin/env bash
# Build the Debian package out of what is committed; the file lies in ./deb (or $DEB_DIR).
#
# usage: tools/deb.sh [VERSION]      another version than the project's, as the tests of upgrades need
set -euo pipefail
cd "$(dirname "$0")/.."

output=$(realpath -m "${DEB_DIR:-deb}")
version=${1:-$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build | head -n 1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git archive --format=tar --prefix=sealpost/ HEAD | tar -x -C "$work"
cp -r "$work/sealpost/packaging/debian" "$work/sealpost/debian"
cat >"$work/sealpost/debian/changelog" <<-CHANGELOG
	sealpost ($version-1) unstable; urgency=medium

	  * See changelog.gz.

	 -- The Sealpost authors <sealpost@localhost>  $(git log -1 --format=%cD)
CHANGELOG
# A package is built without the network: what npm installs is there already.
[ ! -d ui/node_modules ] || ln -s "$PWD/ui/node_modules" "$work/sealpost/ui/node_modules"

echo "building sealpost $version; the log is in $output/build.log"
mkdir -p "$output"
if ! (cd "$work/sealpost" && dpkg-buildpackage -b -us -uc -d) >"$output/build.log" 2>&1; then
	tail -n 30 "$output/build.log" >&2
	exit 1
fi
mv "$work"/*.deb "$output"/
ls -l "$output"/sealpost_"$version"-1_*.deb
