#!/bin/sh
# sanitized.sh asan|tsan|valgrind|qemu COMMAND...
#
# Runs a command, the tests, in the environment for a checker or an emulator: with
# strict settings, and with more time for each case.
set -eu

kind=$1
shift

case $kind in
asan)
    # libcheck forks a process for each case; each searches for its own leaks.
    export ASAN_OPTIONS="halt_on_error=1:detect_leaks=1:\
detect_stack_use_after_return=0:strict_string_checks=1:${ASAN_OPTIONS-}"
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:\
${UBSAN_OPTIONS-}"
    times=4
    ;;
tsan)
    # At its end each case, a process, would sleep for a second to find races
    # with detached threads.
    export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:\
die_after_fork=0:atexit_sleep_ms=0:${TSAN_OPTIONS-}"
    times=8
    ;;
valgrind)
    # The suppressions file of the project gives a reason for each, or is absent.
    suppressions=
    [ ! -f tests/valgrind.supp ] ||
        suppressions="--suppressions=$PWD/tests/valgrind.supp"
    set -- "$@" --wrap "valgrind --quiet --error-exitcode=99 \
--trace-children=yes --child-silent-after-fork=no --leak-check=full \
--errors-for-leak-kinds=definite --show-leak-kinds=definite $suppressions"
    times=25
    ;;
qemu)
    # Some cases need features of the kernel that qemu-user does not emulate.
    export GREENHUB_EMULATED=1
    times=10
    ;;
*)
    echo "sanitized.sh: unknown kind: $kind" >&2
    exit 2
    ;;
esac

export CK_TIMEOUT_MULTIPLIER=$times
export GREENHUB_CHECKER="$kind"
exec "$@" --timeout-multiplier $times
