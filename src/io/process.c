/*
 * Children and signals. Each is tried first, then waited for by a descriptor that
 * is ready when another try is worth it: so what ends the wait loses nothing.
 */
#include <greenhub/process.h>

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <greenhub/io.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "io/process.h"
#include "sync/worker_pool.h"

/* Waits for a descriptor of our own, and closes it. 0, or -1 with errno. */
static int wait_and_close(int fd)
{
    int result = green_wait(fd, GREEN_READ, GREEN_FOREVER) < 0 ? -1 : 0;
    int error = errno;

    green_close(fd);
    errno = error;
    return result;
}

/* ---- Children -------------------------------------------------------- */

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
                                     .left = green__system.release};
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
    return fd < 0 ? wait_on_thread(pid, options) : wait_and_close(fd);
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

/* ---- Signals --------------------------------------------------------- */

static bool is_blocked(const sigset_t *set)
{
    sigset_t blocked;

    if (green__system.pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0)
        return false;
    for (int i = 1; i < NSIG; i++)
        if (sigismember(set, i) == 1 && sigismember(&blocked, i) != 1)
            return false;
    return true;
}

/* One that is pending: its number; 0: none; or -1 with errno. */
static int take_pending(const sigset_t *set, siginfo_t *info)
{
    static const struct timespec at_once;
    int found;

    do
        found = green__system.sigtimedwait(set, info, &at_once);
    while (found < 0 && errno == EINTR);
    return found < 0 && errno == EAGAIN ? 0 : found;
}

int green_signal_wait(const sigset_t *set, siginfo_t *info)
{
    int found, fd;

    if (!set || !is_blocked(set))
        return green__refuse(EINVAL);
    if (green__call_begins() < 0)
        return -1;
    found = take_pending(set, info);
    if (found != 0) {
        green__call_ends(GREEN__COST_SYSTEM_CALL);
        return found;
    }
    while (found == 0) {
        fd = green__system.signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0 || wait_and_close(fd) < 0)
            return -1;
        found = take_pending(set, info);
    }
    return found;
}
