/* What the door answers. */
#ifndef GREEN_DEBUG_COMMANDS_H
#define GREEN_DEBUG_COMMANDS_H

#include "base/text.h"
#include "tools/debug_connection.h"

/*
 * Carries out a line, without its newline; may change it. What is printed is the
 * answer, unless the connection waits for something afterwards
 * (connection->state).
 */
void green__debug_command(struct green__connection *connection, char *line,
                          struct green__text *out);

/* Goes on with a line that had to wait, when its time has come or its errand is
 * done; or answers one that does not fit. */
void green__debug_command_ends(struct green__connection *connection,
                               struct green__text *out);

/* Whether the door has a command of its own by that name. */
bool green__debug_has_command(const char *name);

/* debug_registry.c: makes an errand of a command of the program's. NULL with
 * ENOENT, or ENOMEM. Puts where it runs into the last two. */
struct green__errand *
green__debug_registered(char **words, int *os_thread,
                        const struct green__scheduler **scheduler);
/* Prints their names. */
void green__debug_print_registered(struct green__text *out);

/* debug_stats.c */
void green__debug_print_stats(struct green__text *out, bool prometheus);

/* Seconds as a duration, NULL is one; -1: they are none. */
green_time green__debug_interval(const char *word);

/* debug_trace.c: begins a trace, writes it when its time is over, or throws it away
 * if the connection has one. */
void green__debug_trace(struct green__connection *connection, char **words,
                        struct green__text *out);
void green__debug_trace_ends(struct green__connection *connection,
                             struct green__text *out);
void green__debug_trace_leave(struct green__connection *connection);

/* debug_top.c: what has happened since `before`. */
void green__debug_print_top(struct green__text *out,
                            const struct green__survey *before, bool json);

#endif
