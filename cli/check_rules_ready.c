/* Rules of greenhub check: who is told what of a descriptor. */
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
    check_quiet(&probe, "told readable with nothing to read");
    check_send(from);
    check_until(&probe, GREEN_READ, "not told of what came in");
    check_drain(to);
    check_turn(0); /* what was seen before the data was read may come now */
    check_quiet(&probe, "told readable after all was read");
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
    check_until(&probe, GREEN_WRITE, "not told of room to write");
    check_that((probe.seen & GREEN_READ) == 0,
               "told readable with nothing to read");
    check_fill(fd);
    check_turn(0);
    check_quiet(&probe, "told writable without room");
    probe.seen = 0;
    check_drain(other);
    check_until(&probe, GREEN_WRITE, "not told of room that was made");
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

static void told_in_every_turn(void)
{
    struct check_probe probe;
    int fds[2], i;

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    check_send(fds[1]);
    check_until(&probe, GREEN_READ, "not told of what came in");
    for (i = 0; i < 5; i++) {
        probe.seen = 0;
        check_turn(GREEN_SEC);
        check_that(probe.seen & GREEN_READ,
                   "told %u times, then no more, though nobody has read",
                   probe.calls);
    }
    check_drain(fds[0]);
    check_turn(0);
    check_quiet(&probe, "told readable after all was read");
}

static void both_directions(void)
{
    struct check_probe in, out, both;
    int fds[2];

    check_socketpair(fds);
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    check_watch(&both, fds[0], GREEN_READ | GREEN_WRITE);
    check_until(&out, GREEN_WRITE, "not told writable");
    check_that(in.calls == 0, "the reader is told 0x%x, with nothing to read",
               in.seen);
    check_send(fds[1]);
    check_until(&in, GREEN_READ, "not told readable beside writable");
    check_until(&both, GREEN_READ, "who asks for both is not told readable");
    check_that(both.seen & GREEN_WRITE,
               "who asks for both is not told writable");
}

static void changed_interest(void)
{
    struct check_probe in, out;
    int fds[2];

    check_socketpair(fds);
    check_watch(&in, fds[0], GREEN_READ);
    check_quiet(&in, "told readable with nothing to read");
    check_watch(&out, fds[0], GREEN_WRITE);
    check_until(&out, GREEN_WRITE, "not told writable when asked for later");
    check_unwatch(&out);
    check_turn(0);
    check_quiet(&in, "told something after `writable` was given up");
    check_send(fds[1]);
    check_until(&in, GREEN_READ, "not told readable after a change");
    check_unwatch(&in);
    check_quiet(&in, "told readable after it was given up");
    check_watch(&in, fds[0], GREEN_READ);
    check_until(&in, GREEN_READ, "not told readable when asked for again");
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
        check_skip("no listener on loopback: %s", strerror(errno));
    for (i = 0; i < 5; i++) {
        if (connect(socket(AF_INET, SOCK_STREAM, 0), address, length) < 0)
            check_skip("connect: %s", strerror(errno));
    }
    check_watch(&probe, listener, GREEN_READ);
    for (i = 0; i < 5; i++) {
        probe.seen = 0;
        check_until(&probe, GREEN_READ, "connections are left in the backlog");
        check_that(accept(listener, NULL, NULL) >= 0, "accept: %s",
                   strerror(errno));
    }
    check_turn(0);
    check_quiet(&probe, "told of connections when there are none");
}

static void hang_up_wakes_both(void)
{
    struct check_probe in, out;
    int fds[2];

    check_socketpair(fds);
    check_fill(fds[0]);
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    check_quiet(&in, "told readable with nothing to read");
    close(fds[1]);
    check_until(&in, GREEN_READ, "the reader is not told of a hang-up");
    check_until(&out, GREEN_WRITE, "the writer is not told of a hang-up");
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
    check_until(&in, GREEN_READ, "the reader is not told of a reset");
    check_until(&out, GREEN_WRITE, "the writer is not told of a reset");
}

static void broken_pipe(void)
{
    struct check_probe probe;
    int fds[2];

    check_pipe(fds);
    check_fill(fds[1]);
    check_watch(&probe, fds[1], GREEN_WRITE);
    check_quiet(&probe, "told writable without room");
    close(fds[0]);
    check_until(&probe, GREEN_WRITE, "not told that the reader has gone");
}

static void end_of_pipe(void)
{
    struct check_probe probe;
    int fds[2];

    check_pipe(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    close(fds[1]);
    check_until(&probe, GREEN_READ, "not told of the end of a pipe");
}

static void half_close(void)
{
    struct check_probe probe;
    int fds[2];

    check_tcp_pair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    shutdown(fds[1], SHUT_WR);
    check_until(&probe, GREEN_READ, "not told of the end of the input");
}

static void given_up(void)
{
    struct check_probe probe;
    int fds[2];

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ | GREEN_WRITE);
    check_until(&probe, GREEN_WRITE, "not told writable");
    check_unwatch(&probe);
    check_send(fds[1]);
    check_quiet(&probe, "told of a descriptor that was given up");
    close(fds[1]);
    check_quiet(&probe, "told of a hang-up, of what was given up");
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
        check_turn(GREEN_SEC);
        check_that(probe.seen & GREEN_READ && probe.seen & GREEN_WRITE,
                   "not told ready in each turn (told 0x%x)", probe.seen);
    }
    check_unwatch(&probe);
    check_quiet(&probe, "told ready after it was given up");
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
        check_skip("it takes %d descriptors, the limit (ulimit -n) is %lu",
                   2 * MANY + 50, (unsigned long)limit.rlim_cur);
    for (i = 0; i < MANY; i++) {
        check_socketpair(fds[i]);
        check_watch(&probes[i], fds[i][0], GREEN_READ);
    }
}

/* Those in a step are written to, and they alone must be told. */
static void try_some(int (*fds)[2], struct check_probe *probes, int step)
{
    int i;

    for (i = 0; i < MANY; i += step)
        check_send(fds[i][1]);
    for (i = 0; i < MANY; i += step) {
        check_until(&probes[i], GREEN_READ, "one of many is not told");
        check_drain(fds[i][0]);
    }
    check_turn(0);
    for (i = 0; i < MANY; i++) {
        check_that((probes[i].calls != 0) == (i % step == 0),
                   "descriptor %d is told in place of another", fds[i][0]);
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
    check_until(&probes[MANY - 1], GREEN_READ, "the last of many is not told");
    check_that(probes[0].calls == 0, "one that was given up is told");
}

const struct check_rule check_rules_ready[] = {
    {"a socket is readable when something came in, only then", socket_readable,
     false},
    {"a pipe is readable when something came in, only then", pipe_readable,
     false},
    {"a socket is writable when there is room, only then", socket_writable,
     false},
    {"a pipe is writable when there is room, only then", pipe_writable, false},
    {"ready is told in every turn until it is no more", told_in_every_turn,
     false},
    {"connections are told of until all are accepted",
     connections_until_drained, false},
    {"both directions of a descriptor are told apart", both_directions, false},
    {"interest can change, and come back", changed_interest, false},
    {"what was given up is not told any more", given_up, false},
    {"a hang-up wakes both directions", hang_up_wakes_both, false},
    {"an error wakes both directions", error_wakes_both, false},
    {"a pipe without reader wakes its writer", broken_pipe, false},
    {"the end of a pipe wakes its reader", end_of_pipe, false},
    {"the end of the input wakes the reader", half_close, false},
    {"a regular file is always ready", regular_file, false},
    {"1,000 descriptors, numbers over 1,023", many_descriptors, false},
    {0},
};
