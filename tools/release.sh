#!/bin/sh
# release.sh VERSION [--dry-run | --write] [--skip-tests]
#
# Checks that the tree is ready for a release of this version: it is committed, only
# meson.build has the version, the change log begins with it, the binary interface is
# that of the last release, and the tests pass (--skip-tests leaves them out). It prints
# the planned changes. With --write it makes them, commits and tags them, and makes the
# tarball in build-dist; you publish both.
#
# Only meson.build has the version: the library, its file's name and soversion (the
# major version), the command, the Python package, pkg-config and CMake take it from
# there; --write sets the macros of include/greenhub/base.h. In CHANGELOG.md it is the
# heading of the latest changes, which gets its date.
set -eu

cd "$(dirname "$0")/.."

usage()
{
    echo "usage: tools/release.sh MAJOR.MINOR.PATCH [--dry-run | --write] [--skip-tests]" >&2
    exit 2
}

version=${1-}
expr "x$version" : 'x[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*$' >/dev/null || usage
shift
write='' tests=yes
for word; do
    case $word in
    --dry-run) write='' ;;
    --write) write=yes ;;
    --skip-tests) tests='' ;;
    *) usage ;;
    esac
done

current=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
heading=$(sed -n 's/^## //p' CHANGELOG.md | head -n 1)
today=$(date -u +%Y-%m-%d)
last=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || :)
maps=$(find src companions -name released.map | sort)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# must TEXT COMMAND...: the command prints what is wrong
must()
{
    text=$1
    shift
    if found=$("$@" 2>&1) && [ -z "$found" ]; then
        printf 'ok      %s\n' "$text"
    else
        printf 'FAILED  %s\n' "$text"
        [ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/        /'
        status=1
    fi
}

# quiet COMMAND...: prints the end of its output, if it fails
quiet()
{
    "$@" >"$scratch/log" 2>&1 || {
        tail -n 20 "$scratch/log"
        return 1
    }
}

not_lower()
{
    [ "$(printf '%s\n' "$current" "$version" | sort -V | tail -n 1)" = "$version" ]
}

# Prints files that have the version and should not.
elsewhere()
{
    ! git grep -InwF "$current" -- ':!meson.build' ':!CHANGELOG.md' ':!docs' \
        ':!tests/fuzz'
}

changelog()
{
    case $heading in
    "[$version] - unreleased" | "[$version] - $today") ;;
    *) echo "the first heading is: $heading" ;;
    esac
    awk '/^## /{n++} n == 1 && /^- /{found = 1} END{exit !found}' CHANGELOG.md ||
        echo "there is no entry below it"
}

soversion()
{
    grep -q "soversion: meson.project_version().split('.')\[0\]," src/meson.build
}

# headers_of FOLDER: of the library that is built there
headers_of()
{
    if [ "$1" = src ]; then
        echo include/greenhub/scoped.h
        sed -n 's/^#include <\(greenhub\/.*\)>/include\/\1/p' include/greenhub.h
    else
        grep -o 'include/greenhub/[a-z_]*\.h' "$1/meson.build"
    fi
}

# new_map FILE: what follows its comment once the version is released
new_map()
{
    # shellcheck disable=SC2046
    tools/symbol_map.py "$version" "$1" $(headers_of "$(dirname "$1")")
}

symbols()
{
    for map in $maps; do
        new_map "$map" >"$scratch/$(echo "$map" | tr / -)" || return 1
    done
}

# The description that lint compares with is what the last release has.
abi_described()
{
    [ -z "$last" ] || git diff --stat "$last" -- "tools/abi/greenhub-${last#v}.abi.gz"
}

# A new major version may change it.
abi()
{
    if [ -z "$last" ] || [ "${last%%.*}" = "v${version%%.*}" ]; then
        quiet tools/lint.sh abi
    fi
}

# Prints other versions than this one, and pages without a valid date.
pages()
{
    grep -nE '(^|[^.0-9])[0-9]+\.[0-9]+\.[0-9]+($|[^.0-9])' man/*.[137] |
        grep -vwF "$version" || :
    grep -LE '^\.Dd [A-Z][a-z]+ [0-9]+, [0-9]{4}$' man/*.[137] |
        sed 's/$/: no date in .Dd/' || :
}

# Prints PAGE DATE for each page that was changed after its .Dd date.
stale_pages()
{
    for page in man/*.[137]; do
        says=$(date -d "$(sed -n 's/^\.Dd //p' "$page")" +%Y-%m-%d)
        changed=$(git log -1 --format=%ad --date=short -- "$page")
        if [ "$(printf '%s\n' "$says" "$changed" | sort | tail -n 1)" != "$says" ]
        then
            echo "$page $changed"
        fi
    done
}

must "$version is not below $current" not_lower
must "only meson.build has the version" elsewhere
must "CHANGELOG.md begins with it" changelog
must "the soversion is the major version" soversion
must "the symbols include all that were released" symbols
must "the manual pages name no other version" pages
must "everything is committed" git status --porcelain
must "there is no tag v$version" git tag --list "v$version"
must "tools/abi has what ${last:-no release yet} has" abi_described
if [ $status = 0 ]; then
    must "the binary interface is compatible" abi
    if [ -n "$tests" ]; then
        must "the tests pass" quiet make test
    else
        echo "skipped the tests"
    fi
fi

stale=$(stale_pages)
echo
echo "To change: the version in meson.build and base.h, from $current"
echo "           CHANGELOG.md: released on $today"
for map in $maps; do
    echo "           $map: $(grep -c ';$' "$scratch/$(echo "$map" | tr / -)" || :) lines"
done
echo "           tools/abi: the binary interface"
[ -z "$stale" ] || printf '%s\n' "$stale" | sed 's/^/           the date of /'

if [ $status != 0 ] || [ -z "$write" ]; then
    [ -n "$write" ] || echo "Nothing was written: that takes --write."
    exit $status
fi

sed -i "s/^  version: '.*',/  version: '$version',/" meson.build
rest=${version#*.}
sed -i -e "s/^\(#define GREEN_VERSION_MAJOR\) .*/\1 ${version%%.*}/" \
    -e "s/^\(#define GREEN_VERSION_MINOR\) .*/\1 ${rest%.*}/" \
    -e "s/^\(#define GREEN_VERSION_PATCH\) .*/\1 ${rest#*.}/" include/greenhub/base.h
sed -i "s/^## \[$version\] - .*/## [$version] - $today/" CHANGELOG.md
printf '%s\n' "$stale" | while read -r page changed; do
    [ -z "$page" ] ||
        sed -i "s/^\.Dd .*/.Dd $(LC_ALL=C date -d "$changed" '+%B %-d, %Y')/" \
            "$page"
done
for map in $maps; do
    {
        sed -n '1,/\*\//p' "$map"
        cat "$scratch/$(echo "$map" | tr / -)"
    } >"$scratch/map"
    cat "$scratch/map" >"$map"
done
quiet tools/lint.sh abi --update
git add tools/abi
git commit -qam "Release $version"
git tag -a "v$version" -m "greenhub $version"
echo "Committed and tagged v$version. To publish: git push --follow-tags, and"
tools/dist.sh build-dist
