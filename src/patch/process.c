/* Waiting for child processes. */
#include <sys/resource.h>

#include "greenthread/call.h"
#include "patch/cancel.h"
#include "patch/worker.h"
#include "process/wait.h"

/* ---- wait and its forms --------------------------------------------------- */

static pid_t wait_green(pid_t pid, int *status, int options,
                        struct rusage *usage)
{
    int before = errno;
    pid_t found;

    if (green__call_begins() < 0)
        return -1;
    for (;;) {
        found = green__real()->wait4(pid, status, options | WNOHANG, usage);
        if (found != 0 || (options & WNOHANG))
            break;
        if (green__child_wait(pid, options & (WUNTRACED | WCONTINUED)) < 0)
            return -1;
    }
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return (pid_t)green__kept(before, found);
}

GREEN__HOOK pid_t wait(int *status)
{
    if (green__is_green_point(GREEN_PATCH_PROCESS))
        return (pid_t)green__point_ends(wait_green(-1, status, 0, NULL));
    return green__real()->wait(status);
}

GREEN__HOOK pid_t waitpid(pid_t pid, int *status, int options)
{
    if (green__is_green_point(GREEN_PATCH_PROCESS))
        return (pid_t)green__point_ends(wait_green(pid, status, options, NULL));
    return green__real()->waitpid(pid, status, options);
}

GREEN__HOOK pid_t wait3(int *status, int options, struct rusage *usage)
{
    if (green__is_green_point(GREEN_PATCH_PROCESS))
        return (pid_t)green__point_ends(wait_green(-1, status, options, usage));
    return green__real()->wait3(status, options, usage);
}

GREEN__HOOK pid_t wait4(pid_t pid, int *status, int options,
                        struct rusage *usage)
{
    if (green__is_green_point(GREEN_PATCH_PROCESS))
        return (pid_t)green__point_ends(
            wait_green(pid, status, options, usage));
    return green__real()->wait4(pid, status, options, usage);
}

/* ---- waitid ----------------------------------------------------------------- */

/* The same for waitpid; -2 if it has no such form. */
static pid_t pid_of(idtype_t type, id_t id)
{
    switch ((int)type) {
    case P_ALL:
        return -1;
    case P_PID:
        return (pid_t)id;
    case P_PGID:
        return id ? -(pid_t)id : 0;
    default:
        return -2;
    }
}

static int waitid_green(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int waits = (options & WSTOPPED ? WUNTRACED : 0) |
                (options & WCONTINUED ? WCONTINUED : 0);
    int before = errno;

    if (green__call_begins() < 0)
        return -1;
    for (;;) {
        info->si_pid = 0;
        if (green__real()->waitid(type, id, info, options | WNOHANG) < 0)
            return -1;
        if (info->si_pid != 0)
            break;
        if (green__child_wait(pid_of(type, id), waits) < 0)
            return -1;
    }
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return (int)green__kept(before, 0);
}

/* A pidfd, or a wait that does not end at the end of a child: native. */
GREEN__HOOK int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    siginfo_t unused;

    if ((options & WNOHANG) || !(options & WEXITED) || pid_of(type, id) == -2 ||
        !green__is_green_point(GREEN_PATCH_PROCESS))
        return green__real()->waitid(type, id, info, options);
    return (int)green__point_ends(
        waitid_green(type, id, info ? info : &unused, options));
}

/* ---- Commands --------------------------------------------------------------- */

struct command {
    const char *text;
    int result;
};

static long run_system(void *arg)
{
    struct command *it = arg;

    it->result = green__real()->system(it->text);
    return 0;
}

/* libc's own, on a worker thread: it blocks SIGCHLD in its thread, and ignores
 * SIGINT and SIGQUIT, until the command has ended. */
GREEN__HOOK int system(const char *command)
{
    struct command it = {.text = command};
    int before = errno;

    if (!command || !green__is_green(GREEN_PATCH_PROCESS) ||
        !green__on_worker(GREEN__THREAD_POOL, run_system, &it))
        (void)run_system(&it);
    return (int)green__kept(before, it.result);
}
