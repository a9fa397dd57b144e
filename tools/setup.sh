#!/bin/sh
# setup.sh PURPOSE...      (build, test, test-patch, test-install, bench, bench-peers,
#                          lint, fuzz, manual, coverage, valgrind, deb, python,
#                          test-python, bench-python; cross-MACHINE of
#                          tools/cross/machines)
#
# Makes sure that the packages for a purpose are installed. Usually they are. Otherwise
# it installs the missing ones from Debian or Ubuntu if it has the rights, or else
# prints the command that does so, and fails.
set -eu

compiler=${CC:-cc} # may carry options: "ccache gcc"
missing=
optional=

# need COMMAND PACKAGE
need()
{
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

# need_library MODULE PACKAGE
need_library()
{
    pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

# need_file PATH PACKAGE: for packages that pkg-config does not know
need_file()
{
    [ -e "$1" ] || missing="$missing $2"
}

# need_server PATTERN PACKAGE: for programs below /usr/lib, outside PATH
need_server()
{
    # shellcheck disable=SC2086
    ls /usr/lib/$1 >/dev/null 2>&1 || missing="$missing $2"
}

# need_python MODULE PACKAGE: for the system's Python
need_python()
{
    ${PYTHON:-/usr/bin/python3} -c "import $1" >/dev/null 2>&1 ||
        missing="$missing $2"
}

# want_file PATH PACKAGE: optional
want_file()
{
    [ -e "$1" ] || optional="$optional $2"
}

# want_header HEADER PACKAGE: optional, for headers that pkg-config does not know
want_header()
{
    echo "#include <$1>" | $compiler -E - >/dev/null 2>&1 ||
        optional="$optional $2"
}

# want_library MODULE PACKAGE: optional
want_library()
{
    pkg-config --exists "$1" 2>/dev/null || optional="$optional $2"
}

# want_server PATTERN PACKAGE: can be done without
want_server()
{
    # shellcheck disable=SC2086
    ls /usr/lib/$1 >/dev/null 2>&1 || optional="$optional $2"
}

for purpose; do
    case $purpose in
    build)
        if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
            missing="$missing gcc libc6-dev"
        elif ! echo '#include <stdio.h>' | $compiler -E - >/dev/null 2>&1; then
            missing="$missing libc6-dev"
        fi
        need python3 python3
        need meson meson
        need ninja ninja-build
        need pkg-config pkg-config
        want_library libevent_core libevent-dev
        want_library liburing liburing-dev
        want_library libcares libc-ares-dev
        want_library libdw libdw-dev
        want_library openssl libssl-dev
        want_header sys/sdt.h systemtap-sdt-dev
        want_file /usr/share/llhttp/llhttp.c node-llhttp
        want_library libnghttp2 libnghttp2-dev
        want_library zlib zlib1g-dev
        want_header wslay/wslay.h libwslay-dev
        want_library libbrotlidec libbrotli-dev
        want_library libzstd libzstd-dev
        ;;
    test)
        need python3 python3
        need_library check check
        need_file /usr/sbin/nginx nginx-light
        need redis-server redis-server
        need nc netcat-openbsd
        need socat socat
        need tmux tmux
        need curl curl
        want_file /usr/sbin/dnsmasq dnsmasq-base
        need strace strace
        want_file /usr/bin/wrk wrk
        want_file /usr/bin/h2load nghttp2-client
        want_file /usr/lib/python3/dist-packages/websockets/__init__.py \
            python3-websockets
        want_file /usr/lib/python3/dist-packages/websocket/__init__.py \
            python3-websocket
        want_file /usr/bin/gdb gdb
        command -v c++ >/dev/null 2>&1 || optional="$optional g++"
        want_file /usr/bin/openssl openssl
        want_file /usr/bin/tinyproxy tinyproxy-bin
        want_file /usr/bin/zstd zstd
        want_file /usr/include/c++/v1/string "libc++-dev libc++abi-dev"
        ;;
    test-patch)
        # Programs that `greenhub run` is tested with.
        need microsocks microsocks
        need tinyproxy tinyproxy-bin
        need_file /usr/bin/stunnel4 stunnel4
        need memcached memcached
        need nbdkit nbdkit
        need_file /usr/sbin/privoxy privoxy
        need openssl openssl
        need_library libmicrohttpd libmicrohttpd-dev
        # Libraries that block and servers for them. Where one is missing, its
        # tests say so and are skipped. mariadb-server, the largest, takes 170 MB.
        want_library libpq libpq-dev
        want_server postgresql/*/bin/postgres postgresql
        want_library hiredis libhiredis-dev
        want_library libcurl libcurl4-openssl-dev
        want_library openssl libssl-dev
        want_file /usr/bin/openssl openssl
        want_library libssh2 libssh2-1-dev
        want_file /usr/sbin/sshd openssh-server
        want_file /usr/bin/ssh-keygen openssh-client
        want_library libmariadb libmariadb-dev
        want_file /usr/sbin/mariadbd mariadb-server
        # The page of the example of a chat.
        want_file /usr/bin/chromium chromium
        want_file /usr/lib/python3/dist-packages/websocket/__init__.py \
            python3-websocket
        ;;
    test-install)
        need cmake cmake
        need readelf binutils
        need git git
        need abidiff abigail-tools
        need cmark-gfm cmark-gfm
        need mandoc mandoc
        want_file /usr/bin/chromium chromium
        ;;
    bench)
        need python3 python3
        ;;
    bench-peers)
        need c++ g++
        need go golang-go
        need_library libuv libuv1-dev
        need_library libevent libevent-dev
        need_library st libst-dev
        need_file /usr/include/ev.h libev-dev
        need_file /usr/include/boost/context/fiber.hpp libboost-context-dev
        ;;
    lint)
        need python3 python3
        need nm binutils
        need c++ g++
        need clang-format clang-format
        need clang-tidy clang-tidy
        need cppcheck cppcheck
        need codespell codespell
        need abidiff abigail-tools
        need mandoc mandoc
        need_library check check
        ;;
    fuzz)
        need clang clang
        # Some distributions have the fuzzer's runtime in this separate package.
        if ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
            clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null; then
            missing="$missing g++ $(apt-cache pkgnames libclang-rt-dev \
                2>/dev/null | grep -x libclang-rt-dev || :)"
        fi
        need_library check check
        ;;
    manual)
        need python3 python3
        need mandoc mandoc
        need cmark-gfm cmark-gfm
        ;;
    coverage)
        need gcovr gcovr
        ;;
    valgrind)
        need valgrind valgrind
        ;;
    deb)
        need dh debhelper
        need dh_python3 dh-python
        need lintian lintian
        need debootstrap debootstrap
        need_library libevent_core libevent-dev
        need_library liburing liburing-dev
        need_library libcares libc-ares-dev
        need_library openssl libssl-dev
        need_file /usr/share/llhttp/llhttp.c node-llhttp
        need_library libnghttp2 libnghttp2-dev
        need_file /usr/include/wslay/wslay.h libwslay-dev
        need_library zlib zlib1g-dev
        need_library libbrotlidec libbrotli-dev
        need_library libzstd libzstd-dev
        ;;
    cross-*)
        read -r _ triplet debian _ _ qemu <<LINE
$(grep "^${purpose#cross-} " "$(dirname "$0")/cross/machines")
LINE
        if [ -z "$triplet" ]; then
            echo "setup.sh: tools/cross/machines has no ${purpose#cross-}" >&2
            exit 2
        fi
        need "qemu-$qemu" qemu-user
        need "$triplet-gcc" "gcc-$triplet"
        want_file "/usr/bin/$triplet-g++" "g++-$triplet"
        want_file /usr/bin/gdb-multiarch gdb-multiarch
        if ! echo '#include <stdio.h>' | "$triplet-gcc" -E - >/dev/null 2>&1; then
            missing="$missing libc6-dev-$debian-cross"
        fi
        ;;
    musl)
        need musl-gcc musl-tools
        need cmake cmake
        ;;
    python)
        need_file /usr/bin/python3 python3
        need_python ensurepip python3-venv
        need_python greenlet python3-greenlet
        need_python eventlet python3-eventlet
        need_python mesonpy python3-mesonpy
        want_file /usr/share/llhttp/llhttp.c node-llhttp
        if ! ${PYTHON:-/usr/bin/python3} -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
            2>/dev/null; then
            missing="$missing python3-dev"
        fi
        ;;
    test-python)
        need_python pytest python3-pytest
        need strace strace
        need_python psycopg2 python3-psycopg2
        need_python redis python3-redis
        need_python websocket python3-websocket
        need_python daemon python3-daemon
        need gunicorn gunicorn
        need curl curl
        need openssl openssl
        need wrk wrk
        need redis-server redis-server
        need_server postgresql/*/bin/postgres postgresql
        ;;
    bench-python)
        need_python gevent python3-gevent
        need_python uvloop python3-uvloop
        ;;
    *)
        echo "setup.sh: unknown purpose: $purpose" >&2
        exit 2
        ;;
    esac
