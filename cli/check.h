/*
 * greenhub check: rules that every hub keeps, each tried in a process of its
 * own, through the public API alone.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <greenhub.h>

struct check_rule {
    const char *name; /* NULL ends the table */
    void (*run)(void);
    bool real_time; /* makes no sense on a hub with a clock of its own */
};

extern const struct check_rule check_rules_ready[];
extern const struct check_rule check_rules_closed[];
extern const struct check_rule check_rules_time[];
extern const struct check_rule check_rules_life[];
extern const struct check_rule check_rules_operations[];

/* What is checked, as green_use_hub takes it. */
extern const char *check_target;

/* Ends the rule: it is broken, or cannot be tried here. printf-style. */
void check_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void check_skip(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Ends the rule as broken unless `ok`. */
void check_that(bool ok, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- What the rules are written with (check_support.c) ------------------ */

/* A listener that notes what it is told. */
struct check_probe {
    struct green_listener listener;
    unsigned calls; /* how often it was called */
    unsigned seen;  /* all events that it was told */
};

/* Milliseconds as the real clock sees them, and until it has passed. */
green_time check_clock(void);

struct green_hub *check_hub(void);
uint64_t check_waits(void);

/* A connected pair of stream sockets, not blocking; a pipe alike. */
void check_socketpair(int fds[2]);
void check_pipe(int fds[2]);
/* A TCP connection over loopback, not blocking. */
void check_tcp_pair(int fds[2]);
/* Writes until it would block. */
void check_fill(int fd);
/* Reads until it would block. */
void check_drain(int fd);
void check_send(int fd);

void check_watch(struct check_probe *probe, int fd, unsigned events);
void check_unwatch(struct check_probe *probe);

/* One turn: both halves. The wait is `timeout` at the longest. */
void check_turn(green_time timeout);

/* Turns until the probe has been told one of `events`, or fails with `what`. */
void check_until(struct check_probe *probe, unsigned events, const char *what);

/* Turns for a while, in which the probe must not be called. */
void check_quiet(struct check_probe *probe, const char *what);

/* Turns for `duration` of the hub's time; returns the number of waits. */
uint64_t check_idle(green_time duration);

#endif
