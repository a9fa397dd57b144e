/* Rules of greenhub check: descriptors that are closed, numbers used again. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 50

/*
 * Closed behind the hub's back: told closed, told ready, or told nothing, but
 * the loop goes on, and does not spin for long.
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
    check_until(&closed, GREEN_WRITE, "not told writable");
    close(fds[0]);
    close(fds[1]);
    check_idle(20 * GREEN_MSEC);
    waits = check_idle(100 * GREEN_MSEC);
    check_that(waits <= 30,
               "%llu waits in 100 ms because of a closed descriptor: it spins",
               (unsigned long long)waits);
    check_send(others[1]);
    check_until(&other, GREEN_READ, "others are not told any more");
}

static void closed_then_given_up(void)
{
    struct check_probe closed, other;
    int fds[2], others[2];

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&closed, fds[0], GREEN_READ);
    check_watch(&other, others[0], GREEN_READ);
    check_turn(0);
    close(fds[0]);
    /* ENOENT: the hub has noticed by itself. */
    check_that(green_hub_remove(check_hub(), &closed.listener) == 0 ||
                   errno == ENOENT,
               "giving it up failed: %s", strerror(errno));
    check_send(others[1]);
    check_until(&other, GREEN_READ, "others are not told any more");
    check_drain(others[0]);
    check_turn(0);
    check_quiet(&other, "told readable after all was read");
}

/* Makes `fds[0]` have the number `fd`. */
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

/* The old socket has something to read, the new one has not. */
static void used_again_after_forget(void)
{
    struct check_probe old, new;
    int fds[2], number, round;

    check_socketpair(fds);
    number = fds[0];
    for (round = 0; round < ROUNDS; round++) {
        check_watch(&old, number, GREEN_READ);
        check_send(fds[1]);
        check_until(&old, GREEN_READ, "not told of what came in");
        old.calls = old.seen = 0;
        green_hub_forget(check_hub(), number);
        check_that(old.seen & GREEN_CLOSED, "forget tells 0x%x", old.seen);
        close(fds[0]);
        close(fds[1]);
        pair_at(fds, number);
        check_watch(&new, number, GREEN_READ);
        check_turn(0);
        check_that(new.calls == 0, "the new one is told what the old one had");
        check_send(fds[1]);
        check_until(&new, GREEN_READ, "the new one is not told");
        check_drain(number);
        check_unwatch(&new);
    }
}

/* Nobody said that the number stands for something new. */
static void used_again_unsaid(void)
{
    struct check_probe old, new;
    int fds[2], number, round;

    check_socketpair(fds);
    number = fds[0];
    for (round = 0; round < ROUNDS; round++) {
        check_watch(&old, number, GREEN_READ);
        check_turn(0);
        check_unwatch(&old);
        close(fds[0]);
        close(fds[1]);
        pair_at(fds, number);
        check_watch(&new, number, GREEN_READ);
        check_send(fds[1]);
        check_until(&new, GREEN_READ, "the new one is not told");
        check_drain(number);
        check_unwatch(&new);
    }
}

/* The same file stays open under another number: the kernel may remember. */
static void duplicate_stays_open(void)
{
    struct check_probe old, other;
    int fds[2], others[2], copy;
    uint64_t waits;

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&old, fds[0], GREEN_READ);
    check_turn(0);
    copy = dup(fds[0]);
    green_hub_forget(check_hub(), fds[0]);
    close(fds[0]);
    check_send(fds[1]); /* readable, under the number that nobody watches */
    waits = check_idle(50 * GREEN_MSEC);
    check_that(waits <= 20,
               "%llu waits in 50 ms because of a number that was forgotten",
               (unsigned long long)waits);
    check_watch(&other, others[0], GREEN_READ);
    check_send(others[1]);
    check_until(&other, GREEN_READ, "others are not told any more");
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
        check_that(errno == EBADF, "watching it fails with %s",
                   strerror(errno));
        return;
    }
    probe.seen = 0;
    check_until(&probe, GREEN_CLOSED, "watched, and not told closed");
}

const struct check_rule check_rules_closed[] = {
    {"a descriptor that is not open is refused, or told closed", not_open,
     false},
    {"one that is closed while watched neither hangs nor spins",
     closed_while_watched, false},
    {"one that is closed can be given up", closed_then_given_up, false},
    {"a number used again after forget has fresh events",
     used_again_after_forget, false},
    {"a number used again without a word is watched", used_again_unsaid, false},
    {"a forgotten number with a duplicate is silent", duplicate_stays_open,
     false},
    {0},
};
