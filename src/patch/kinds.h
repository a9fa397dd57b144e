/*
 * How libc marks its locks that greenthreads cannot wait for in the lot. The
 * marks are found by making one lock of each kind, so no constant of libc's is
 * guessed.
 */
#ifndef GREEN_PATCH_KINDS_H
#define GREEN_PATCH_KINDS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>

#include "base/attributes.h"

struct green__kinds {
    int mutex_error_check; /* the type, within mutex_types */
    int mutex_types;
    int mutex_by_tid; /* robust, or priority inheritance: the kernel knows its
                         owner */
    int mutex_shared; /* by processes; or with a priority ceiling */
    unsigned condition_shared, condition_monotonic;
    size_t semaphore_word; /* offset of an int that differs ... */
    int semaphore_shared;  /* ... and has this value if shared */
};

extern struct green__kinds green__kinds;

/* 0, or -1 with ENOTSUP and words if this libc does not mark them so. */
int green__kinds_find(void);

/* Waiting for it takes more than the lot. */
static inline bool green__mutex_is_odd(const pthread_mutex_t *mutex)
{
    return green__unlikely(mutex->__data.__kind & (green__kinds.mutex_by_tid |
                                                   green__kinds.mutex_shared));
}

static inline bool green__mutex_has_tid(const pthread_mutex_t *mutex)
{
    return green__unlikely(mutex->__data.__kind & green__kinds.mutex_by_tid);
}

static inline bool green__mutex_checks_errors(const pthread_mutex_t *mutex)
{
    return (mutex->__data.__kind & green__kinds.mutex_types) ==
           green__kinds.mutex_error_check;
}

static inline bool green__condition_is_shared(const pthread_cond_t *condition)
{
    return condition->__data.__wrefs & green__kinds.condition_shared;
}

static inline clockid_t green__condition_clock(const pthread_cond_t *condition)
{
    return condition->__data.__wrefs & green__kinds.condition_monotonic
               ? CLOCK_MONOTONIC
               : CLOCK_REALTIME;
}

static inline bool green__semaphore_is_shared(const sem_t *semaphore)
{
    int word;

    memcpy(&word, (const char *)semaphore + green__kinds.semaphore_word,
           sizeof word);
    return word == green__kinds.semaphore_shared;
}

#endif
