/*
 * syscall(SYS_futex, ...): the waits of C++'s std::atomic, of Rust's and of
 * other libraries' own locks. All other system calls pass.
 *
 * No kill or timeout ends a wait: futex(2) has no error that says so, and at
 * one that it does not know libstdc++ throws, through functions that may not,
 * which ends the program.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "patch/count.h"
#include "patch/lock.h"
#include "patch/times.h"

static const struct green__wait_kind waiting_for_futex = {.name = "futex"};

/* A call's arguments, as futex(2) names them. */
struct futex {
    const uint32_t *word;
    unsigned operation; /* with its flags */
    uint32_t value;
    const struct timespec *timeout; /* or a number */
    uint32_t *word2;
    uint32_t value3;
};

static long call_kernel(const struct futex *futex)
{
    return green__real()->syscall(SYS_futex, futex->word, futex->operation,
                                  futex->value, futex->timeout, futex->word2,
                                  futex->value3);
}

static unsigned command_of(const struct futex *futex)
{
    return futex->operation & FUTEX_CMD_MASK;
}

static bool has_bits(const struct futex *futex)
{
    return command_of(futex) == FUTEX_WAIT_BITSET ||
           command_of(futex) == FUTEX_WAKE_BITSET;
}

static uint32_t bits_of(const struct futex *futex)
{
    return has_bits(futex) ? futex->value3 : FUTEX_BITSET_MATCH_ANY;
}

/* ---- Waiting --------------------------------------------------------------- */

/* False if the time is not valid. WAIT's is a duration. */
static bool begin_limit(const struct futex *futex, green_time *deadline)
{
    const struct timespec *timeout = futex->timeout;

    *deadline = GREEN_FOREVER;
    if (!timeout)
        return true;
    if (!green__timespec_is_valid(timeout))
        return false;
    if (command_of(futex) == FUTEX_WAIT)
        *deadline = green__time_add(green_now(), green__nanoseconds(timeout));
    else
        *deadline = green__deadline_of(futex->operation & FUTEX_CLOCK_REALTIME
                                           ? CLOCK_REALTIME
                                           : CLOCK_MONOTONIC,
                                       timeout);
    return true;
}

/* Has the kernel compare the word: a requeue of no waiter. 0, or -1 with EAGAIN or
 * what else is wrong with the word. */
static int compare(const struct futex *futex)
{
    const struct futex requeue = {
        .word = futex->word,
        .operation =
            FUTEX_CMP_REQUEUE | (futex->operation & FUTEX_PRIVATE_FLAG),
        .word2 = (uint32_t *)(uintptr_t)futex->word,
        .value3 = futex->value,
    };

    return call_kernel(&requeue) < 0 ? -1 : 0;
}

/* How long a futex of several processes is waited for without a look. */
#define LOOK (5 * GREEN_MSEC)

/* Another process cannot wake the lot: look at the word now and then. */
static bool is_over(const struct futex *futex, green_time deadline)
{
    if (green_now() >= deadline)
        return true;
    return !(futex->operation & FUTEX_PRIVATE_FLAG) &&
           __atomic_load_n(futex->word, __ATOMIC_SEQ_CST) != futex->value;
}

static green_time park_until(const struct futex *futex, green_time deadline)
{
    green_time look;

    if (futex->operation & FUTEX_PRIVATE_FLAG)
        return deadline;
    look = green__time_add(green_now(), LOOK);
    return look < deadline ? look : deadline;
}

/* Enters the lot if the word still has the value. 0, or -1 with errno. */
static int enter_lot(const struct futex *futex, struct green__lot_place *here)
{
    int error;

    if (green__lot_enter(here, futex->word, &waiting_for_futex) < 0)
        return -1;
    here->bits = bits_of(futex);
    if (compare(futex) == 0)
        return 0;
    error = errno;
    if (green__lot_leave(here))
        green__lot_wake_bits(futex->word, 1, here->bits);
    return green__refuse(error);
}

/* A word that has changed by a later look means woken, as it would for the kernel,
 * which compares it once. */
static int wait_in_lot(const struct futex *futex, green_time deadline)
{
    struct green__lot_place here;

    for (bool looks_again = false;; looks_again = true) {
        if (enter_lot(futex, &here) < 0) {
            if (errno == EAGAIN && looks_again)
                return 0;
            return errno == ENOMEM ? (int)call_kernel(futex) : -1;
        }
        if (green__lot_park_shielded(&here, park_until(futex, deadline)) == 0)
            return 0;
        if (errno != EAGAIN)
            return green__refuse(EINTR); /* of a hub that failed */
        if (is_over(futex, deadline))
            return green_now() >= deadline ? green__refuse(ETIMEDOUT) : 0;
    }
}

static long wait_greenly(const struct futex *futex)
{
    int saved = errno;
    green_time deadline;

    if (!begin_limit(futex, &deadline) || bits_of(futex) == 0)
        return green__refuse(EINVAL);
    if (wait_in_lot(futex, deadline) < 0)
        return -1;
    errno = saved;
    return 0;
}

/* ---- Waking ---------------------------------------------------------------- */

/* The kernel wakes one even for none. */
static unsigned at_least_one(uint32_t value)
{
    if ((int)value <= 0)
        return 1;
    return value;
}

static long wake_both(const struct futex *futex)
{
    unsigned most = at_least_one(futex->value), woken;
    struct futex rest = *futex;
    long more;

    green__release_fence();
    woken = green__lot_has_waiters(futex->word)
                ? green__lot_wake_bits(futex->word, most, bits_of(futex))
                : 0;
    if (woken >= most)
        return woken;
    rest.value = most - woken;
    more = woken ? call_kernel(&rest) : call_kernel(futex);
    return woken ? woken + (more > 0 ? more : 0) : more;
}

/* Greenthreads that would be moved to the other word are woken:
 * wake-ups of a futex may be spurious. */
static long requeue(const struct futex *futex)
{
    long result = call_kernel(futex);
    unsigned most;

    if (result < 0 || !green__lot_has_waiters(futex->word))
        return result;
    most = futex->value + (unsigned)(uintptr_t)futex->timeout;
    return result + green__lot_wake_slow(futex->word, most);
}

static long wake_operation(const struct futex *futex)
{
    long result = call_kernel(futex);

    if (result < 0)
        return result;
    result += green__lot_wake(futex->word, at_least_one(futex->value));
    return result + green__lot_wake(futex->word2, GREEN__LOT_ALL);
}

static long call_futex(const struct futex *futex)
{
    switch (command_of(futex)) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return green__lock_is_green() ? wait_greenly(futex)
                                      : call_kernel(futex);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return wake_both(futex);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(futex);
    case FUTEX_WAKE_OP:
        return wake_operation(futex);
    default:
        return call_kernel(futex);
    }
}

GREEN__HOOK long syscall(long number, ...)
{
    long a[6];
    va_list arguments;

    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_futex) {
        const struct futex futex = {
            .word = (const uint32_t *)a[0],
            .operation = (unsigned)a[1],
            .value = (uint32_t)a[2],
            .timeout = (const struct timespec *)a[3],
            .word2 = (uint32_t *)a[4],
            .value3 = (uint32_t)a[5],
        };

        return call_futex(&futex);
    }
    return green__real()->syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
