/* Rules of greenhub check: which events are reported to which listener. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void readable(int from, int to)
{
    struct check_probe probe;

    check_watch(&probe, to, GREEN_READ);
    check_quiet(&probe, "readable reported with nothing to read");
    check_send(from);
    check_until(&probe, GREEN_READ, "readable not reported after data arrived");
    check_drain(to);
    check_iterate(0); /* may report an event from before the data was read */
    check_quiet(&probe, "readable reported after all data was read");
}

static void socket_readable(void)
{
    int fds[2];

    check_socketpair(fds);
    readable(fds[1], fds[0]);
    check_tcp_pair(fds);
    readable(fds[1], fds[0]);
}

static void pipe_readable(void)
{
    int fds[2];

    check_pipe(fds);
    readable(fds[1], fds[0]);
}

static void writable(int fd, int other)
{
    struct check_probe probe;

    check_watch(&probe, fd, GREEN_WRITE);
    check_until(&probe, GREEN_WRITE,
                "writable not reported although there is room");
    check_that((probe.seen & GREEN_READ) == 0,
               "readable reported with nothing to read");
    check_fill(fd);
    check_iterate(0);
    check_quiet(&probe, "writable reported without room to write");
    probe.seen = 0;
    check_drain(other);
    check_until(&probe, GREEN_WRITE,
                "writable not reported after room was made");
}

static void socket_writable(void)
{
    int fds[2];

    check_socketpair(fds);
    writable(fds[0], fds[1]);
}

static void pipe_writable(void)
{
    int fds[2];

    check_pipe(fds);
    writable(fds[1], fds[0]);
}

static void reported_in_every_iteration(void)
{
    struct check_probe probe;
    int fds[2], i;

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    check_send(fds[1]);
    check_until(&probe, GREEN_READ, "readable not reported after data arrived");
    for (i = 0; i < 5; i++) {
        probe.seen = 0;
        check_iterate(GREEN_SEC);
        check_that(probe.seen & GREEN_READ,
                   "readable reported only %u times before the data was read",
                   probe.calls);
    }
    check_drain(fds[0]);
    check_iterate(0);
    check_quiet(&probe, "readable reported after all data was read");
}

static void both_directions(void)
{
    struct check_probe in, out, both;
    int fds[2];

    check_socketpair(fds);
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    check_watch(&both, fds[0], GREEN_READ | GREEN_WRITE);
    check_until(&out, GREEN_WRITE, "writable not reported");
    check_that(in.calls == 0,
               "0x%x reported to the reader with nothing to read", in.seen);
    check_send(fds[1]);
    check_until(&in, GREEN_READ, "readable not reported beside writable");
    check_until(&both, GREEN_READ,
                "readable not reported to the listener for both");
    check_that(both.seen & GREEN_WRITE,
               "writable not reported to the listener for both");
}

static void changed_interest(void)
{
    struct check_probe in, out;
    int fds[2];

    check_socketpair(fds);
    check_watch(&in, fds[0], GREEN_READ);
    check_quiet(&in, "readable reported with nothing to read");
    check_watch(&out, fds[0], GREEN_WRITE);
    check_until(&out, GREEN_WRITE,
                "writable not reported to a listener added later");
    check_unwatch(&out);
    check_iterate(0);
    check_quiet(&in, "an event reported after another listener was removed");
    check_send(fds[1]);
    check_until(&in, GREEN_READ,
                "readable not reported after the interest changed");
    check_unwatch(&in);
    check_quiet(&in, "readable reported after the listener was removed");
    check_watch(&in, fds[0], GREEN_READ);
    check_until(&in, GREEN_READ,
                "readable not reported to a listener added again");
}

static void connections_until_drained(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr *address = (struct sockaddr *)&at;
    socklen_t length = sizeof at;
    struct check_probe probe;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), i;

    if (bind(listener, address, length) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, address, &length) < 0)
        check_skip("cannot listen on loopback: %s", strerror(errno));
    for (i = 0; i < 5; i++) {
        if (connect(socket(AF_INET, SOCK_STREAM, 0), address, length) < 0)
            check_skip("connect: %s", strerror(errno));
    }
    check_watch(&probe, listener, GREEN_READ);
    for (i = 0; i < 5; i++) {
        probe.seen = 0;
        check_until(&probe, GREEN_READ,
                    "readable not reported with connections in the backlog");
        check_that(accept(listener, NULL, NULL) >= 0, "accept: %s",
                   strerror(errno));
    }
    check_iterate(0);
    check_quiet(&probe, "readable reported with no connection in the backlog");
}

static void hang_up_wakes_both(void)
{
    struct check_probe in, out;
    int fds[2];

    check_socketpair(fds);
    check_fill(fds[0]);
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    check_quiet(&in, "readable reported with nothing to read");
    close(fds[1]);
    check_until(&in, GREEN_READ, "a hang-up is not reported to the reader");
    check_until(&out, GREEN_WRITE, "a hang-up is not reported to the writer");
}

static void error_wakes_both(void)
{
    struct linger reset = {.l_onoff = 1};
    struct check_probe in, out;
    int fds[2];

    check_tcp_pair(fds);
    check_fill(fds[0]);
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fds[1]);
    check_until(&in, GREEN_READ, "a reset is not reported to the reader");
    check_until(&out, GREEN_WRITE, "a reset is not reported to the writer");
}

