/* What the tests of own TLS share: greenthreads with a thread control block of
 * their own. */
#ifndef TESTS_UNIT_OWN_TLS_H
#define TESTS_UNIT_OWN_TLS_H

#include <stdlib.h>

#include "greenthread/scheduler.h"
#include "greenthread/spawn.h"
#include "patch/tls.h"
#include "support.h"

#define MANY 4

static _Thread_local int number = 42;
static _Thread_local char room[100];

/* Not inlined: a compiler may take a thread-local's address for the same on
 * both sides of a change of the thread control block. */
static GREEN__NOINLINE __attribute__((unused)) int *number_here(void)
{
    int *here = &number;

    __asm__ volatile("" : "+r"(here));
    return here;
}

static GREEN__NOINLINE __attribute__((unused)) int *errno_here(void)
{
    int *here = &errno;

    __asm__ volatile("" : "+r"(here));
    return here;
}

/* ---- Greenthreads with a block of their own ------------------------------- */ /* ---- Greenthreads with a block of their own ------------------------------- */

struct job {
    void (*fn)(void *arg);
    void *arg;
};

static inline void *run_job(void *arg)
{
    struct job job = *(struct job *)arg;

    green__tls_begins();
    job.fn(job.arg);
    green__tls_ends();
    return NULL;
}

static inline struct green_thread *spawn_own(void (*fn)(void *arg), void *arg)
{
    struct green_thread *thread =
        green__spawn_make(run_job, NULL, sizeof(struct job), NULL);
    struct green__tls *tls = green__tls_make();
    struct job *job;

    ck_assert_ptr_nonnull(thread);
    ck_assert_ptr_nonnull(tls);
    job = green__record_of(thread, sizeof *job);
    *job = (struct job){fn, arg};
    thread->arg = job;
    green__identity_set(green__scheduler(), thread, &tls->identity);
    green__spawn_start(thread);
    return thread;
}

/* Runs it in `count` greenthreads at once, each with its number. */
static inline void run_own(void (*fn)(void *arg), int count)
{
    struct green_thread *threads[MANY];

    for (int i = 0; i < count; i++)
        threads[i] = spawn_own(fn, (void *)(intptr_t)i);
    for (int i = 0; i < count; i++)
        ck_ok(green_join(threads[i], NULL));
}

/* False, and the case is skipped, where it cannot be had. */
static inline bool begin_here(void)
{
    if (green__tls_prepare() < 0) {
        ck_assert_int_eq(errno, ENOTSUP);
        ck_assert_str_ne(green_hub_error(), "");
        return false;
    }
    ck_ok(green__tls_here(green__scheduler()));
    return true;
}

#define BEGIN()                                                                \
    do {                                                                       \
        if (!begin_here()) {                                                   \
            SKIP(green_hub_error());                                           \
            return;                                                            \
        }                                                                      \
    } while (0)

/* ---- Jobs ------------------------------------------------------------------ */

static inline void nothing(void *arg)
{
    (void)arg;
}

static inline void use_variables(void *arg)
{
    int mine = (int)(intptr_t)arg + 1;

    ck_assert_int_eq(*errno_here(), 0);
    ck_assert_int_eq(*number_here(), 42);
    for (size_t i = 0; i < sizeof room; i++)
        ck_assert_int_eq(room[i], 0);
    for (int i = 0; i < 3; i++) {
        *errno_here() = mine;
        *number_here() = mine;
        memset(room, mine, sizeof room);
        green_sleep(0);
        ck_assert_int_eq(*errno_here(), mine);
        ck_assert_int_eq(*number_here(), mine);
        ck_assert_int_eq(room[sizeof room - 1], mine);
    }
}

static inline void use_malloc(void *arg)
{
    char *small[50];

    for (size_t i = 0; i < 50; i++) {
        small[i] = malloc(i * 40 + 1);
        memset(small[i], (int)(intptr_t)arg, i * 40 + 1);
        if (i % 10 == 0)
            green_sleep(0);
    }
    for (size_t i = 0; i < 50; i++)
        free(small[i]);
    free(malloc(200000));
}

#endif