done

wanted=$missing
# Tries optional packages only once; the build works without them.
refused=build-without-packages
if [ -n "$optional" ] && [ ! -f "$refused" ]; then
    wanted="$missing$optional"
fi
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    if [ -z "$missing" ]; then
        exit 0
    fi
    echo "Missing, and there is no apt-get here to install it with:" >&2
    echo "   $missing (as Debian calls them)" >&2
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root=sudo
else
    if [ -z "$missing" ]; then
        echo "Going on without$optional. To have it:" \
            "sudo apt-get install -y$optional" >&2
        exit 0
    fi
    echo "Some packages are missing. Install them with:" >&2
    echo >&2
    echo "    sudo apt-get update && sudo apt-get install -y$wanted" >&2
    echo >&2
    exit 1
fi

# The tests start servers themselves. Services of the packages must not run, now or
# after a reboot: a policy prevents the installation from starting them, and
# afterwards they are disabled.
policy=/usr/sbin/policy-rc.d
forbid_services()
{
    [ ! -e $policy ] || return 0
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
}

allow_services()
{
    [ -z "$made_policy" ] || $as_root rm -f $policy
    for service in redis-server postgresql memcached microsocks privoxy \
        stunnel4; do
        case " $wanted " in
        *" $service "*)
            $as_root systemctl disable $service >/dev/null 2>&1 || :
            ;;
        esac
    done
}

# installs PACKAGE...
install()
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@" </dev/null >"$log" 2>&1
}

update()
{
    $as_root apt-get -o DPkg::Lock::Timeout=300 update -q </dev/null >"$log" 2>&1
}

log=$(mktemp)
made_policy=
trap 'allow_services; rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
forbid_services
echo "Installing$wanted ..." >&2

# If the package lists are absent or stale, it tries again with new ones. A missing
# optional package must not stop the others.
# shellcheck disable=SC2086
if install $wanted || { update && install $wanted; }; then
    exit 0
elif [ -n "$optional" ] && { [ -z "$missing" ] || install $missing; }; then
    : >"$refused"
    for package in $optional; do
        install "$package" ||
            echo "Going on without $package, which could not be installed." >&2
    done
    exit 0
fi
tail -n 20 "$log" >&2
echo "These packages could not be installed:$missing" >&2
exit 1
