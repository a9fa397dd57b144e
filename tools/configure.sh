#!/bin/sh
# configure.sh BUILD_DIRECTORY [MESON_OPTION...]
#
# Sets a build directory up, or up to date with other options than last time.
# It costs nothing when nothing has changed. What has changed may also be that an
# optional library has come or gone since.
set -eu

directory=$1
shift
stamp=$directory/configured-with
libraries=$(pkg-config --modversion check libevent_core liburing 2>/dev/null || :)
wanted="$libraries CC=${CC-} CFLAGS=${CFLAGS-} LDFLAGS=${LDFLAGS-} $*"

if [ -f "$directory/build.ninja" ] && [ -f "$stamp" ] &&
    [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

# Options that were given last time and not now have to go back to their
# defaults, so it starts afresh.
rm -rf "$directory"
log=$directory.log
if ! meson setup "$directory" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
mv "$log" "$directory/configure.log"
printf '%s' "$wanted" >"$stamp"
