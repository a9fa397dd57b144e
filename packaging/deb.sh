#!/bin/sh
# deb.sh FOLDER
#
# Builds Debian's packages of the committed tree into FOLDER, which is emptied, and has
# lintian look at them. The version is that of meson.build. The packager is the one whom
# DEBFULLNAME and DEBEMAIL name, or else git's user.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$top/meson.build")
name=${DEBFULLNAME:-$(git -C "$top" config user.name || id -un)}
email=${DEBEMAIL:-$(git -C "$top" config user.email || echo "$(id -un)@$(hostname)")}
source=$out/greenhub-$version

rm -rf "${out:?}"/* # what an earlier run made
mkdir "$source"
git -C "$top" archive HEAD | tar -x -C "$source"
cp -r "$here/debian" "$source/debian"
sed "s/@MAINTAINER@/$name <$email>/" "$here/debian/control.in" >"$source/debian/control"
rm "$source/debian/control.in"

# The date is that of the commit, so that two builds of it are equal.
date=$(git -C "$top" log -1 --format=%cD)
cat >"$source/debian/changelog" <<EOF
greenhub ($version) unstable; urgency=medium

  * Version $version: /usr/share/doc/greenhub/changelog.gz tells what is new.

 -- $name <$email>  $date
EOF

(cd "$source" && dpkg-buildpackage --build=binary --no-sign --jobs="${JOBS:-2}")
lintian --fail-on error,warning --tag-display-limit 0 "$out"/*.changes
ls "$out"/*.deb
