/* Calls that wait in main, while a handler runs: which fail with EINTR. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

/* ---- Reading ---------------------------------------------------------------- */

static void reads(void)
{
    said(read(ends[0], buffer, 3));
}

static void reads_array(void)
{
    struct iovec part = {buffer, 3};

    said(readv(ends[0], &part, 1));
}

static void receives(void)
{
    said(recv(ends[0], buffer, 3, 0));
}

static void receives_from(void)
{
    said(recvfrom(ends[0], buffer, 3, 0, NULL, NULL));
}

static void receives_message(void)
{
    struct iovec part = {buffer, 3};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    said(recvmsg(ends[0], &message, 0));
}

static void splices(void)
{
    int pair[2];

    if (pipe(pair) < 0)
        abort();
    said(splice(ends[0], NULL, pair[1], NULL, 3, 0));
}

/* ---- Writing ---------------------------------------------------------------- */

static void full_ends(void)
{
    unix_ends();
    fill();
}

static void writes(void)
{
    said(write(ends[1], buffer, 16));
}

static void sends(void)
{
    said(send(ends[1], buffer, 16, 0));
}

static void sends_to(void)
{
    said(sendto(ends[1], buffer, 16, 0, NULL, 0));
}

/* ---- A listener --------------------------------------------------------------- */

static struct sockaddr address;
static socklen_t length;

static void listener(void)
{
    length = sizeof address;
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(ends[0], 8) < 0 || getsockname(ends[0], &address, &length) < 0)
        abort();
    begin();
}

static void connects(void)
{
    ends[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[1], &address, length) < 0)
        abort();
}

static void accepts(void)
{
    int fd = accept(ends[0], NULL, NULL);

    said(fd < 0 ? fd : 1);
}

static void accepts_with_flags(void)
{
    int fd = accept4(ends[0], NULL, NULL, SOCK_CLOEXEC);

    said(fd < 0 ? fd : 1);
}

/* ---- Waiting ------------------------------------------------------------------ */

static void polls(void)
{
    said(poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, -1));
}

static void polls_precisely(void)
{
    said(ppoll(&(struct pollfd){ends[0], POLLIN, 0}, 1, NULL, NULL));
}

static void selects(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    said(select(ends[0] + 1, &set, NULL, NULL, NULL));
}

static void selects_precisely(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    said(pselect(ends[0] + 1, &set, NULL, NULL, NULL, NULL));
}

static int epoll;

static void watched_ends(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    unix_ends();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) < 0)
        abort();
    begin();
}

static void waits_for_events(void)
{
    struct epoll_event event;

    said(epoll_wait(epoll, &event, 1, -1));
}

static void waits_with_mask(void)
{
    struct epoll_event event;

    said(epoll_pwait(epoll, &event, 1, -1, NULL));
}

/* ---- Sleeping ----------------------------------------------------------------- */

static void nothing(void)
{
}

static void sleeps(void)
{
    unsigned left = sleep(100);

    say("%d", left > 50);
}

static void sleeps_microseconds(void)
{
    said(usleep(100000000));
}

static void sleeps_nanoseconds(void)
{
    const struct timespec time = {.tv_sec = 100};
    struct timespec left = {0};

    said(nanosleep(&time, &left));
    say("%d", left.tv_sec > 50);
}

static void sleeps_by_clock(void)
{
    const struct timespec time = {.tv_sec = 100};
    struct timespec left = {0};

    said_error(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left));
    say("%d", left.tv_sec > 50);
}

/* ---- Children ----------------------------------------------------------------- */

static void child(void)
{
    pid_t pid;

    pipe_ends();
    pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        close(ends[1]);
        while (read(ends[0], buffer, 1) < 0)
            ;
        _exit(0);
    }
    begin();
}

static void waits(void)
{
    pid_t pid = wait(NULL);

    said(pid < 0 ? pid : 1);
}

static void waits_for_child(void)
{
    pid_t pid = waitpid(-1, NULL, 0);

    said(pid < 0 ? pid : 1);
}

static void waits_by_id(void)
{
    siginfo_t info;

    said(waitid(P_ALL, 0, &info, WEXITED));
}

/* ---- Rows --------------------------------------------------------------------- */

static const struct waiting_call {
    const char *name;
    void (*prepare)(void), (*call)(void), (*wake)(void);
} calls[] = {
    {"read", unix_ends, reads, write_abc},
    {"readv", unix_ends, reads_array, write_abc},
    {"recv", unix_ends, receives, write_abc},
    {"recvfrom", unix_ends, receives_from, write_abc},
    {"recvmsg", unix_ends, receives_message, write_abc},
    {"splice", unix_ends, splices, write_abc},
    {"write", full_ends, writes, drain},
    {"send", full_ends, sends, drain},
    {"sendto", full_ends, sends_to, drain},
    {"accept", listener, accepts, connects},
    {"accept4", listener, accepts_with_flags, connects},
    {"poll", unix_ends, polls, write_abc},
    {"ppoll", unix_ends, polls_precisely, write_abc},
    {"select", unix_ends, selects, write_abc},
    {"pselect", unix_ends, selects_precisely, write_abc},
    {"epoll_wait", watched_ends, waits_for_events, write_abc},
    {"epoll_pwait", watched_ends, waits_with_mask, write_abc},
    {"sleep", nothing, sleeps, nothing},
    {"usleep", nothing, sleeps_microseconds, nothing},
    {"nanosleep", nothing, sleeps_nanoseconds, nothing},
    {"clock_nanosleep", nothing, sleeps_by_clock, nothing},
    {"wait", child, waits, close_writer},
    {"waitpid", child, waits_for_child, close_writer},
    {"waitid", child, waits_by_id, close_writer},
};

static const struct waiting_call *the_call(void)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        if (calls[i].call == subject)
            return &calls[i];
    abort();
}

static void raise_only(void)
{
    raise_at_caller(SIGUSR1);
}

static void raise_and_wake(void)
{
    raise_at_caller(SIGUSR1);
    await_interrupted_caller();
    the_call()->wake();
}

static void a_signal(void)
{
    catch_signal(SIGUSR1, 0);
    the_call()->prepare();
    later(raise_only);
    the_call()->call();
}

static void a_signal_that_restarts(void)
{
    catch_signal(SIGUSR1, SA_RESTART);
    the_call()->prepare();
    later(raise_and_wake);
    the_call()->call();
}

static const struct row rows[] = {
    {"", "a signal meanwhile", a_signal, ON_MAIN},
    {"", "a signal meanwhile, SA_RESTART", a_signal_that_restarts, ON_MAIN},
};

void add_signals(void)
{
    for (size_t i = 0; i < COUNT(calls); i++) {
        const struct call call = {calls[i].name, calls[i].call, 0};

        add_product(&call, 1, rows, COUNT(rows));
    }
}
