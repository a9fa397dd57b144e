/*
 * pthread_cancel can end an OS thread while its hub waits, on every hub: a wait
 * is a cancellation point. The C library's calls are cancellation points by
 * themselves; calls through syscall(2) or liburing are not, and a cancellation
 * would never take effect. So during such a call it may take effect at any
 * instruction, and the code in between must tolerate that: it is a system call
 * and little more.
 */
#ifndef GREEN_HUB_CANCEL_H
#define GREEN_HUB_CANCEL_H

#include <pthread.h>

#include "base/system.h"

static inline int green__cancellation_begin(void)
{
    int former;

    /* Around one system call, which holds no resources: this makes it a
     * cancellation point. */
    green__system.pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former);
    return former;
}

/* Preserves errno. */
static inline void green__cancellation_end(int former)
{
    green__system.pthread_setcanceltype(former, &former);
}

#endif
