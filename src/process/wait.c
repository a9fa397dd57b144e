/*
 * Waiting for children. Each wait is tried first, then slept through by a
 * descriptor, or an OS thread, that is ready when another try is worth it: so
 * what ends the wait loses nothing.
 */
#include "process/wait.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/process.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "sync/worker_pool.h"

int green__wait_and_close(int fd)
{
    int result = green_wait(fd, GREEN_READ, GREEN_FOREVER) < 0 ? -1 : 0;
    int error = errno;

    green_close(fd);
    errno = error;
    return result;
}

struct child_wait {
    idtype_t type;
    id_t id;
    int options;
};

/* On a thread of the pool. It leaves the child for waitpid: its caller may have
 * gone meanwhile. */
static long wait_for_child(void *arg)
{
    const struct child_wait *it = arg;
    siginfo_t info;
    int result;

    do
        result = green__system.waitid(it->type, it->id, &info, it->options);
    while (result < 0 && errno == EINTR);
    return result;
}

static int wait_on_thread(pid_t pid, int options)
{
    struct child_wait *it = green__system.allocate(1, sizeof *it);
    const struct green__work work = {.fn = wait_for_child,
                                     .arg = it,
                                     .may_leave = true,
                                     .left = green__system.release,
                                     .restarts = true};
    long result;

    if (!it)
        return green__refuse(ENOMEM);
    it->type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    it->id = (id_t)(pid > 0 ? pid : pid == 0 ? getpgrp() : -pid);
    it->options = options | WEXITED | WNOWAIT;
    if (green__worker_pool_run(GREEN__THREAD_POOL, &work, &result) < 0)
        return -1;
    green__system.release(it);
    return result < 0 && errno != ECHILD ? -1 : 0;
}

int green__child_wait(pid_t pid, int options)
{
    int fd = -1;

    if (pid > 0 && options == 0) {
        fd = green__system.pidfd_open(pid, 0);
        if (fd < 0 && errno == ESRCH)
            return 0; /* somebody else has waited for it */
    }
    return fd < 0 ? wait_on_thread(pid, options) : green__wait_and_close(fd);
}

pid_t green_waitpid(pid_t pid, int *status, int options)
{
    pid_t found;

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED))
        return green__refuse(EINVAL);
    if (green__call_begins() < 0)
        return -1;
    found = green__system.waitpid(pid, status, options | WNOHANG);
    if (found != 0 || (options & WNOHANG)) {
        green__call_ends(GREEN__COST_SYSTEM_CALL);
        return found;
    }
    while (found == 0) {
        if (green__child_wait(pid, options) < 0)
            return -1;
        found = green__system.waitpid(pid, status, options | WNOHANG);
    }
    return found;
}
