/* poll, ppoll, and what -D_FORTIFY_SOURCE makes of them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count,
                const struct timespec *timeout, const sigset_t *mask,
                size_t room);

typedef int poller(struct pollfd *fds, nfds_t count, int timeout);

static const struct timespec *time_of(int timeout, struct timespec *time)
{
    time->tv_sec = timeout / 1000;
    time->tv_nsec = timeout % 1000 * 1000000L;
    return timeout < 0 ? NULL : time;
}

static int by_ppoll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct timespec time;

    return ppoll(fds, count, time_of(timeout, &time), NULL);
}

static int by_poll_chk(struct pollfd *fds, nfds_t count, int timeout)
{
    return __poll_chk(fds, count, timeout, (size_t)-1);
}

static int by_ppoll_chk(struct pollfd *fds, nfds_t count, int timeout)
{
    struct timespec time;

    return __ppoll_chk(fds, count, time_of(timeout, &time), NULL, (size_t)-1);
}

static const struct call calls[] = {
    {"poll", (function *)poll},
    {"ppoll", (function *)by_ppoll},
    {"__poll_chk", (function *)by_poll_chk},
    {"__ppoll_chk", (function *)by_ppoll_chk},
};

static int polls(struct pollfd *fds, nfds_t count, int timeout)
{
    return ((poller *)subject)(fds, count, timeout);
}

/* One descriptor: the result, and what is said of it. */
static void polls_one(int fd, short events, int timeout)
{
    struct pollfd one = {fd, events, 0x7777};

    said(polls(&one, 1, timeout));
    say("%d %x %x", one.fd == fd, (unsigned)one.events, (unsigned)one.revents);
}

static void wrong_arrays(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &limit);
    begin();
    said(polls(NULL, 1, 0));
    said(polls((struct pollfd *)1, 1, 0));
    said(polls((struct pollfd *)1, 1, 10));
    said(polls((struct pollfd *)buffer, 101, 0));
    said(polls(NULL, 0, 0));
}

static void wrong_descriptors(void)
{
    polls_one(-1, POLLIN, 0);
    polls_one(-7, POLLIN, 1);
    polls_one(100000, POLLIN, -1);
    pipe_ends();
    close(ends[0]);
    begin();
    polls_one(ends[0], POLLIN, 100);
    polls_one(ends[0], 0, 100);
}

static void kinds(void)
{
    int file = open("/etc/passwd", O_RDONLY);

    polls_one(file, POLLIN | POLLOUT, -1);
    pipe_ends();
    polls_one(ends[0], POLLIN, 0);
    polls_one(ends[1], POLLOUT, 0);
    polls_one(ends[0], POLLOUT, 0);
    write_abc();
    begin();
    polls_one(ends[0], POLLIN | POLLRDNORM | POLLPRI, -1);
    close(ends[1]);
    begin();
    polls_one(ends[0], POLLIN, -1);
    read(ends[0], buffer, 8);
    begin();
    polls_one(ends[0], POLLIN, -1);
    polls_one(ends[0], 0, -1);
    pipe_ends();
    close(ends[0]);
    begin();
    polls_one(ends[1], POLLOUT, -1);
    polls_one(eventfd(0, 0), POLLIN | POLLOUT, -1);
}

static void sockets(void)
{
    unix_ends();
    polls_one(ends[0], POLLIN, 0);
    polls_one(ends[0], POLLIN | POLLOUT, -1);
    shutdown(ends[1], SHUT_WR);
    begin();
    polls_one(ends[0], POLLIN | POLLRDHUP, -1);
    close(ends[1]);
    begin();
    polls_one(ends[0], POLLIN | POLLRDHUP, -1);
    tcp_ends();
    polls_one(ends[0], POLLIN, 0);
    send(ends[1], "!", 1, MSG_OOB);
    begin();
    polls_one(ends[0], POLLPRI, 1000);
    polls_one(socket(AF_INET, SOCK_STREAM, 0), POLLIN | POLLOUT, 0);
}

static void times_out(void)
{
    unix_ends();
    polls_one(ends[0], POLLIN, 5);
    say_waited(5000000);
}

static void sleeps(void)
{
    begin();
    said(polls(NULL, 0, 5));
    say_waited(5000000);
    begin();
    polls_one(-1, POLLIN, 5);
    say_waited(5000000);
}

static void bytes_later(void)
{
    unix_ends();
    later(write_abc);
    polls_one(ends[0], POLLIN, -1);
}

static void bytes_later_in_time(void)
{
    pipe_ends();
    later(write_abc);
    polls_one(ends[0], POLLIN, 1000000);
}

