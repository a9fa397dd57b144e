#!/bin/sh
# Checks that every C file is formatted by clang-format; --fix formats them.
set -eu

folders=
for folder in include src companions cli examples tests bench python preload; do
    [ ! -d $folder ] || folders="$folders $folder"
done
# shellcheck disable=SC2086
paths=$(find $folders -name '*.[ch]' | sort)

if [ "${1-}" = --fix ]; then
    # shellcheck disable=SC2086
    exec clang-format --style=file -i $paths
fi

# Prints each line that differs once, not two or three times.
# shellcheck disable=SC2086
if found=$(clang-format --style=file --dry-run -Werror $paths 2>&1); then
    exit 0
fi
printf '%s\n' "$found" | sed -n \
    's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format has it/p' |
    uniq
echo "'make format' corrects this ($(clang-format --version))"
exit 1
