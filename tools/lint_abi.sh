#!/bin/sh
# The binary interface is that of the last release: functions, and the structs that
# programs fill in or keep. Additions are allowed.
#
#     lint_abi.sh LIBRARY.so            compares it with tools/abi/greenhub-*.abi.gz
#     lint_abi.sh LIBRARY.so --update   writes that: at each release, and before
#                                       the first one at each change
set -eu

library=$1
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
released=$(find tools/abi -name 'greenhub-*.abi.gz' | sort -V | tail -n 1)
machine=$(uname -m)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ "$machine" != x86_64 ]; then
    echo "skipped: the description is of x86_64, this is $machine"
    exit 0
fi
abidw --suppressions tools/abi/public.suppr --exported-interfaces-only \
    --no-show-locs --no-corpus-path --no-comp-dir-path --no-elf-needed \
    --out-file "$scratch/now.abi" "$library"
if [ "${2:-}" = --update ]; then
    gzip -9nc "$scratch/now.abi" >"tools/abi/greenhub-$version.abi.gz"
    exit 0
fi
gzip -dc "$released" >"$scratch/released.abi"
if ! abidiff --no-added-syms "$scratch/released.abi" "$scratch/now.abi" \
    >"$scratch/report"; then
    cat "$scratch/report"
    echo "the binary interface is not that of $released"
    exit 1
fi
