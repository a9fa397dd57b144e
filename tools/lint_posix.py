#!/usr/bin/env python3
"""A build with -Dplatform=posix uses POSIX.1-2008, and little more.

    lint_posix.py BUILD_DIRECTORY

The compiler hides what POSIX.1-2008 does not have from most files of such a build: it
is given _XOPEN_SOURCE=700 in place of _GNU_SOURCE. This looks at the rest: each symbol
that the library's objects want of others, and each header that its sources include, is
in a list below; and only the files of a list ask the headers for more than POSIX.
"""

import json
import os
import re
import subprocess
import sys

import sources

# The library's functions of POSIX.1-2008, all of which a system has to have.
FUNCTIONS = """
accept access atexit bind calloc clock_gettime close closedir connect dirfd dlclose dlerror dlopen
dlsym dprintf dup dup2 environ fclose fcntl fdatasync fgets fopen free freeaddrinfo
fstat fstatat fsync gai_strerror getaddrinfo getcwd getegid getenv geteuid getgid
gethostname getnameinfo getpeername getpgrp getpid getrlimit getsockname getsockopt
getuid gmtime_r if_indextoname if_nametoindex inet_ntop isatty kill listen localtime_r
lseek lstat malloc memchr memcmp memcpy memmove memset mmap mprotect munmap nanosleep
open opendir openat pipe poll posix_spawn_file_actions_addclose
posix_spawn_file_actions_adddup2 posix_spawn_file_actions_destroy
posix_spawn_file_actions_init posix_spawnattr_destroy posix_spawnattr_init
posix_spawnattr_setflags posix_spawnattr_setsigdefault posix_spawnattr_setsigmask
posix_spawnp pread pselect pthread_atfork pthread_attr_destroy pthread_attr_init
pthread_attr_setdetachstate pthread_cond_broadcast pthread_cond_destroy
pthread_cond_init pthread_cond_signal pthread_cond_timedwait pthread_cond_wait
pthread_condattr_destroy pthread_condattr_init pthread_condattr_setclock
pthread_create pthread_exit pthread_join pthread_key_create pthread_mutex_destroy
pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_once pthread_self
pthread_setcancelstate pthread_setcanceltype pthread_setspecific pthread_sigmask
pwrite qsort raise read readdir readv realloc recv recvfrom recvmsg rewinddir sched_yield select send
sendmsg sendto setsockopt shutdown sigaction sigaddset sigaltstack sigemptyset
sigfillset sigismember sigpending sigtimedwait snprintf socket socketpair stat stpcpy
strcasecmp strchr strcmp strcspn strdup strerror strlen strncmp strncpy strnlen
strpbrk strrchr strspn strstr strtol strtoul strtoull sysconf tcgetattr tdelete tfind
time tsearch unlink vsnprintf waitid waitpid write writev
""".split()

# What POSIX.1-2008 does not have, and all systems do that greenhub is meant for.
MORE = {
    "dladdr": "src/base/code.c",
    "getifaddrs": "src/net/answer.c",
    "freeifaddrs": "src/net/answer.c",
    "ioctl": "FIONREAD alone; POSIX had it for STREAMS",
    "__progname": "weak: src/base/environment_posix.c",
    "__cxa_get_globals": "weak: of the C++ runtime, if there is one",
    "_Unwind_Backtrace": "of the compiler",
    "_Unwind_GetIP": "of the compiler",
}

# What the compiler and the C library's headers make of the above.
MADE = {"_GLOBAL_OFFSET_TABLE_", "__assert_fail", "__errno_location",
        "__stack_chk_fail", "__tls_get_addr"}
ALIAS = re.compile(r"^(?:__isoc\w\w_)?([a-z_0-9]+?)(?:64)?$")

HEADERS = set("""
arpa/inet.h assert.h dirent.h dlfcn.h errno.h fcntl.h inttypes.h limits.h net/if.h
netdb.h netinet/in.h netinet/tcp.h poll.h pthread.h sched.h search.h signal.h spawn.h
stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h
sys/mman.h sys/resource.h sys/select.h sys/socket.h sys/stat.h sys/types.h sys/uio.h
sys/un.h sys/wait.h termios.h time.h ucontext.h unistd.h
""".split()) | {
    "ifaddrs.h", "sys/ioctl.h",  # MORE
    "unwind.h",  # the compiler's
    "valgrind/valgrind.h",  # if it is installed
}
# The headers of the library's own.
OWN = ("greenhub/", "greenhub.h")

# Who asks for more than POSIX: MAP_ANONYMOUS; dladdr; codes of getaddrinfo;
# SO_REUSEPORT; RFC 3678's groups.
WIDER = {"src/base/code.c", "src/context/memory_posix.c", "src/net/codes.c",
         "src/net/listeners.c", "src/net/multicast.c"}

INCLUDE = re.compile(r"^\s*#\s*include\s*<([^>]*)>", re.M)
ASKS = re.compile(r"^\s*#\s*define\s+_\w+_SOURCE\b", re.M)
PROC = re.compile(r'"/proc/')


def selection(build):
    """(source, object) of each file of the shared library."""
    with open(os.path.join(build, "compile_commands.json")) as file:
        for command in json.load(file):
            if "/libgreenhub.so" in command["output"]:
                source = os.path.normpath(os.path.join(build, command["file"]))
                yield (os.path.relpath(source, sources.ROOT),
                       os.path.join(build, command["output"]))


def wanted(path):
    out = subprocess.run(["nm", "-u", path], check=True, capture_output=True,
                         text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def is_known(symbol):
    if symbol.startswith(("green_", "green__")) or symbol in MADE | set(MORE):
        return True
    return ALIAS.match(symbol) and ALIAS.match(symbol).group(1) in FUNCTIONS


def lint_source(path):
    text = sources.without_comments(sources.text(path))
    for header in INCLUDE.findall(text):
        if header not in HEADERS and not header.startswith(OWN):
            sources.problem(path, 1, "includes <%s>, which POSIX.1-2008 does not have"
                            % header)
    if path.endswith(".c") and bool(ASKS.search(text)) != (path in WIDER):
        sources.problem(path, 1, "asks for more than POSIX, or no longer does")
    if PROC.search(text):
        sources.problem(path, 1, "reads /proc, which is Linux's")


def main():
    build = os.path.abspath(sys.argv[1])
    files = sorted(selection(build))
    for source, path in files:
        lint_source(source)
        for symbol in sorted(wanted(path)):
            if not is_known(symbol):
                sources.problem(source, 1, "uses %s, which POSIX.1-2008 does not have"
                                % symbol)
    if not files:
        sources.problem("src/meson.build", 1, "no object in " + build)
    print("%d objects" % len(files))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
