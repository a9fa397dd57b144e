#!/bin/sh
# test.sh MACHINE [OPTION of tools/run_tests.py...]
#
# Cross-builds for a line of tools/cross/machines, and runs tests: under qemu-user, but
# for what this machine runs itself.
set -eu

machine=$1
shift
here=$(dirname "$0")
sysroot=build-$machine-sysroot

"$here/../setup.sh" build test "cross-$machine"
"$here/sysroot.sh" "$machine" "$sysroot"
"$here/../configure.sh" "build-$machine" --cross-file "$sysroot/cross.ini" \
    -Dbench=false
echo "$machine:"
emulator=
if grep -q qemu "$sysroot/cross.ini"; then
    emulator="$here/../sanitized.sh qemu"
fi
# shellcheck disable=SC2086
exec $emulator "$here/../run_tests.py" "build-$machine" "$@"
