#!/bin/sh
# What cppcheck is sure of. A false alarm is answered in the source, by
# "cppcheck-suppress ID" in a comment that says why. autoVariables is off: that
# an object on the blocked stack is lent to others is how greenthreads wait.
set -eu

folders=
for folder in src cli examples bench python; do
    [ ! -d $folder ] || folders="$folders $folder"
done

# shellcheck disable=SC2086
exec cppcheck --quiet --error-exitcode=1 --std=c11 -j 2 --library=python --inline-suppr \
    --enable=warning,portability --suppress=missingIncludeSystem \
    --suppress=autoVariables -D_GNU_SOURCE -D__linux__ \
    '-DGREEN__VERSION="0"' '-DGREEN__HUB_DIR="/"' -DPY_VERSION_HEX=0x030b0000 -Iinclude -Isrc \
    --template='{file}:{line}: {message} [{id}]' $folders
