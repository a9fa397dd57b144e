/* epoll_wait, epoll_pwait, epoll_pwait2: the program's own epoll descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "table.h"

typedef int waiter(int epoll, struct epoll_event *events, int most,
                   int timeout);

static int by_pwait(int epoll, struct epoll_event *events, int most,
                    int timeout)
{
    return epoll_pwait(epoll, events, most, timeout, NULL);
}

static int by_pwait2(int epoll, struct epoll_event *events, int most,
                     int timeout)
{
    struct timespec time = {timeout / 1000, timeout % 1000 * 1000000L};

    return epoll_pwait2(epoll, events, most, timeout < 0 ? NULL : &time, NULL);
}

static const struct call calls[] = {
    {"epoll_wait", (function *)epoll_wait},
    {"epoll_pwait", (function *)by_pwait},
    {"epoll_pwait2", (function *)by_pwait2},
};

static int waits(int epoll, struct epoll_event *events, int most, int timeout)
{
    return ((waiter *)subject)(epoll, events, most, timeout);
}

static int epoll;

static void control(int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = events};

    if (epoll_ctl(epoll, operation, fd, &event) < 0)
        abort();
    begin();
}

static void watch(int fd, uint32_t events)
{
    control(EPOLL_CTL_ADD, fd, events);
}

static void watched_ends(uint32_t events)
{
    epoll = epoll_create1(0);
    unix_ends();
    watch(ends[0], events);
}

static void waits_for_one(int timeout)
{
    struct epoll_event event = {.events = 0x7777, .data.u64 = 77};

    said(waits(epoll, &event, 1, timeout));
    say("%x %lx", event.events, (unsigned long)event.data.u64);
}

static void wrong_arguments(void)
{
    struct epoll_event event;

    watched_ends(EPOLLIN);
    said(waits(-1, &event, 1, 0));
    said(waits(ends[0], &event, 1, 0));
    said(waits(epoll, &event, 0, 0));
    said(waits(epoll, &event, -1, -1));
    said(waits(epoll, &event, INT_MAX, 0));
    said(waits(-1, &event, 0, 0));
    write_abc();
    begin();
    said(waits(epoll, NULL, 1, 0));
    said(waits(epoll, NULL, 1, -1));
}

static void events_there(void)
{
    watched_ends(EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    waits_for_one(-1);
    write_abc();
    begin();
    waits_for_one(0);
    waits_for_one(100);
    close(ends[1]);
    begin();
    waits_for_one(-1);
}

static void edges(void)
{
    watched_ends(EPOLLIN | EPOLLET);
    write_abc();
    begin();
    waits_for_one(-1);
    waits_for_one(0);
    later(write_def);
    waits_for_one(-1);
}

static void one_shot(void)
{
    watched_ends(EPOLLIN | EPOLLONESHOT);
    write_abc();
    begin();
    waits_for_one(-1);
    waits_for_one(1);
    control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT);
    waits_for_one(-1);
}

static void times_out(void)
{
    watched_ends(EPOLLIN);
    begin();
    waits_for_one(5);
    say_waited(5000000);
    waits_for_one(0);
}

static void as_a_sleep(void)
{
    epoll = epoll_create1(0);
    begin();
    waits_for_one(5);
    say_waited(5000000);
}

static void bytes_later(void)
{
    watched_ends(EPOLLIN);
    later(write_abc);
    waits_for_one(-1);
}

static void bytes_later_in_time(void)
{
    watched_ends(EPOLLIN);
    later(write_abc);
    waits_for_one(1000000);
}

static void count_up(void)
{
    eventfd_write(ends[0], 1);
}

static void several_later(void)
{
    struct epoll_event events[4] = {{0}};

    epoll = epoll_create1(0);
    ends[0] = eventfd(0, 0);
    watch(ends[0], EPOLLIN);
    watch(dup(ends[0]), EPOLLIN | EPOLLET);
    later(count_up);
    said(waits(epoll, events, 4, -1));
    say("%x %x", events[0].events, events[1].events);
}

static void watch_one_more(void)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = 5};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[1], &event) < 0)
        abort();
}

static void watched_later(void)
{
    watched_ends(EPOLLIN);
    later(watch_one_more);
    waits_for_one(-1);
}

/* The one that is watched goes, and its number becomes another's. */
static void replace(void)
{
    int fd = ends[0];

    close(fd);
    if (eventfd(1, 0) != fd)
        abort();
    watch(fd, EPOLLIN | EPOLLOUT);
}

static void reused_later(void)
{
    watched_ends(EPOLLIN);
    later(replace);
    waits_for_one(-1);
}

static void nested(void)
{
    int inner;

    watched_ends(EPOLLIN);
    inner = epoll;
    epoll = epoll_create1(0);
    watch(inner, EPOLLIN);
    later(write_abc);
    waits_for_one(-1);
}

static void close_epoll(void)
{
    close(epoll);
}

static void closed_meanwhile(void)
{
    struct epoll_event event;

    watched_ends(EPOLLIN);
    later(close_epoll);
    said(waits(epoll, &event, 1, -1));
}

static const struct row rows[] = {
    {"", "wrong arguments", wrong_arguments},
    {"", "events are there", events_there},
    {"", "edges", edges, BLOCKS},
    {"", "one shot", one_shot},
    {"", "a timeout", times_out},
    {"", "as a sleep", as_a_sleep},
    {"", "bytes later", bytes_later, BLOCKS},
    {"", "bytes later, in time", bytes_later_in_time, BLOCKS},
    {"", "several later", several_later, BLOCKS},
    {"", "watched later", watched_later, BLOCKS},
    {"", "reused later", reused_later, BLOCKS},
    {"", "nested", nested, BLOCKS},
    {"", "closed meanwhile", closed_meanwhile, GREEN_ONLY, "-1 EBADF"},
};

/* ---- Masks and times ----------------------------------------------------- */

static void wrong_times(void)
{
    const struct timespec wrong[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    struct epoll_event event;

    watched_ends(EPOLLIN);
    for (size_t i = 0; i < COUNT(wrong); i++)
        said(epoll_pwait2(epoll, &event, 1, &wrong[i], NULL));
    said(epoll_pwait2(-1, &event, 0, &wrong[0], NULL));
}

static void mask_of_the_wait(void)
{
    struct epoll_event event;
    sigset_t all, now;

    watched_ends(EPOLLIN);
    sigfillset(&all);
    said(epoll_pwait(epoll, &event, 1, 2, &all));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    say("%d", sigismember(&now, SIGUSR2));
    said(epoll_pwait2(epoll, &event, 1, &(struct timespec){0, 1000}, &all));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    say("%d", sigismember(&now, SIGUSR2));
}

static const struct row single_rows[] = {
    {"epoll_pwait2", "wrong times", wrong_times},
    {"epoll_pwait", "a mask", mask_of_the_wait},
};

void add_epolls(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
    add_rows(single_rows, COUNT(single_rows));
}
