#!/bin/sh
# configure.sh BUILD_DIRECTORY [MESON_OPTION...]
#
# Sets a build directory up, or reconfigures it if the options have changed, or if
# an optional library was installed or removed. Otherwise it does nothing.
set -eu

directory=$1
shift
stamp=$directory/configured-with
log=$directory.log

# One at a time: for several, pkg-config prints nothing when one is missing.
libraries=
for library in check libevent_core libevent liburing libnghttp2; do
    libraries="$libraries $library=$(pkg-config --modversion "$library" \
        2>/dev/null || :)"
done
# Meson would remember that the header was missing.
if [ -e /usr/include/valgrind/valgrind.h ]; then
    libraries="$libraries valgrind"
fi

# The installation paths can change without a fresh set-up.
places=
others=
for option; do
    case $option in
    --prefix=* | --libdir=*) places="$places $option" ;;
    *) others="$others $option" ;;
    esac
done
wanted="$libraries CC=${CC-} CFLAGS=${CFLAGS-} LDFLAGS=${LDFLAGS-}$others"

# stamped TEXT: whether the directory was set up with these options
stamped()
{
    [ -f "$directory/build.ninja" ] && [ -f "$stamp" ] &&
        case $(cat "$stamp") in
        "$1"*) return 0 ;;
        *) return 1 ;;
        esac
}

if stamped "$wanted
to$places."; then
    exit 0
fi

# Options of the last time that are no longer given must return to their
# defaults, so it starts afresh.
reconfigure=--reconfigure
if ! stamped "$wanted
"; then
    rm -rf "$directory"
    reconfigure=
fi
# shellcheck disable=SC2086
if ! meson setup $reconfigure "$directory" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
mv "$log" "$directory/configure.log"
printf '%s\nto%s.' "$wanted" "$places" >"$stamp"
