/* Support for the rules of greenhub check. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a rule waits for an event that must come, and for one that must
 * not. */
#define PATIENCE (4 * GREEN_SEC)
#define QUIET (30 * GREEN_MSEC)

green_time check_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (green_time)now.tv_sec * GREEN_SEC + now.tv_nsec;
}

struct green_hub *check_hub(void)
{
    struct green_hub *hub = green_get_hub();

    check_that(hub != NULL, "there is no hub: %s", green_hub_error());
    return hub;
}

uint64_t check_waits(void)
{
    struct green_hub_stats stats;

    check_that(green_hub_stats(check_hub(), &stats) == 0,
               "green_hub_stats failed");
    return stats.waits;
}

/* ---- Descriptors ------------------------------------------------------- */

static void require(bool ok, const char *what)
{
    if (!ok)
        check_skip("%s: %s", what, strerror(errno));
}

void check_socketpair(int fds[2])
{
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                       fds) == 0,
            "socketpair");
}

void check_pipe(int fds[2])
{
    require(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0, "pipe2");
}

void check_tcp_pair(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr *address = (struct sockaddr *)&at;
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    require(listener >= 0 && bind(listener, address, length) == 0 &&
                listen(listener, 1) == 0 &&
                getsockname(listener, address, &length) == 0,
            "listening on loopback");
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fds[0] >= 0 && connect(fds[0], address, length) == 0, "connect");
    fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    require(fds[1] >= 0, "accept4");
    require(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0, "fcntl");
    close(listener);
}

void check_fill(int fd)
{
    static const char block[4096];

    while (write(fd, block, sizeof block) > 0)
        continue;
    /* A pipe without room for a block may have room for a byte. */
    while (write(fd, block, 1) > 0)
        continue;
}

void check_drain(int fd)
{
    char block[4096];

    while (read(fd, block, sizeof block) > 0)
        continue;
}

void check_send(int fd)
{
    require(write(fd, "x", 1) == 1, "write");
}

/* ---- Iterations -------------------------------------------------------- */

static void note(struct green_listener *listener, unsigned events)
{
    struct check_probe *probe = listener->arg;

    probe->calls++;
    probe->seen |= events;
}

void check_watch(struct check_probe *probe, int fd, unsigned events)
{
    memset(probe, 0, sizeof *probe);
    probe->listener.fd = fd;
    probe->listener.events = events;
    probe->listener.callback = note;
    probe->listener.arg = probe;
    check_that(green_hub_add(check_hub(), &probe->listener) == 0,
               "green_hub_add failed for descriptor %d: %s", fd,
               strerror(errno));
}

void check_unwatch(struct check_probe *probe)
{
    check_that(green_hub_remove(check_hub(), &probe->listener) == 0,
               "green_hub_remove failed for descriptor %d: %s",
               probe->listener.fd, strerror(errno));
}

void check_iterate(green_time timeout)
{
    struct green_hub *hub = check_hub();

    check_that(green_hub_wait(hub, timeout) == 0, "green_hub_wait failed: %s",
               strerror(errno));
    check_that(green_hub_dispatch(hub) == 0, "green_hub_dispatch failed: %s",
               strerror(errno));
}

void check_until(struct check_probe *probe, unsigned events, const char *what)
{
    green_time end = check_clock() + PATIENCE;

    while ((probe->seen & events) == 0 && check_clock() < end)
        check_iterate(100 * GREEN_MSEC);
    check_that((probe->seen & events) != 0, "%s (reported so far: 0x%x)", what,
               probe->seen);
}

uint64_t check_idle(green_time duration)
{
    uint64_t before = check_waits();
    green_time end = green_now() + duration, now;

    while ((now = green_now()) < end)
        check_iterate(end - now);
    return check_waits() - before;
}

void check_quiet(struct check_probe *probe, const char *what)
{
    unsigned calls = probe->calls;
    uint64_t waits = check_idle(QUIET);

    check_that(probe->calls == calls, "%s (reported 0x%x)", what, probe->seen);
    check_that(waits <= 10, "%llu waits in 30 ms with nothing to do: it spins",
               (unsigned long long)waits);
}
