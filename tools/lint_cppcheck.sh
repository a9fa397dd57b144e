#!/bin/sh
# The findings that cppcheck is sure of. To silence a false alarm, write
# "cppcheck-suppress ID" and the reason into a comment. autoVariables is off, because
# waiting greenthreads leave pointers to objects on their stacks in lists.
set -eu

folders=
for folder in src companions cli examples bench python; do
    [ ! -d $folder ] || folders="$folders $folder"
done

# shellcheck disable=SC2086
exec cppcheck --quiet --error-exitcode=1 --std=c11 -j 2 --library=python --inline-suppr \
    --enable=warning,portability --suppress=missingIncludeSystem \
    --suppress=autoVariables -D_GNU_SOURCE -D__linux__ \
    '-DGREEN__VERSION="0"' '-DGREEN__HUB_DIR="/"' -DPY_VERSION_HEX=0x030b0000 \
    '-DPy_TRASHCAN_BEGIN(object, function)=' -DPy_TRASHCAN_END= -Iinclude -Isrc \
    --template='{file}:{line}: {message} [{id}]' $folders
