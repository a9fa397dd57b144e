/* What the test programs share. Uses only the public API and libcheck. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <greenhub.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

/* The body of main: runs a suite, each case in a process of its own. */
int run_suite(Suite *suite);

/*
 * Adds a libcheck test case to a suite; each of its tests may take 20 seconds.
 * libcheck's loops and multiplier (CK_TIMEOUT_MULTIPLIER) apply.
 */
TCase *add_tcase(Suite *suite, const char *name);

/*
 * Records that the calling case cannot run here, and why. Return after it:
 *
 *     if (...) { SKIP("needs ..."); return; }
 */
#define SKIP(why) skip_case(__func__, why)
void skip_case(const char *function, const char *why);

/* Whether the library was built with -Dplatform=posix, so that it has nothing of
 * Linux's own. The tests themselves may use it all the same. */
bool lacks_linux(void);

/* Whether an emulator (qemu-user, in make test-cross) runs the program. It
 * does not support all that the kernel does. */
bool is_emulated(void);

/* tcase_add_test and its kin leave out there what tests/emulated.c lists. */
#define _tcase_add_test(...) add_case(__VA_ARGS__)
void add_case(TCase *tcase, const TTest *test, int signal, int status,
              int start, int end);

/* The call returns -1 and sets this errno. */
#define ck_fails(call, expected)                                               \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_int_eq((long)(call), -1);                                    \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* The call returns NULL and sets this errno. */
#define ck_fails_null(call, expected)                                          \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_ptr_null(call);                                              \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* The greenthread can be joined, and its function never ran. */
#define ck_cancelled(thread)                                                   \
    do {                                                                       \
        void *joined_ = NULL;                                                  \
        ck_assert_int_eq(green_join(thread, &joined_), 0);                     \
        ck_assert_ptr_eq(joined_, GREEN_CANCELED);                             \
    } while (0)

/* The call returns 0, the end, with the error that ended the stream or with
 * 0. */
#define ck_ends(call, expected)                                                \
    do {                                                                       \
        errno = EILSEQ;                                                        \
        ck_assert_int_eq((long)(call), 0);                                     \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* The call returns 1, an item, and the item is this error. */
#define ck_sent(call, expected)                                                \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_int_eq((long)(call), 1);                                     \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

#define ck_ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, strerror(errno))

/* The hub under test: GREENHUB_HUB, or "epolls". */
const char *hub_under_test(void);
/* Whether a build or a system may lack this hub. */
bool may_be_missing(const char *name);
/* Whether its clock is virtual: time passes only while the hub waits. */
bool on_sim(void);
/* Whether the library was built to expose bugs by random choices
 * (GREENHUB_CHAOS_SEED). */
bool in_chaos(void);

/* The name of the sanitizer, valgrind or emulator that runs the program, or
 * NULL. */
const char *checker(void);
bool under_valgrind(void);

/* Under a checker, `count` divided by `divisor`: checkers are slow, and need
 * more memory for each stack. */
static inline int fewer_if_checked(int count, int divisor)
{
    return checker() ? count / divisor : count;
}

/* Makes a connected pair, blocking, close-on-exec; a failure fails the case. */
void tcp_pair(int fds[2]);
void unix_pair(int fds[2]);
void pipe_pair(int fds[2]); /* [0] reads, [1] writes */

/*
 * A pair of one of PAIR_KINDS kinds, for tests that loop over them with _i:
 * TCP, Unix domain and pipe, made first by the system calls, then by the green
 * ones. [0] reads, [1] writes.
 */
#define PAIR_KINDS 6
#define FIRST_GREEN_KIND 3
void make_pair(int kind, int fds[2]);
bool is_pipe_kind(int kind);
/* Whether the library has OS threads read and write it: a pipe that no green call has
 * made, on a system without RWF_NOWAIT. */
bool pipe_needs_os_threads(int kind);
bool is_tcp_kind(int kind);

/* A port of 127.0.0.1 without a listener. */
int unused_port(void);
/* A listening TCP socket on 127.0.0.1; stores its port in *port. */
int tcp_listener(int *port);

/* Duplicates a descriptor to a number of at least `least`, and closes the old
 * one. */
int raise_fd(int fd, int least);

/* The statistics of this OS thread's hub. */
struct green_hub_stats stats_now(void);

/* How many descriptors this process has open; how many mappings it has. */
int count_fds(void);
int count_mappings(void);
/* Resident memory, and address space, in KiB. */
long resident_kib(void);
long mapped_kib(void);

/* Waits for a child. Returns its exit status, or 1000 + the signal that killed
 * it. */
int wait_child(pid_t pid);

/* Spawns a greenthread with a name. */
struct green_thread *spawn_named(const char *name, void *(*fn)(void *),
                                 void *arg);

/* green_thread_pool_run that returns the function's result; -1 also if the call
 * itself fails. */
long on_thread(long (*fn)(void *arg), void *arg);

/* The time of CLOCK_MONOTONIC, also on a hub with a virtual clock. */
green_time real_clock(void);

#endif
