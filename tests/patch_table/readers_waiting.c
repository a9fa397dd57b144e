/* What every function that reads has in common when it waits. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "readers.h"

/* ---- Timeouts ------------------------------------------------------------ */

static void limit(int fd, long seconds, long microseconds)
{
    const struct timeval time = {seconds, microseconds};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    begin();
}

static void times_out(void)
{
    unix_ends();
    limit(ends[0], 0, 5000);
    said(take(ends[0], 4));
    say_waited(5000000);
}

static void times_out_of_tcp(void)
{
    tcp_ends();
    limit(ends[0], 0, 5000);
    said(take(ends[0], 4));
    say_waited(5000000);
}

/* 0 is none. */
static void no_timeout(void)
{
    unix_ends();
    limit(ends[0], 0, 5000);
    limit(ends[0], 0, 0);
    later(write_abc);
    takes(4);
}

static void a_huge_timeout(void)
{
    unix_ends();
    limit(ends[0], INT64_MAX / 2000, 0);
    later(write_abc);
    takes(4);
}

/* ---- Waiting ------------------------------------------------------------- */

static void later_bytes(void)
{
    unix_ends();
    later(write_abc);
    takes(8);
}

static void later_bytes_of_tcp(void)
{
    tcp_ends();
    later(write_abc);
    takes(8);
}

static void later_bytes_of_pipe(void)
{
    pipe_ends();
    later(write_abc);
    takes(8);
}

static void later_datagram(void)
{
    datagram_ends();
    later(write_abc);
    takes(2);
}

static void later_end(void)
{
    unix_ends();
    later(close_writer);
    takes(8);
}

static void later_end_of_pipe(void)
{
    pipe_ends();
    later(close_writer);
    takes(8);
}

static void shut_own(void)
{
    shutdown(ends[0], SHUT_RD);
}

static void later_own_shutdown(void)
{
    tcp_ends();
    later(shut_own);
    takes(8);
}

static void reset_it(void)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(ends[1]);
}

static void later_reset(void)
{
    tcp_ends();
    later(reset_it);
    takes(8);
    takes(8);
}

static void count_up(void)
{
    eventfd_write(ends[0], 5);
}

static void later_count(void)
{
    ends[0] = eventfd(0, 0);
    later(count_up);
    said(take(ends[0], 8));
}

static void write_twice(void)
{
    write_abc();
    write_def();
}

/* A reader that TCP has given a part to may wait for ever: so it gets none. */
static void later_low_water(void)
{
    const int low = 6;

    tcp_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    later(write_twice);
    takes(8);
}

/* ---- Signals ------------------------------------------------------------- */

static void signal_then_write(void)
{
    raise_at_caller(SIGUSR1);
    await_caller();
    write_abc();
}

static void goes_on_after_a_signal(void)
{
    unix_ends();
    catch_signal(SIGUSR1, SA_RESTART);
    later(signal_then_write);
    takes(8);
}

/* ---- Closed meanwhile ------------------------------------------------- */

static void close_own(void)
{
    close(ends[0]);
}

static void closed_meanwhile(void)
{
    unix_ends();
    later(close_own);
    said(take(ends[0], 8));
}

static void closed_pipe_meanwhile(void)
{
    pipe_ends();
    later(close_own);
    said(take(ends[0], 8));
}

static void replace_own(void)
{
    int fd = open("/dev/null", O_RDONLY);

    if (dup2(fd, ends[0]) != ends[0])
        abort();
}

static void replaced_meanwhile(void)
{
    tcp_ends();
    later(replace_own);
    said(take(ends[0], 8));
}

static const struct row rows[] = {
    {"", "SO_RCVTIMEO", times_out},
    {"", "SO_RCVTIMEO of TCP", times_out_of_tcp},
    {"", "SO_RCVTIMEO of 0", no_timeout, BLOCKS},
    {"", "a huge SO_RCVTIMEO", a_huge_timeout, BLOCKS},
    {"", "bytes later", later_bytes, BLOCKS},
    {"", "bytes later, TCP", later_bytes_of_tcp, BLOCKS},
    {"", "bytes later, pipe", later_bytes_of_pipe, BLOCKS | ON_FILES},
    {"", "a datagram later", later_datagram, BLOCKS},
    {"", "the end later", later_end, BLOCKS},
    {"", "the end later, pipe", later_end_of_pipe, BLOCKS | ON_FILES},
    {"", "own shutdown later", later_own_shutdown, BLOCKS},
    {"", "reset later", later_reset, BLOCKS},
    {"", "a count later", later_count, BLOCKS | ON_FILES},
    {"", "low water later", later_low_water, BLOCKS},
    {"", "goes on after a signal", goes_on_after_a_signal, BLOCKS},
    {"", "closed meanwhile", closed_meanwhile, GREEN_ONLY, "-1 EBADF"},
    {"", "closed meanwhile, pipe", closed_pipe_meanwhile, GREEN_ONLY | ON_FILES,
     "-1 EBADF"},
    {"", "replaced meanwhile", replaced_meanwhile, GREEN_ONLY, "-1 EBADF"},
};

void add_waiting_readers(void)
{
    add_product(readers, READERS, rows, COUNT(rows));
}
