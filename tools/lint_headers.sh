#!/bin/sh
# Every header compiles alone: the public ones as C11, C99 and C++17, and they have
# no feature tests; the internal ones with the library's options.
set -eu

cc=${CC:-cc}
cxx=${CXX:-c++}
status=0

# alone HEADER COMPILER...
alone()
{
    header=$1
    shift
    echo "#include <$header>" | "$@" -D_GNU_SOURCE -Iinclude -Isrc \
        -Wall -Wextra -Werror -fsyntax-only - || status=1
}

for path in include/*.h include/greenhub/*.h; do
    header=${path#include/}
    # shellcheck disable=SC2086
    alone "$header" $cc -x c -std=c11 -pedantic
    # shellcheck disable=SC2086
    alone "$header" $cc -x c -std=c99 -pedantic
    # shellcheck disable=SC2086
    alone "$header" $cxx -x c++ -std=c++17 -pedantic
    if grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)' "$path" |
        grep -vE '#ifndef GREENHUB_[A-Z_]*H$|#ifdef __cplusplus$' |
        sed "s|^\([0-9]*\):|$path:\1: a public header's feature test: |" |
        grep .; then
        status=1
    fi
done

# A companion's internal headers may need its library's.
for path in companions/*/*.h; do
    [ -e "$path" ] || continue
    case $path in
    companions/tls/*) pkg-config --exists 'openssl >= 3' || continue ;;
    esac
    echo "#include \"$path\"" | $cc -x c -std=gnu11 -D_GNU_SOURCE -Iinclude -I. \
        -Wall -Wextra -Werror -fsyntax-only - || status=1
done

# patch/names.h and base/system_same.h are lists, and no headers.
find src -name '*.h' ! -path src/patch/names.h ! -path src/base/system_same.h | sort | while read -r path; do
    # shellcheck disable=SC2086
    alone "${path#src/}" $cc -x c -std=gnu11
    [ $status = 0 ] || exit 1
done || status=1

exit $status
