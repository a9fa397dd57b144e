/* A peer that knows nothing of this library: the system's Python. */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <fcntl.h>
#include <unistd.h>

#include "support.h"

#define PYTHON "/usr/bin/python3"

static inline bool has_python(void)
{
    return access(PYTHON, X_OK) == 0 && !is_emulated();
}

/* What all the scripts begin with; descriptor 3 is the one passed on. */
#define PYTHON_BEGIN                                                           \
    "import array, os, socket, struct, sys\n"                                  \
    "def inherited():\n"                                                       \
    "    return socket.socket(fileno=3)\n"

/* Runs a script with an argument; a descriptor of at least 0 is its number 3.
 * Returns the process; wait_child gives its exit status, not 0 for an
 * exception. */
static inline pid_t start_python(const char *script, const char *arg, int fd)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    if (fd == 3)
        fcntl(fd, F_SETFD, 0);
    else if (fd >= 0)
        dup2(fd, 3);
    execl(PYTHON, PYTHON, "-c", script, arg, (char *)NULL);
    _exit(127);
}

#endif
