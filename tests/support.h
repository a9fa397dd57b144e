/* What the test programs share. Public API and libcheck alone. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <greenhub.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

/* main's whole work: runs a suite, each case in a process of its own. */
int run_suite(Suite *suite);

/*
 * A libcheck test case of a suite, its tests with a limit of 20 seconds each.
 * Loops and multipliers (CK_TIMEOUT_MULTIPLIER) are libcheck's.
 */
TCase *add_tcase(Suite *suite, const char *name);

/*
 * Notes that the calling case cannot be run here, and why; return after it:
 *     if (...) { SKIP("needs ..."); return; }
 */
#define SKIP(why) skip_case(__func__, why)
void skip_case(const char *function, const char *why);

/* Whether an emulator (qemu-user, in make test-aarch64) stands in for the
 * kernel, which does not do all that the kernel does. */
bool is_emulated(void);

/* The call fails with -1 and this errno. */
#define ck_fails(call, expected)                                               \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_int_eq((long)(call), -1);                                    \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* The call fails with NULL and this errno. */
#define ck_fails_null(call, expected)                                          \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_ptr_null(call);                                              \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* It can be joined, and its function never ran. */
#define ck_cancelled(thread)                                                   \
    do {                                                                       \
        void *joined_ = NULL;                                                  \
        ck_assert_int_eq(green_join(thread, &joined_), 0);                     \
        ck_assert_ptr_eq(joined_, GREEN_CANCELED);                             \
    } while (0)

/* The call succeeds with the answer that an error has ended it, this one or none. */
#define ck_ends(call, expected)                                                \
    do {                                                                       \
        errno = EILSEQ;                                                        \
        ck_assert_int_eq((long)(call), 0);                                     \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

/* The call succeeds with the answer that an error was sent, this one. */
#define ck_sent(call, expected)                                                \
    do {                                                                       \
        errno = 0;                                                             \
        ck_assert_int_eq((long)(call), 1);                                     \
        ck_assert_int_eq(errno, expected);                                     \
    } while (0)

#define ck_ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, strerror(errno))

/* The hub under test: GREENHUB_HUB, or "epolls". */
const char *hub_under_test(void);
/* Whether a build or a system may be without this hub. */
bool may_be_missing(const char *name);
/* Whether its clock is virtual: time passes only while the hub waits. */
bool on_sim(void);
/* Whether the library was built to give bugs a chance (GREENHUB_CHAOS_SEED). */
bool in_chaos(void);

/* The sanitizer, valgrind or emulator that we run under, or NULL. */
const char *checker(void);

/* Under a checker fewer will do: they are slow, and keep more per stack. */
static inline int fewer_if_checked(int count, int divisor)
{
    return checker() ? count / divisor : count;
}

/* Connected pairs, blocking, close-on-exec; they fail the case if they can't. */
void tcp_pair(int fds[2]);
void unix_pair(int fds[2]);
void pipe_pair(int fds[2]); /* [0] reads, [1] writes */

/*
 * The same in all their kinds, for tests that loop over them with _i: TCP, unix
 * and pipe, first made by plain calls, then by green ones. [0] reads, [1]
 * writes.
 */
#define PAIR_KINDS 6
#define FIRST_GREEN_KIND 3
void make_pair(int kind, int fds[2]);
bool is_pipe_kind(int kind);
bool is_tcp_kind(int kind);

/* A port of 127.0.0.1 that nobody listens on. */
int unused_port(void);
/* A listening TCP socket on 127.0.0.1, its port in *port. */
int tcp_listener(int *port);

/* Puts a descriptor at a number of at least `least`, closing the old one. */
int raise_fd(int fd, int least);

/* What this thread's hub has counted. */
struct green_hub_stats stats_now(void);

/* How many descriptors this process has open, and how many mappings. */
int count_fds(void);
int count_mappings(void);
/* Resident memory, and address space, in KiB. */
long resident_kib(void);
long mapped_kib(void);

/* Waits for a child; its exit status, or 1000 + the signal that it died of. */
int wait_child(pid_t pid);

/* green_thread_pool_run for those who know apart whose -1 it is. */
long on_thread(long (*fn)(void *arg), void *arg);

/* What CLOCK_MONOTONIC says, whatever clock the hub has. */
green_time real_clock(void);

#endif
