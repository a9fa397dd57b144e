/*
 * Waiting for what the kernel lets nobody wait for but an OS thread: a
 * greenthread tries again, at once when another one of this process has changed
 * something, and otherwise after a nap, as another process may have.
 */
#ifndef GREEN_PATCH_RETRY_H
#define GREEN_PATCH_RETRY_H

#include "greenthread/park.h"

struct green__retry {
    const void *address; /* what all wait for that are woken together */
    const struct green__wait_kind *kind;
    green_time deadline;
    green_time nap; /* 0 before the first */
};

/* 0 to try again; -1 with EAGAIN at the deadline, and as green__park. */
int green__retry_wait(struct green__retry *it);

/* Something has changed. Leaves errno alone. */
void green__retry_wake(const void *address);

#endif
