/* The counters of green_patch_stats. */
#ifndef GREEN_PATCH_COUNT_H
#define GREEN_PATCH_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

struct green__counted {
    _Atomic(uint64_t) lock_waits, foreign_wakes, worker_calls, threads,
        native_instead;
};

extern struct green__counted green__counted;

static inline void green__count(_Atomic(uint64_t) *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
