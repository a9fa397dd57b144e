#!/bin/sh
# sysroot.sh MACHINE DIRECTORY     (MACHINE is a line of tools/cross/machines)
#
# Unpacks that machine's packages that the tests link with (libcheck, libevent,
# liburing) below a directory of the build, and writes DIRECTORY/cross.ini for meson:
# the compiler, the libraries' paths and the command that runs programs. It does not
# change this machine: apt gets the other architecture in a temporary state, for this
# download only. Where Debian has no such packages it builds libcheck from Debian's
# source package.
set -eu

packages='check libsubunit0 libsubunit-dev libevent-dev libevent-core-2.1-7 liburing2 liburing-dev'

machine=$1
read -r _ triplet debian family endian qemu <<LINE
$(grep "^$machine " "$(dirname "$0")/machines")
LINE
if [ -z "$triplet" ]; then
    echo "sysroot.sh: tools/cross/machines has no $machine" >&2
    exit 2
fi

mkdir -p "$2"
directory=$(cd "$2" && pwd)
[ ! -f "$directory/cross.ini" ] || exit 0

apt=$directory/apt
log=$directory/log
libraries=/usr/lib/$triplet
[ "$machine" != i386 ] || libraries=/usr/lib/i386-linux-gnu
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$directory/debs" \
    "$apt/sources" "$directory/root"
: >"$apt/status"

# temporary_apt OPTION... COMMAND...: apt-get, as if no package were installed
temporary_apt()
{
    apt-get -q -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User=root "$@"
}

foreign_apt()
{
    temporary_apt -o APT::Architecture="$debian" \
        -o APT::Architectures::="$debian" "$@"
}

source_apt()
{
    temporary_apt -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$apt/sources" "$@"
}

# The names contain library versions that differ between releases: a package that is
# missing under this name shows up at link time.
unpack_packages()
{
    missing=
    # A list that cannot be had may not be needed.
    foreign_apt update >"$log" 2>&1 || :
    for package in $packages; do
        (cd "$directory/debs" && foreign_apt download "$package") \
            >>"$log" 2>&1 ||
            missing="$missing $package"
    done
    for deb in "$directory"/debs/*.deb; do
        [ ! -f "$deb" ] || dpkg -x "$deb" "$directory/root"
    done
    [ -z "$missing" ] ||
        echo "sysroot.sh: going on without these packages:$missing" >&2
    [ -f "$directory/root$libraries/pkgconfig/check.pc" ]
}

# Each list of sources says "deb" in one of two ways.
build_check()
{
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [ ! -f "$list" ] ||
            sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' \
                "$list" >"$apt/sources/${list##*/}"
    done
    (
        cd "$apt"
        mkdir check
        source_apt update || :
        source_apt source --download-only check
        tar -xf check_*.orig.tar.gz -C check --strip-components=1
        cd check
        ./configure --host="$triplet" --prefix=/usr --libdir="$libraries" \
            --disable-shared --disable-subunit --disable-build-docs
        make -C lib
        make -C src install DESTDIR="$directory/root"
        mkdir -p "$directory/root$libraries/pkgconfig"
        # The library is static: who links with it needs what it needs.
        sed '/^Libs:/s/$/ -lrt -lm/' check.pc \
            >"$directory/root$libraries/pkgconfig/check.pc"
    ) >>"$log" 2>&1
}

echo "Fetching libcheck, libevent and liburing for $machine ..." >&2
if ! unpack_packages; then
    echo "Building libcheck for $machine ..." >&2
    if ! build_check; then
        tail -n 20 "$log" >&2
        exit 1
    fi
fi
rm -rf "$apt" "$directory/debs"

root=$directory/root
loader=/usr/$triplet/lib/ld-linux.so.2
if [ "$machine" = i386 ] && "$loader" --version >/dev/null 2>&1; then
    # This processor runs them itself, and in qemu-i386 (7.2) a forked child spins.
    run="[built-in options]
c_link_args = ['-Wl,--dynamic-linker=$loader', '-Wl,--disable-new-dtags',
  '-Wl,-rpath,/usr/$triplet/lib:$root$libraries']

[properties]
needs_exe_wrapper = false"
else
    emulator="qemu-$qemu -L /usr/$triplet -E LD_LIBRARY_PATH=$root$libraries"
    run="exe_wrapper = ['$(echo "$emulator" | sed "s/ /', '/g")']

[properties]
needs_exe_wrapper = true
emulator = '$emulator'"
fi
cpp=
if command -v "$triplet-g++" >/dev/null; then
    cpp="cpp = '$triplet-g++'"
fi
cat >"$directory/cross.ini" <<INI
[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$machine'
endian = '$endian'

[binaries]
c = '$triplet-gcc'
$cpp
ar = '$triplet-ar'
strip = '$triplet-strip'
pkgconfig = 'pkg-config'
$run
sys_root = '$root'
pkg_config_libdir = '$root$libraries/pkgconfig'
INI