static void broken_pipe(void)
{
    struct check_probe probe;
    int fds[2];

    check_pipe(fds);
    check_fill(fds[1]);
    check_watch(&probe, fds[1], GREEN_WRITE);
    check_quiet(&probe, "writable reported without room to write");
    close(fds[0]);
    check_until(&probe, GREEN_WRITE,
                "writable not reported after the reader closed the pipe");
}

static void end_of_pipe(void)
{
    struct check_probe probe;
    int fds[2];

    check_pipe(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    close(fds[1]);
    check_until(&probe, GREEN_READ,
                "readable not reported at the end of a pipe");
}

static void half_close(void)
{
    struct check_probe probe;
    int fds[2];

    check_tcp_pair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    shutdown(fds[1], SHUT_WR);
    check_until(&probe, GREEN_READ,
                "readable not reported at the end of the input");
}

static void removed(void)
{
    struct check_probe probe;
    int fds[2];

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ | GREEN_WRITE);
    check_until(&probe, GREEN_WRITE, "writable not reported");
    check_unwatch(&probe);
    check_send(fds[1]);
    check_quiet(&probe, "an event reported after the listener was removed");
    close(fds[1]);
    check_quiet(&probe, "a hang-up reported after the listener was removed");
}

static void regular_file(void)
{
    char path[] = "/tmp/greenhub-check-XXXXXX";
    struct check_probe probe;
    int fd = mkstemp(path), i;

    if (fd < 0)
        check_skip("mkstemp: %s", strerror(errno));
    unlink(path);
    check_watch(&probe, fd, GREEN_READ | GREEN_WRITE);
    for (i = 0; i < 5; i++) {
        probe.seen = 0;
        check_iterate(GREEN_SEC);
        check_that(probe.seen & GREEN_READ && probe.seen & GREEN_WRITE,
                   "not reported ready in each iteration (reported 0x%x)",
                   probe.seen);
    }
    check_unwatch(&probe);
    check_quiet(&probe, "an event reported after the listener was removed");
}

/* ---- Many --------------------------------------------------------------- */

#define MANY 1000

static void make_many(int (*fds)[2], struct check_probe *probes)
{
    struct rlimit limit;
    int i;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * MANY + 50)
        check_skip("it needs %d descriptors, but the limit (ulimit -n) is %lu",
                   2 * MANY + 50, (unsigned long)limit.rlim_cur);
    for (i = 0; i < MANY; i++) {
        check_socketpair(fds[i]);
        check_watch(&probes[i], fds[i][0], GREEN_READ);
    }
}

/* Every step-th pair gets data, and the hub must report these alone. */
static void try_some(int (*fds)[2], struct check_probe *probes, int step)
{
    int i;

    for (i = 0; i < MANY; i += step)
        check_send(fds[i][1]);
    for (i = 0; i < MANY; i += step) {
        check_until(&probes[i], GREEN_READ,
                    "readable not reported for one of many descriptors");
        check_drain(fds[i][0]);
    }
    check_iterate(0);
    for (i = 0; i < MANY; i++) {
        check_that((probes[i].calls != 0) == (i % step == 0),
                   "readable reported for descriptor %d, which has no data",
                   fds[i][0]);
        probes[i].calls = probes[i].seen = 0;
    }
}

static void many_descriptors(void)
{
    static struct check_probe probes[MANY];
    static int fds[MANY][2];
    int i;

    make_many(fds, probes);
    try_some(fds, probes, 1);
    try_some(fds, probes, 7);
    try_some(fds, probes, MANY - 1);
    for (i = 0; i < MANY; i += 2)
        check_unwatch(&probes[i]);
    check_send(fds[0][1]);
    check_send(fds[MANY - 1][1]);
    check_until(&probes[MANY - 1], GREEN_READ,
                "readable not reported for the last of many descriptors");
    check_that(probes[0].calls == 0,
               "an event reported after the listener was removed");
}

const struct check_rule check_rules_ready[] = {
    {"a socket is readable when data has arrived, only then", socket_readable,
     false},
    {"a pipe is readable when data has arrived, only then", pipe_readable,
     false},
    {"a socket is writable when there is room, only then", socket_writable,
     false},
    {"a pipe is writable when there is room, only then", pipe_writable, false},
    {"readiness is reported in every iteration until it ends",
     reported_in_every_iteration, false},
    {"a listening socket is readable until all are accepted",
     connections_until_drained, false},
    {"both directions of a descriptor are reported separately", both_directions,
     false},
    {"interest can be changed and restored", changed_interest, false},
    {"a removed listener is not called any more", removed, false},
    {"a hang-up wakes both directions", hang_up_wakes_both, false},
    {"an error wakes both directions", error_wakes_both, false},
    {"a pipe without a reader wakes its writer", broken_pipe, false},
    {"the end of a pipe wakes its reader", end_of_pipe, false},
    {"the end of the input wakes the reader", half_close, false},
    {"a regular file is always ready", regular_file, false},
    {"1,000 descriptors, with numbers above 1,023", many_descriptors, false},
    {0},
};
