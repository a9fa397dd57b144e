#!/bin/sh
# test.sh FOLDER
#
# Installs the packages of FOLDER (deb.sh's) with apt in a new Debian system of its own,
# made by debootstrap, uses each of them there, and removes them again. Needs root. The
# programs run in a network namespace with a loopback device and nothing else.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
debs=$(cd "$1" && pwd)
root=$(mktemp -d)
passed=0 failed=0

end()
{
    umount "$root/proc" 2>/dev/null || :
    rm -rf "$root"
}
trap end EXIT

# check TEXT COMMAND...
check()
{
    text=$1
    shift
    if "$@" >"$root.log" 2>&1; then
        echo "ok      $text"
        passed=$((passed + 1))
    else
        echo "FAILED  $text"
        sed 's/^/        /' "$root.log"
        failed=$((failed + 1))
    fi
    rm -f "$root.log"
}

inside()
{
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# The archive that this system's apt uses, and all that apt needs to know to use it.
make_system()
{
    archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
        head -n 1)
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    debootstrap --variant=minbase "$suite" "$root" "$archive" &&
        rm -f "$root/etc/apt/sources.list" &&
        cp -r /etc/apt/. "$root/etc/apt/" &&
        mount -t proc proc "$root/proc" &&
        inside apt-get -q update
}

# Lists what is in the system, but for what changes by itself.
list_files()
{
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./tmp -o -path ./var/log \
        -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/lib/dpkg \
        -o -path ./debs -o -path ./program \) -prune -o \
        ! -name '*.pyc' ! -name __pycache__ -print | sort)
}

install_what_they_need()
{
    inside apt-get -qy install --no-install-recommends \
        gcc libc6-dev pkg-config python3-eventlet python3-greenlet &&
        inside apt-get -qy --autoremove purge
}

install_them()
{
    mkdir "$root/debs"
    cp "$debs"/*.deb "$root/debs/"
    rm -f "$root"/debs/*-dbgsym_*
    inside sh -c 'apt-get -qy install --no-install-recommends /debs/*.deb'
}

# README's program, by the flags of pkg-config.
compile_readme()
{
    mkdir -p "$root/program"
    sed -n '/^```c$/,/^```$/p' "$here/../README.md" | sed '/^```/d' \
        >"$root/program/server.c"
    inside sh -c 'cd /program && cc -Wall -Werror server.c -o server \
        $(pkg-config --cflags --libs greenhub)'
}

# A program on the companions, by theirs.
compile_companions()
{
    cp "$here/../tests/installed/companions.c" "$root/program/"
    inside sh -c 'cd /program && cc -Wall -Werror companions.c -o companions \
        $(pkg-config --cflags --libs greenhub-tls greenhub-dns greenhub-http) &&
        ./companions'
}

# In a network namespace of its own.
alone()
{
    unshare --net sh -c 'ip link set lo up && exec "$@"' sh \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root" "$@"
}

nothing_is_left()
{
    list_files >"$root.after"
    diff "$root.before" "$root.after"
    result=$?
    rm -f "$root.before" "$root.after"
    return $result
}

check "a new system is made" make_system
check "what the programs need is installed" install_what_they_need
list_files >"$root.before"
check "the packages are installed by apt" install_them
cp "$here/test_inside.sh" "$root/debs/"
check "README's program compiles by pkg-config" compile_readme
check "a program on the companions compiles, and runs" compile_companions
for case in readme_echoes the_command_shows_hubs a_program_runs_green \
    an_eventlet_service_answers there_are_manual_pages; do
    check "$case" alone sh /debs/test_inside.sh "$case"
done
check "they are removed again" \
    inside apt-get -qy --autoremove purge 'libgreenhub*' greenhub python3-greenhub
check "and nothing is left" nothing_is_left

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
