#!/bin/sh
# musl_root.sh DIRECTORY
#
# Makes a root for programs on musl below a directory of the build, and writes
# DIRECTORY/musl.ini for meson: the kernel's headers, which Debian's musl-gcc does not
# look for, and libcheck, which Debian has for glibc alone: it is built from Debian's
# source. It does not change the machine: apt gets the source by a temporary state.
set -eu

mkdir -p "$1"
directory=$(cd "$1" && pwd)
[ ! -f "$directory/musl.ini" ] || exit 0

apt=$directory/apt
log=$directory/log
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb-src http://deb.debian.org/debian $codename main" >"$apt/sources.list"

# source_apt COMMAND...: apt-get with the sources of Debian alone
source_apt()
{
    apt-get -q -o Dir::Etc::SourceList="$apt/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$apt" \
        -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@"
}

# quietly COMMAND...: prints what it says only if it fails
quietly()
{
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}

mkdir -p "$directory/include"
for folder in /usr/include/linux /usr/include/asm-generic \
    "/usr/include/$(cc -print-multiarch)/asm"; do
    ln -sfn "$folder" "$directory/include/${folder##*/}"
done

echo "Building libcheck on musl ..." >&2
cd "$directory"
quietly source_apt update
quietly source_apt source --download-only check
mkdir -p source
tar -xf check_*.orig.tar.* -C source --strip-components=1
quietly cmake -S source -B check -DCMAKE_C_COMPILER=musl-gcc \
    -DCMAKE_INSTALL_PREFIX="$directory/root" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DBUILD_SHARED_LIBS=OFF \
    -DCHECK_ENABLE_SUBUNIT=OFF
quietly cmake --build check
quietly cmake --install check
rm -rf "$apt" source check check_* root/lib/libcheck.so*

cat >"$directory/musl.ini" <<INI
[binaries]
c = ['musl-gcc', '-isystem', '$directory/include']
pkgconfig = 'pkg-config'

[properties]
pkg_config_libdir = '$directory/root/lib/pkgconfig'
needs_exe_wrapper = false

[host_machine]
system = 'linux'
cpu_family = '$(uname -m)'
cpu = '$(uname -m)'
endian = 'little'
INI
