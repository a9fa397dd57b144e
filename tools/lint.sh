#!/bin/sh
# Runs all checks of the sources, even after one has failed; the exit status is 1
# if any fails. lint.sh NAME... runs some of them. lint.sh abi --update writes the
# binary interface as it is now.
set -u

cd "$(dirname "$0")/.." || exit 2
build='build-lint'
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
status=0

# check NAME COMMAND...
check()
{
    name=$1
    shift
    case $wanted in
    *" $name "*) ;;
    *) return 0 ;;
    esac
    if output=$("$@" 2>&1); then
        result=ok
    else
        result=FAILED
        status=1
    fi
    printf '%-10s %s\n' "$name" "$result"
    [ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/    /'
}

configure()
{
    tools/configure.sh $build -Dwerror=true -Dpython=yes
}

# Builds everything in a build directory of lint's, without a warning.
build_clean()
{
    configure && tools/compile.sh $build
}

# companions PREFIX SUFFIX: the paths of those that the build has found the libraries of.
companions()
{
    sed -n "s/^subdir('\(.*\)')$/\1/p" companions/meson.build | while read -r name; do
        if grep -q "libgreenhub-$name\.so" $build/build.ninja; then
            echo "$1companions/$name/libgreenhub-$name.so$2"
        fi
    done
}

# The libraries alone.
build_libraries()
{
    library=$build/src/libgreenhub.so
    # shellcheck disable=SC2046
    configure && tools/compile.sh $build "src/libgreenhub.so.$version" \
        "src/patch/libgreenhub-patch.so.$version" $(companions '' ".$version")
}

symbols()
{
    # shellcheck disable=SC2046
    build_libraries && tools/lint_symbols.py "$library" \
        $build/src/patch/libgreenhub-patch.so $(companions $build/ '')
}

interposed()
{
    build_libraries && tools/lint_interposed.py "$library.$version.p"
}

# The library with POSIX alone.
posix()
{
    tools/configure.sh $build-posix -Dplatform=posix -Dwerror=true -Dbench=false &&
        tools/compile.sh $build-posix \
            "src/libgreenhub.so.$version" &&
        tools/lint_posix.py $build-posix
}

# The hub for the BSDs and macOS, with declarations of theirs.
kqueue()
{
    ${CC:-cc} -std=gnu11 -D_XOPEN_SOURCE=700 -DGREEN__HAS_KQUEUE=1 -Wall -Wextra \
        -Wshadow -Werror -Iinclude -Isrc -isystem tests/bsd -fsyntax-only \
        src/hub/modules/kqueue.c src/hub/registry.c
}

tidy()
{
    configure && tools/lint_tidy.sh $build
}

abi()
{
    build_libraries || return 1
    case $wanted in
    *' --update '*) set -- --update ;;
    *) set -- ;;
    esac
    tools/lint_abi.sh "$library" "$@"
}

# The version in the headers is that of the build.
version()
{
    built=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
    for part in MAJOR MINOR PATCH; do
        sed -n "s/^#define GREEN_VERSION_$part //p" include/greenhub/base.h
    done | paste -s -d . | grep -Fqx "$built" || {
        echo "include/greenhub/base.h: GREEN_VERSION_... is not $built"
        return 1
    }
}

all='layers files map size headers version warnings symbols interposed posix kqueue conformance abi format cppcheck scripts eventlet spelling tidy'
wanted=" ${*:-$all} "

check layers tools/lint_layers.py
check files tools/lint_files.py
check map tools/lint_map.py
check size tools/lint_size.py
check headers tools/lint_headers.sh
check version version
check warnings build_clean
check symbols symbols
check interposed interposed
check posix posix
check kqueue kqueue
check conformance tools/lint_conformance.py
check abi abi
check format tools/lint_format.sh
check cppcheck tools/lint_cppcheck.sh
check scripts tools/lint_scripts.sh
check eventlet tools/lint_eventlet.py
check spelling tools/lint_spelling.sh
check tidy tidy

exit $status
