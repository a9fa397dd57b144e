/* Waiting for children, system, pclose; the user and group of the process. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "table.h"

typedef pid_t child_waiter(pid_t pid, int *status, int options);

static pid_t by_wait(pid_t pid, int *status, int options)
{
    return pid > 0 && options == 0 ? wait(status)
                                   : waitpid(pid, status, options);
}

static pid_t by_wait3(pid_t pid, int *status, int options)
{
    return pid == -1 ? wait3(status, options, NULL)
                     : waitpid(pid, status, options);
}

static pid_t by_wait4(pid_t pid, int *status, int options)
{
    struct rusage usage;

    return wait4(pid, status, options, &usage);
}

static const struct call calls[] = {
    {"wait", (function *)by_wait},
    {"waitpid", (function *)waitpid},
    {"wait3", (function *)by_wait3},
    {"wait4", (function *)by_wait4},
};

static pid_t waits(pid_t pid, int *status, int options)
{
    return ((child_waiter *)subject)(pid, status, options);
}

/* A child that ends once a byte can be read, or all other ends are closed. */
static pid_t child_with(int status)
{
    pid_t pid;

    pipe_ends();
    pid = fork();
    if (pid < 0)
        abort();
    if (pid > 0) {
        begin();
        return pid;
    }
    close(ends[1]);
    while (read(ends[0], buffer, 1) < 0)
        ;
    _exit(status);
}

static void no_children(void)
{
    int status = 77;

    said(waits(-1, &status, 0));
    said(waits(getpid(), &status, 0));
    said(waits(-1, &status, 1 << 20));
    say("%d", status);
}

static void ended_child(void)
{
    pid_t child = child_with(7);
    int status = 0;
    siginfo_t info;

    close(ends[1]);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    begin();
    say("%d", waits(child, &status, 0) == child);
    say("%x", (unsigned)status);
    said(waits(child, &status, 0));
}

static void running_child(void)
{
    pid_t child = child_with(7);

    said(waits(child, NULL, WNOHANG));
    later(close_writer);
    say("%d", waits(child, NULL, 0) == child);
}

static void child_ends_later(void)
{
    pid_t child = child_with(9);
    int status = 0;
    pid_t result;

    later(close_writer);
    result = waits(child, &status, 0);
    if (result < 0)
        said(result);
    say("%d %x", result == child, (unsigned)status);
}

static const struct row child_rows[] = {
    {"", "no children", no_children},
    {"", "a child that has ended", ended_child},
    {"", "a child that runs", running_child},
    {"", "a child that ends later", child_ends_later, BLOCKS},
};

static void wait_by_id(void)
{
    pid_t child = child_with(3);
    siginfo_t info;
    int result;

    memset(&info, 0, sizeof info);
    said(waitid(P_PID, (id_t)getpid(), &info, WEXITED));
    said(waitid(P_PID, (id_t)child, &info, 0));
    said(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG));
    say("%d", info.si_pid);
    later(close_writer);
    result = waitid(P_PID, (id_t)child, &info, WEXITED);
    said(result);
    say("%d %d %d", info.si_pid == child, info.si_status, info.si_code);
}

static void shells(void)
{
    say("%d", system(NULL) != 0);
    said(system("exit 5"));
    said(system("kill -9 $$"));
    said(system(""));
}

static void piped_shells(void)
{
    FILE *stream = popen("read line; exit 4", "w");

    needs(stream != NULL, "a shell");
    fputs("line\n", stream);
    begin();
    said(pclose(stream));
}

/* To what they are already: it changes nothing. */
static void same_user(void)
{
    uid_t user = getuid();

    said(setuid(user));
    said(seteuid(user));
    said(setreuid(user, user));
    said(setresuid(user, user, user));
    said(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
}

static void same_group(void)
{
    gid_t group = getgid();

    said(setgid(group));
    said(setegid(group));
    said(setregid(group, group));
    said(setresgid(group, group, group));
}

static void supplementary_groups(void)
{
    gid_t groups[256];
    int count = getgroups(256, groups);

    begin();
    said(setgroups((size_t)count, groups));
    said(setgroups(1 << 30, groups));
}

/* A child calls it, and its child says by the pipe what came of it. */
static void in_the_background(void)
{
    pid_t parent = getpid(), child;
    char result;

    pipe_ends();
    child = fork();
    if (child == 0) {
        result = (char)daemon(1, 1);
        result = (char)(result + 2 * (getpid() != parent && setsid() < 0));
        if (write(ends[1], &result, 1) == 1)
            _exit(0);
        _exit(1);
    }
    close(ends[1]);
    begin();
    said(read(ends[0], &result, 1));
    say("%d", result);
}

static const struct row rows[] = {
    {"waitid", "of one child", wait_by_id, BLOCKS},
    {"system", "exit statuses", shells},
    {"pclose", "an exit status", piped_shells},
    {"setuid", "to the same", same_user},
    {"seteuid", "to the same", same_user},
    {"setreuid", "to the same", same_user},
    {"setresuid", "to the same", same_user},
    {"setgid", "to the same", same_group},
    {"setegid", "to the same", same_group},
    {"setregid", "to the same", same_group},
    {"setresgid", "to the same", same_group},
    {"setgroups", "to the same", supplementary_groups},
    {"daemon", "with its files", in_the_background},
};

void add_processes(void)
{
    add_product(calls, COUNT(calls), child_rows, COUNT(child_rows));
    add_rows(rows, COUNT(rows));
}
