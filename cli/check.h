/*
 * greenhub check: rules that every hub keeps. Each runs in a process of its own
 * and uses the public API alone.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <greenhub.h>

struct check_rule {
    const char *name; /* NULL ends the table */
    void (*run)(void);
    bool real_time; /* skipped on a hub with virtual time */
};

extern const struct check_rule check_rules_ready[];
extern const struct check_rule check_rules_closed[];
extern const struct check_rule check_rules_time[];
extern const struct check_rule check_rules_life[];
extern const struct check_rule check_rules_operations[];

/* The hub to check, as green_use_hub takes it. */
extern const char *check_target;

/* Ends the rule as broken, or as impossible to try here. printf-style. */
void check_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void check_skip(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Ends the rule as broken unless `ok`. */
void check_that(bool ok, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Support for the rules (check_support.c) ----------------------------- */

/* A listener that records the events reported to it. */
struct check_probe {
    struct green_listener listener;
    unsigned calls; /* of the callback */
    unsigned seen;  /* all events reported */
};

/* Nanoseconds of CLOCK_MONOTONIC, whatever clock the hub has. */
green_time check_clock(void);

struct green_hub *check_hub(void);
uint64_t check_waits(void);

/* A non-blocking connected pair of stream sockets; a non-blocking pipe. */
void check_socketpair(int fds[2]);
void check_pipe(int fds[2]);
/* A non-blocking TCP connection over loopback. */
void check_tcp_pair(int fds[2]);
/* Writes until it would block. */
void check_fill(int fd);
/* Reads until it would block. */
void check_drain(int fd);
void check_send(int fd);

void check_watch(struct check_probe *probe, int fd, unsigned events);
void check_unwatch(struct check_probe *probe);

/* One iteration: green_hub_wait for at most `timeout`, then
 * green_hub_dispatch. */
void check_iterate(green_time timeout);

/* Iterates until the hub reports one of `events` to the probe; after 4 s the
 * rule fails with `what`. */
void check_until(struct check_probe *probe, unsigned events, const char *what);

/* Iterates for 30 ms, in which the hub must not call the probe or spin. */
void check_quiet(struct check_probe *probe, const char *what);

/* Iterates for `duration` of the hub's time; returns the number of waits. */
uint64_t check_idle(green_time duration);

#endif
