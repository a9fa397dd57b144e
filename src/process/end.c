/*
 * How a child ends: its status, and signals to it. A pidfd stands for this child
 * alone. Its number may mean another process once somebody has collected the
 * status, perhaps another child of this process's: so where there is no pidfd, the
 * library asks for the number only as long as nobody has.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "base/portable.h"
#include "base/system.h"
#include "greenthread/call.h"
#include "io/open_file.h"
#include "io/wait.h"
#include "process/pidfd.h"
#include "process/process.h"
#include "process/wait.h"

void green__process_close_pipe(int *fd)
{
    int error = errno;

    if (*fd >= 0)
        green_close(*fd);
    *fd = -1;
    errno = error;
}

/* ---- The status ----------------------------------------------------------- */

/* waitid for the end of this child; info->si_pid is 0 if it goes on. ECHILD: it is
 * no child of this process's any more, and its number may be another's. */
static int ask(struct green_process *process, siginfo_t *info, int options)
{
    int *pidfd = &process->internal.pidfd;
    int result;

    info->si_pid = 0;
    options |= WEXITED | WNOHANG;
    if (*pidfd >= 0) {
        result = green__pidfd_ask(*pidfd, info, options);
        if (result == 0 || errno != EINVAL)
            return result;
        green__process_close_pipe(pidfd); /* Linux 5.3: by number then */
    }
    return green__system.waitid(P_PID, (id_t)process->pid, info, options);
}

/* As waitpid's. */
static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

static void settle(struct green_process *process,
                   enum green__process_state state)
{
    process->internal.state = state;
    green__process_close_pipe(&process->internal.pidfd);
}

int green__process_look(struct green_process *process)
{
    siginfo_t info;

    if (ask(process, &info, 0) < 0) {
        if (errno != ECHILD)
            return -1;
        settle(process, GREEN__PROCESS_LOST);
    } else if (info.si_pid != 0) {
        process->internal.status = status_of(&info);
        settle(process, GREEN__PROCESS_ENDED);
    }
    return 0;
}

void green__process_let_go(struct green_process *process)
{
    settle(process, GREEN__PROCESS_NONE);
}

void green__process_identify(struct green_process *process)
{
    int pidfd = green__system.pidfd_open(process->pid, 0);

    process->internal.pidfd = pidfd;
    if (pidfd >= 0)
        green__io_opened(pidfd, GREEN__FILE_KNOWN | GREEN__FILE_NO_SOCKET |
                                    GREEN__FILE_OTHER);
}

/* ---- Waiting -------------------------------------------------------------- */

/* One wait, and a look; another greenthread may collect the status, and close the
 * pidfd. Returns 0, or -1 with errno while the child still runs. */
static int wait_once(struct green_process *process, struct green__io *io)
{
    int result = process->internal.pidfd >= 0
                     ? green__io_wait(io)
                     : green__child_wait(process->pid, 0);

    if (green__process_runs(process))
        return result < 0 ? -1 : green__process_look(process);
    return 0;
}

static int wait_for_end(struct green_process *process)
{
    struct green__io io;

    if (green__io_look_up(&io, process->internal.pidfd, GREEN_READ) < 0)
        return -1;
    while (green__process_runs(process))
        if (wait_once(process, &io) < 0) {
            if (io.ticket)
                green__io_pass(&io);
            return -1;
        }
    return 0;
}

static int tell(const struct green_process *process, int *status)
{
    if (process->internal.state == GREEN__PROCESS_LOST)
        return green__refuse(ECHILD);
    if (status)
        *status = process->internal.status;
    return 0;
}

int green_process_wait(struct green_process *process, int *status)
{
    if (!green__process_exists(process))
        return green__refuse(EINVAL);
    if (green__call_begins() < 0)
        return -1;
    if (green__process_runs(process) && green__process_look(process) < 0)
        return -1;
    if (!green__process_runs(process)) {
        green__call_ends(GREEN__COST_SYSTEM_CALL);
        return tell(process, status);
    }
    return wait_for_end(process) < 0 ? -1 : tell(process, status);
}

/* ---- Signals -------------------------------------------------------------- */

/* False once the status was collected, here or elsewhere. */
static bool has_its_number(struct green_process *process)
{
    siginfo_t info;

    return green__process_runs(process) && ask(process, &info, WNOWAIT) == 0;
}

static int send_by_number(struct green_process *process, int signal,
                          bool to_group)
{
    return kill(to_group ? -process->pid : process->pid, signal);
}

/* Linux 6.9 sends to groups by a pidfd; older kernels say EINVAL, and some
 * sandboxes know none of it. */
static int send_to(struct green_process *process, int signal, bool to_group)
{
    int result;

    if (!green__process_exists(process) || signal < 0 || signal >= NSIG)
        return green__refuse(EINVAL);
    if (!has_its_number(process))
        return green__refuse(ESRCH);
    if (process->internal.pidfd < 0)
        return send_by_number(process, signal, to_group);
    result = green__pidfd_signal(process->internal.pidfd, signal, to_group);
    if (result < 0 && (errno == EINVAL || errno == ENOSYS))
        return send_by_number(process, signal, to_group);
    return result;
}

int green_process_kill(struct green_process *process, int signal)
{
    return process ? send_to(process, signal, false) : green__refuse(EINVAL);
}

int green_process_kill_group(struct green_process *process, int signal)
{
    if (!process || !process->internal.leads_group)
        return green__refuse(EINVAL);
    return send_to(process, signal, true);
}

/* ---- The end -------------------------------------------------------------- */

static int kill_and_wait(struct green_process *process)
{
    struct green_shield shield;
    bool shielded;
    int error;

    if (send_to(process, SIGKILL, process->internal.leads_group) < 0 &&
        errno != ESRCH)
        return -1;
    shielded = green_shield_begin(&shield) == 0; /* not in a hub's callback */
    error = green_process_wait(process, NULL) < 0 ? errno : 0;
    if (shielded)
        green_shield_end(&shield);
    return error == 0 || error == ECHILD ? 0 : green__refuse(error);
}

int green_process_end(struct green_process *process)
{
    if (!green__process_exists(process))
        return 0;
    green__process_close_pipe(&process->in);
    green__process_close_pipe(&process->out);
    green__process_close_pipe(&process->err);
    if (green__process_runs(process) && kill_and_wait(process) < 0)
        return -1;
    process->internal.state = GREEN__PROCESS_NONE;
    return 0;
}
