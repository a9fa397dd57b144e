#!/bin/sh
# dist.sh FOLDER
#
# Packs the last commit as FOLDER/greenhub-VERSION.tar.gz, which builds itself without
# git, and writes its SHA-256 sum beside it. Only the commit and the versions of tar and
# gzip decide about its bytes; SOURCE_DATE_EPOCH sets another date than the commit's.
set -eu

cd "$(dirname "$0")/.."
if ! commit=$(git rev-parse --verify -q HEAD 2>/dev/null) || [ ! -e .git ]; then
    echo "The tarball is made of a commit, and this tree is not git's." >&2
    exit 1
fi
if [ -n "$(git status --porcelain)" ]; then
    echo "Not in the tarball, as it is not committed:" >&2
    git status --short >&2
fi

mkdir -p "$1"
out=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TZ=UTC LC_ALL=C
git archive --output "$scratch/all.tar" "$commit"
mkdir "$scratch/sources"
tar -x -C "$scratch/sources" -f "$scratch/all.tar"
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$scratch/sources/meson.build")
name=greenhub-$version
mv "$scratch/sources" "$scratch/$name"

# What an umask, a user or a file system may change is set.
tar -c -C "$scratch" -f "$scratch/$name.tar" --format=ustar --sort=name \
    --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" \
    --owner=0 --group=0 --numeric-owner --mode=u+rw,a+rX,go-w "$name"
gzip -9nc "$scratch/$name.tar" >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$1/$name.tar.gz"
