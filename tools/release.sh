#!/bin/sh
# release.sh VERSION [--write]
#
# Checks that the tree is ready for a release of this version, and prints its planned
# changes. With --write it makes them, commits them and tags the commit; you publish it.
#
# Only meson.build has the version: the library, its file's name and soversion (the
# major version), the command, the Python package and pkg-config take it from there.
# In CHANGELOG.md it is the heading of the latest changes.
set -eu

cd "$(dirname "$0")/.."

if [ $# -lt 1 ] || ! expr "x$1" : 'x[0-9]*\.[0-9]*\.[0-9]*$' >/dev/null; then
    echo "usage: tools/release.sh MAJOR.MINOR.PATCH [--write]" >&2
    exit 2
fi
version=$1
write=${2-}
current=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
heading=$(sed -n 's/^## //p' CHANGELOG.md | head -n 1)
today=$(date -u +%Y-%m-%d)
map=$(mktemp)
trap 'rm -f "$map"' EXIT
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

not_lower()
{
    [ "$(printf '%s\n' "$current" "$version" | sort -V | tail -n 1)" = "$version" ]
}

# Prints files that have the version and should not.
elsewhere()
{
    ! git grep -nwF "$current" -- ':!meson.build' ':!CHANGELOG.md' ':!docs' \
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

symbols()
{
    tools/symbol_map.py "$version" src/released.map include/greenhub/*.h >"$map"
}

# The macros with the version in the headers, if there are any.
macros()
{
    rest=${version#*.}
    grep -hE '^#define GREEN_VERSION_(MAJOR|MINOR|PATCH) ' include/greenhub/*.h |
        while read -r _ name value; do
            case $name in
            *MAJOR) expected=${version%%.*} ;;
            *MINOR) expected=${rest%.*} ;;
            *) expected=${rest#*.} ;;
            esac
            [ "$value" = "$expected" ] || echo "$name is $value"
        done
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
must "the headers' macros agree" macros
must "the manual pages name no other version" pages
must "everything is committed" git status --porcelain
must "there is no tag v$version" git tag --list "v$version"

stale=$(stale_pages)
echo
echo "To change: the version in meson.build, from $current"
echo "           CHANGELOG.md: released on $today"
echo "           src/released.map: $(grep -c ';$' "$map" || :) lines"
[ -z "$stale" ] || printf '%s\n' "$stale" | sed 's/^/           the date of /'

if [ $status != 0 ] || [ "$write" != --write ]; then
    [ "$write" = --write ] || echo "Nothing was written: that takes --write."
    exit $status
fi

sed -i "s/^  version: '.*',/  version: '$version',/" meson.build
sed -i "s/^## \[$version\] - .*/## [$version] - $today/" CHANGELOG.md
printf '%s\n' "$stale" | while read -r page changed; do
    [ -z "$page" ] ||
        sed -i "s/^\.Dd .*/.Dd $(LC_ALL=C date -d "$changed" '+%B %-d, %Y')/" \
            "$page"
done
{
    sed -n '1,/\*\//p' src/released.map
    cat "$map"
} >src/released.map.new
mv src/released.map.new src/released.map
git commit -qam "Release $version"
git tag -a "v$version" -m "greenhub $version"
echo "Committed and tagged v$version. To publish: git push --follow-tags"
