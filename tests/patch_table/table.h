/*
 * The table of conformance: what a hooked function does, natively and green.
 *
 * A row is one function and one case. It runs in two processes: in the first
 * nothing is patched, and an OS thread is the other side; in the second it
 * runs on a greenthread with the groups on, and a greenthread is the other
 * side. Each run describes itself in a text (result, errno, what became of
 * buffers, flags, ...), and the texts must be the same.
 *
 *     static void later_bytes(void)
 *     {
 *         unix_ends();
 *         later(send_abc);
 *         said(recv(ends[0], buffer, sizeof buffer, 0));
 *         say("%.*s", 3, buffer);
 *     }
 *
 *     {"recv", "bytes that come later", later_bytes, BLOCKS}
 */
#ifndef TESTS_PATCH_TABLE_H
#define TESTS_PATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of any type; it is cast to its own before the call. */
typedef void function(void);

enum row_flag {
    /* The call waits for `later`: it is run once more, and killed instead. */
    BLOCKS = 1,
    /* Only the green run, compared with `expected`: natively it would wait for
     * ever, or the caller cannot be killed. */
    GREEN_ONLY = 2,
    /* A row of a product: on a file that is no socket. */
    ON_FILES = 4,
    /* A call of a product: it works on sockets alone. */
    SOCKETS_ONLY = 8,
    /* The caller is main, whose waits the signals of the process interrupt. */
    ON_MAIN = 16,
};

struct row {
    const char *call; /* its name in src/patch/names.h */
    const char *what; /* the case */
    void (*run)(void);
    unsigned flags;
    const char *expected; /* of GREEN_ONLY */
    function *subject;    /* of a product, see add_product */
};

/* One of several functions that do the same. */
struct call {
    const char *name;
    function *subject; /* what the rows call it by */
    unsigned flags;
};

/* The subject of the row that runs. */
extern function *subject;

void add_rows(const struct row *rows, size_t count);
/* Each call with each row. */
void add_product(const struct call *calls, size_t call_count,
                 const struct row *rows, size_t row_count);

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- For rows --------------------------------------------------------- */

/* Before the first call: the time begins, and errno is a number of no error, so
 * that a call that changes it on success is noticed. */
void begin(void);

/* Adds to the text, and prepares errno for the next call. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The result, errno if it is negative or has changed, SIGPIPE if it came. */
void said(long result);
/* The same for functions that return the error. */
void said_error(int error);
/* Whether this much time has passed since `begin`. */
void say_waited(int64_t nanoseconds);

/* The other side calls `act` once the caller waits. */
void later(void (*act)(void));
/* In `act`: until the caller waits again. */
void await_caller(void);
void await_interrupted_caller(void);
/* In `act`: ends when the row's call has ended. */
void raise_at_caller(int signal);
/* A handler that does nothing; `flags` as SA_RESTART. */
void catch_signal(int signal, int flags);

/* Whether the row runs green. */
bool is_green(void);

/* Ends the run: what the row needs cannot be had. */
void needs(bool there, const char *what);

/* Two ends, [0] reads, [1] writes; nothing else of the row's is in them. */
extern int ends[2];
void unix_ends(void);
void datagram_ends(void);
void tcp_ends(void);
void pipe_ends(void);
/* Fills what ends[1] writes to. */
void fill(void);

/* Acts for `later`, on the ends. */
void write_abc(void);
void write_def(void);
void close_reader(void);
void close_writer(void);
void drain(void);
void act_nothing(void);

/* A temporary file with this text, its position at 0; it has no name. */
int file_with(const char *text);

extern char buffer[65536];

/* ---- The tables ------------------------------------------------------- */

void add_readers(void);
void add_waiting_readers(void);
void add_receivers(void);
void add_writers(void);
void add_senders(void);
void add_many(void);
void add_sockets(void);
void add_flags(void);
void add_numbers(void);
void add_polls(void);
void add_selects(void);
void add_epolls(void);
void add_sleeps(void);
void add_names(void);
void add_threads(void);
void add_processes(void);
void add_streams_read(void);
void add_streams_write(void);
void add_streams_open(void);
void add_signals(void);
void add_moves(void);
void add_queues(void);
void add_message_queues(void);
void add_queries(void);
void add_older_names(void);

#endif
