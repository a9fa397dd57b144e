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
log=$directory.log

# One by one: asked for several, pkg-config says nothing when one is missing.
libraries=
for library in check libevent_core libevent liburing; do
    libraries="$libraries $library=$(pkg-config --modversion "$library" \
        2>/dev/null || :)"
done
# Meson would remember that the header was missing.
if [ -e /usr/include/valgrind/valgrind.h ]; then
    libraries="$libraries valgrind"
fi

# Where it is to be installed can change in place.
places=
others=
for option; do
    case $option in
    --prefix=* | --libdir=*) places="$places $option" ;;
    *) others="$others $option" ;;
    esac
done
wanted="$libraries CC=${CC-} CFLAGS=${CFLAGS-} LDFLAGS=${LDFLAGS-}$others"

# stamped TEXT: whether the directory was set up so
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

# Options that were given last time and not now have to go back to their
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