static void many_later(void)
{
    struct pollfd many[20];

    unix_ends();
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct pollfd){i % 2 ? ends[0] : -1, POLLIN, 0x77};
    later(write_abc);
    said(polls(many, COUNT(many), -1));
    say("%x %x %x", (unsigned)many[0].revents, (unsigned)many[1].revents,
        (unsigned)many[19].revents);
}

static void hangup_later(void)
{
    pipe_ends();
    later(close_writer);
    polls_one(ends[0], 0, -1);
}

static void reader_later(void)
{
    pipe_ends();
    fill();
    later(close_reader);
    polls_one(ends[1], POLLOUT, -1);
}

static void room_later(void)
{
    unix_ends();
    fill();
    later(drain);
    polls_one(ends[1], POLLOUT, -1);
}

static void urgent(void)
{
    send(ends[1], "!", 1, MSG_OOB);
}

static void urgent_later(void)
{
    tcp_ends();
    later(urgent);
    polls_one(ends[0], POLLPRI, -1);
}

static void closed_meanwhile(void)
{
    unix_ends();
    later(close_reader);
    polls_one(ends[0], POLLIN, -1);
}

static void replaced_meanwhile_by(void)
{
    dup2(open("/dev/null", O_RDONLY), ends[0]);
}

static void replaced_meanwhile(void)
{
    unix_ends();
    later(replaced_meanwhile_by);
    polls_one(ends[0], POLLIN, -1);
}

static const struct row rows[] = {
    {"", "wrong arrays", wrong_arrays},
    {"", "wrong descriptors", wrong_descriptors},
    {"", "kinds", kinds},
    {"", "sockets", sockets},
    {"", "a timeout", times_out},
    {"", "as a sleep", sleeps},
    {"", "bytes later", bytes_later, BLOCKS},
    {"", "bytes later, in time", bytes_later_in_time, BLOCKS},
    {"", "many later", many_later, BLOCKS},
    {"", "a hangup later", hangup_later, BLOCKS},
    {"", "the reader goes", reader_later, BLOCKS},
    {"", "room later", room_later, BLOCKS},
    {"", "urgent data later", urgent_later, BLOCKS},
    {"", "closed meanwhile", closed_meanwhile, GREEN_ONLY, "1; 1 1 20"},
    {"", "replaced meanwhile", replaced_meanwhile, GREEN_ONLY, "1; 1 1 20"},
};

/* ---- ppoll alone ----------------------------------------------------------- */

static void wrong_times(void)
{
    const struct timespec wrong[] = {
        {-1, 0}, {0, -1}, {0, 1000000000}, {INT64_MAX, 0}};

    pipe_ends();
    for (size_t i = 0; i < 3; i++)
        said(ppoll(NULL, 0, &wrong[i], NULL));
    write_abc();
    begin();
    said(ppoll(&(struct pollfd){ends[0], POLLIN, 0}, 1, &wrong[3], NULL));
}

static void time_is_kept(void)
{
    const struct timespec time = {0, 3000000};

    begin();
    said(ppoll(NULL, 0, &time, NULL));
    say_waited(3000000);
    say("%ld %ld", (long)time.tv_sec, time.tv_nsec);
}

/* The mask is of the wait alone. */
static void mask_of_the_wait(void)
{
    const struct timespec time = {0, 1000000};
    sigset_t all, now;

    sigfillset(&all);
    begin();
    said(ppoll(NULL, 0, &time, &all));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    say("%d", sigismember(&now, SIGUSR2));
    pipe_ends();
    write_abc();
    begin();
    said(ppoll(&(struct pollfd){ends[0], POLLIN, 0}, 1, NULL, &all));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    say("%d", sigismember(&now, SIGUSR2));
}

static void too_small_a_room(void)
{
    struct pollfd one = {0};

    said(__poll_chk(&one, 1, 0, sizeof one));
    begin();
    said(__poll_chk(&one, 2, 0, sizeof one));
}

static void too_small_a_room_of_ppoll(void)
{
    const struct timespec time = {0};
    struct pollfd one = {0};

    said(__ppoll_chk(&one, 2, &time, NULL, sizeof one));
}

static const struct row single_rows[] = {
    {"ppoll", "wrong times", wrong_times},
    {"ppoll", "the time is kept", time_is_kept},
    {"ppoll", "a mask", mask_of_the_wait},
    {"__poll_chk", "too small", too_small_a_room},
    {"__ppoll_chk", "too small", too_small_a_room_of_ppoll},
};

void add_polls(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
    add_rows(single_rows, COUNT(single_rows));
}
