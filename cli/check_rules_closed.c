/* Rules of greenhub check: closed descriptors and reused numbers. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 50

/*
 * The descriptor is closed without a call to the hub. The hub may report
 * closed, ready or nothing, but the loop goes on and does not spin for long.
 */
static void closed_while_watched(void)
{
    struct check_probe closed, other;
    int fds[2], others[2];
    uint64_t waits;

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&closed, fds[0], GREEN_READ | GREEN_WRITE);
    check_watch(&other, others[0], GREEN_READ);
    check_until(&closed, GREEN_WRITE, "writable not reported");
    close(fds[0]);
    close(fds[1]);
    check_idle(20 * GREEN_MSEC);
    waits = check_idle(100 * GREEN_MSEC);
    check_that(waits <= 30,
               "%llu waits in 100 ms because of a closed descriptor: it spins",
               (unsigned long long)waits);
    check_send(others[1]);
    check_until(&other, GREEN_READ,
                "other descriptors' events are not reported");
}

static void closed_then_removed(void)
{
    struct check_probe closed, other;
    int fds[2], others[2];

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&closed, fds[0], GREEN_READ);
    check_watch(&other, others[0], GREEN_READ);
    check_iterate(0);
    close(fds[0]);
    /* ENOENT: the hub has noticed the close and removed it. */
    check_that(green_hub_remove(check_hub(), &closed.listener) == 0 ||
                   errno == ENOENT,
               "green_hub_remove failed: %s", strerror(errno));
    check_send(others[1]);
    check_until(&other, GREEN_READ,
                "other descriptors' events are not reported");
    check_drain(others[0]);
    check_iterate(0);
    check_quiet(&other, "readable reported after all data was read");
}

/* Makes a socket pair whose `fds[0]` has the number `fd`. */
static void pair_at(int fds[2], int fd)
{
    check_socketpair(fds);
    if (fds[0] == fd)
        return;
    if (fds[1] == fd)
        fds[1] = dup(fd);
    check_that(dup2(fds[0], fd) == fd, "dup2: %s", strerror(errno));
    close(fds[0]);
    fds[0] = fd;
}

/* The old socket has data to read, the new one has none. */
static void reused_after_forget(void)
{
    struct check_probe old, new;
    int fds[2], number, round;

    check_socketpair(fds);
    number = fds[0];
    for (round = 0; round < ROUNDS; round++) {
        check_watch(&old, number, GREEN_READ);
        check_send(fds[1]);
        check_until(&old, GREEN_READ,
                    "readable not reported after data arrived");
        old.calls = old.seen = 0;
        green_hub_forget(check_hub(), number);
        check_that(old.seen & GREEN_CLOSED, "green_hub_forget reports 0x%x",
                   old.seen);
        close(fds[0]);
        close(fds[1]);
        pair_at(fds, number);
        check_watch(&new, number, GREEN_READ);
        check_iterate(0);
        check_that(
            new.calls == 0,
            "an event of the old descriptor is reported for the new one");
        check_send(fds[1]);
        check_until(&new, GREEN_READ,
                    "readable not reported for the new descriptor");
        check_drain(number);
        check_unwatch(&new);
    }
}

/* No call tells the hub that the number is a new socket. */
static void reused_without_forget(void)
{
    struct check_probe old, new;
    int fds[2], number, round;

    check_socketpair(fds);
    number = fds[0];
    for (round = 0; round < ROUNDS; round++) {
        check_watch(&old, number, GREEN_READ);
        check_iterate(0);
        check_unwatch(&old);
        close(fds[0]);
        close(fds[1]);
        pair_at(fds, number);
        check_watch(&new, number, GREEN_READ);
        check_send(fds[1]);
        check_until(&new, GREEN_READ,
                    "readable not reported for the new descriptor");
        check_drain(number);
        check_unwatch(&new);
    }
}

/* The file stays open under another number, so epoll may still report it. */
static void duplicate_stays_open(void)
{
    struct check_probe old, other;
    int fds[2], others[2], copy;
    uint64_t waits;

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&old, fds[0], GREEN_READ);
    check_iterate(0);
    copy = dup(fds[0]);
    green_hub_forget(check_hub(), fds[0]);
    close(fds[0]);
    check_send(fds[1]); /* readable under `copy`, which is not watched */
    waits = check_idle(50 * GREEN_MSEC);
    check_that(
        waits <= 20,
        "%llu waits in 50 ms because of a forgotten descriptor: it spins",
        (unsigned long long)waits);
    check_watch(&other, others[0], GREEN_READ);
    check_send(others[1]);
    check_until(&other, GREEN_READ,
                "other descriptors' events are not reported");
    close(copy);
}

static void not_open(void)
{
    struct check_probe probe = {0};
    int fds[2], result;

    check_socketpair(fds);
    close(fds[0]);
    probe.listener.fd = fds[0];
    probe.listener.events = GREEN_READ;
    check_watch(&probe, fds[1], GREEN_READ);
    check_unwatch(&probe);
    probe.listener.fd = fds[0];
    result = green_hub_add(check_hub(), &probe.listener);
    if (result < 0) {
        check_that(errno == EBADF,
                   "green_hub_add fails with %s, not with EBADF",
                   strerror(errno));
        return;
    }
    probe.seen = 0;
    check_until(&probe, GREEN_CLOSED,
                "green_hub_add succeeds, but closed is not reported");
}

const struct check_rule check_rules_closed[] = {
    {"a descriptor that is not open is refused or reported closed", not_open,
     false},
    {"closing a watched descriptor neither hangs nor spins the loop",
     closed_while_watched, false},
    {"a closed descriptor can be removed", closed_then_removed, false},
    {"a number reused after green_hub_forget has fresh events",
     reused_after_forget, false},
    {"a number reused without green_hub_forget is watched",
     reused_without_forget, false},
    {"a forgotten number with an open duplicate reports nothing",
     duplicate_stays_open, false},
    {0},
};
