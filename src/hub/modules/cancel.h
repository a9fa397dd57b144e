/*
 * pthread_cancel ends an OS thread whose hub waits, on every hub: a wait is a
 * cancellation point. The C library's calls are that by themselves. Others, by
 * syscall(2) or by liburing, are not, and it would come never: so while they are
 * under way a cancellation may come anywhere. Whatever is in between must stand
 * that, at each instruction: a system call and no more, or nearly.
 */
#ifndef GREEN_HUB_CANCEL_H
#define GREEN_HUB_CANCEL_H

#include <pthread.h>

static inline int green__cancellation_begin(void)
{
    int former;

    /* Around one system call, which holds nothing: it is a cancellation point. */
    /* NOLINTNEXTLINE(cert-pos47-c) */
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former);
    return former;
}

/* Leaves errno alone. */
static inline void green__cancellation_end(int former)
{
    pthread_setcanceltype(former, &former);
}

#endif
