/* A greenthread that waits for a descriptor, and the result of the wait. */
#ifndef TESTS_PARKED_H
#define TESTS_PARKED_H

#include "support.h"

static inline void *read_result(void *arg)
{
    char byte = 0;
    ssize_t n = green_read(*(int *)arg, &byte, 1);

    return (void *)(intptr_t)(n < 0 ? -errno : n == 0 ? 0 : byte);
}

static inline struct green_thread *spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    green_sleep(0);
    green_sleep(0);
    return thread;
}

static inline intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

#endif
