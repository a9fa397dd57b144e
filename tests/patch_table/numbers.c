/* close and the duplicates. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

/* ---- close --------------------------------------------------------------- */

static void close_wrong(void)
{
    said(close(-1));
    said(close(100000));
    said(close(-100));
    pipe_ends();
    said(close(ends[0]));
    said(close(ends[0]));
}

static void close_seen(void)
{
    unix_ends();
    said(close(ends[1]));
    said(read(ends[0], buffer, 1));
    pipe_ends();
    said(close(ends[0]));
    said(write(ends[1], buffer, 1));
}

static void close_lingers(void)
{
    const struct linger none = {1, 0}, one = {1, 1};

    tcp_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &one, sizeof one);
    begin();
    said(close(ends[0]));
    said(read(ends[1], buffer, 1));
    tcp_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &none, sizeof none);
    begin();
    said(close(ends[0]));
    said(read(ends[1], buffer, 1));
}

static void close_watched(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);

    unix_ends();
    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
    write_abc();
    begin();
    said(epoll_wait(epoll, &event, 1, 0));
    said(close(ends[0]));
    said(epoll_wait(epoll, &event, 1, 0));
    said(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], &event));
    said(close(epoll));
    said(epoll_wait(epoll, &event, 1, 0));
}

/* ---- dup ----------------------------------------------------------------- */

static void dup_wrong(void)
{
    said(dup(-1));
    said(dup(100000));
}

static void dup_works(void)
{
    int fd;

    unix_ends();
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    begin();
    fd = dup(ends[0]);
    said(fd < 0);
    say("%x %x", (unsigned)fcntl(fd, F_GETFD), (unsigned)fcntl(fd, F_GETFL));
    said(read(fd, buffer, 1));
    write_abc();
    begin();
    said(read(fd, buffer, 8));
}

static int duplicate;

static void dup_later(void)
{
    unix_ends();
    duplicate = dup(ends[0]);
    close(ends[0]);
    later(write_abc);
    said(read(duplicate, buffer, 8));
}

/* ---- dup2 and dup3 --------------------------------------------------------- */

static void dup2_wrong(void)
{
    pipe_ends();
    said(dup2(-1, 100));
    said(dup2(100000, ends[0]));
    said(dup2(ends[0], -1));
    said(dup2(ends[0], 1 << 30));
    said(dup2(100000, 100000));
    said(dup2(-1, -1));
    said(fcntl(ends[0], F_GETFD));
}

static void dup2_same(void)
{
    pipe_ends();
    said(dup2(ends[0], ends[0]) == ends[0]);
    said(dup3(ends[0], ends[0], 0));
}

static void dup2_over(void)
{
    int other[2];

    pipe_ends();
    if (pipe2(other, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    begin();
    said(dup2(other[0], ends[0]) == ends[0]);
    said(read(ends[0], buffer, 1));
    say("%x %x", (unsigned)fcntl(ends[0], F_GETFD),
        (unsigned)fcntl(ends[0], F_GETFL));
    said(write(ends[1], buffer, 1));
    said(dup2(ends[1], 100));
    said(write(100, buffer, 1));
}

static void dup3_wrong(void)
{
    pipe_ends();
    said(dup3(-1, 100, 0));
    said(dup3(ends[0], -1, 0));
    said(dup3(ends[0], 100, 1));
    said(dup3(ends[0], ends[0], O_CLOEXEC));
    said(dup3(-1, -1, 0));
    said(dup3(ends[0], 1 << 30, 0));
    said(dup3(-1, 100, 1));
}

static void dup3_flags(void)
{
    pipe_ends();
    said(dup3(ends[0], 100, O_CLOEXEC));
    say("%x", (unsigned)fcntl(100, F_GETFD));
    said(dup3(ends[0], 100, 0));
    say("%x", (unsigned)fcntl(100, F_GETFD));
}

static const struct row rows[] = {
    {"close", "wrong numbers", close_wrong},
    {"close", "seen by the other end", close_seen},
    {"close", "SO_LINGER", close_lingers},
    {"close", "of what an epoll watches", close_watched},
    {"dup", "wrong numbers", dup_wrong},
    {"dup", "works", dup_works},
    {"dup", "of one that is closed", dup_later, BLOCKS},
    {"dup2", "wrong numbers", dup2_wrong},
    {"dup2", "the same", dup2_same},
    {"dup2", "over another", dup2_over},
    {"dup3", "wrong numbers", dup3_wrong},
    {"dup3", "flags", dup3_flags},
};

void add_numbers(void)
{
    add_rows(rows, COUNT(rows));
}
