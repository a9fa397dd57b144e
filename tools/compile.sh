#!/bin/sh
# compile.sh BUILD_DIRECTORY [TARGET...]: builds, and prints only warnings and
# errors.
set -eu

status=0
output=$(ninja -C "$@" --quiet 2>&1) || status=$?
printf '%s\n' "$output" | sed -e '/^$/d' -e '/^ninja: no work to do/d' \
    -e '/^ninja: Entering directory/d' >&2
exit $status
