/*
 * A full barrier between a function of libc's that released a lock, and what
 * follows.
 */
#ifndef GREEN_PATCH_RELEASE_FENCE_H
#define GREEN_PATCH_RELEASE_FENCE_H

#include <stdatomic.h>

#if defined(__x86_64__)

/* libc releases locks by an atomic exchange, which is a full barrier on this
 * processor; while the process has one OS thread, order needs none. */
static inline void green__release_fence(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

#else

/* A release only keeps earlier accesses before it: a later load may overtake
 * it. */
static inline void green__release_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

#endif

#endif
