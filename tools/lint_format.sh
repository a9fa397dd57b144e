#!/bin/sh
# Whether every C file is as clang-format leaves it; --fix makes it so.
set -eu

folders=
for folder in include src cli examples tests bench python preload; do
    [ ! -d $folder ] || folders="$folders $folder"
done
# shellcheck disable=SC2086
paths=$(find $folders -name '*.[ch]' | sort)

if [ "${1-}" = --fix ]; then
    # shellcheck disable=SC2086
    exec clang-format --style=file -i $paths
fi

# One line for each line that differs, and not two or three.
# shellcheck disable=SC2086
if found=$(clang-format --style=file --dry-run -Werror $paths 2>&1); then
    exit 0
fi
printf '%s\n' "$found" | sed -n \
    's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format has it/p' |
    uniq
echo "'make format' puts it right ($(clang-format --version))"
exit 1
