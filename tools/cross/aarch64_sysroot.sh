#!/bin/sh
# aarch64_sysroot.sh DIRECTORY
#
# Unpacks the aarch64 packages that the tests link with (libcheck, libevent,
# liburing) below a directory of the build, and writes DIRECTORY/sysroot.ini for
# meson. It does not change the machine: apt gets the other architecture in a
# temporary state, for this download only.
set -eu

packages='check libsubunit0 libsubunit-dev libevent-dev libevent-core-2.1-7 liburing2 liburing-dev'

mkdir -p "$1"
directory=$(cd "$1" && pwd)
[ ! -f "$directory/sysroot.ini" ] || exit 0

apt=$directory/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$directory/debs"
: >"$apt/status"

# foreign_apt COMMAND...: apt-get for arm64, as if no package were installed
foreign_apt()
{
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User=root "$@"
}

echo "Fetching aarch64's libcheck, libevent and liburing ..." >&2
log=$directory/apt.log
if ! foreign_apt update >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
# The names contain library versions that differ between releases: a package that is
# missing under this name shows up at link time.
for package in $packages; do
    (cd "$directory/debs" && foreign_apt download "$package") >>"$log" 2>&1 ||
        echo "aarch64_sysroot.sh: no package $package, continuing" >&2
done
for deb in "$directory"/debs/*.deb; do
    dpkg -x "$deb" "$directory/root"
done
rm -rf "$apt" "$directory/debs"

libraries=/usr/lib/aarch64-linux-gnu
cat >"$directory/sysroot.ini" <<INI
[binaries]
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$directory/root$libraries']

[properties]
sys_root = '$directory/root'
pkg_config_libdir = '$directory/root$libraries/pkgconfig'
needs_exe_wrapper = true
emulator = 'qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$directory/root$libraries'
INI
