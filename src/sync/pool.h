/* The pool's interface for piles. */
#ifndef GREEN_POOL_H
#define GREEN_POOL_H

#include <greenhub/pool.h>

#include "sync/waiters.h"

/* A record on its greenthread's stack. */
struct green__pool_job {
    struct green_pool *pool;
    void *(*fn)(void *);
    void (*procedure)(void *); /* in place of fn: detached */
    void *arg;
    void (*ended)(void *arg); /* called at the greenthread's end; may be NULL */
};

/*
 * Takes a place, or waits for one. Returns 0 with a place; 1 if the caller must
 * run the job itself, since it is one of the pool's jobs or works for one and
 * there is no place; or -1 with errno.
 */
int green__pool_enter(struct green_pool *pool, bool may_run_inside);

/* Gives a place back. */
void green__pool_leave(struct green_pool *pool);

/* Makes, but does not start, a greenthread for a job that has a place. On
 * failure returns NULL with errno, and gives the place back. */
struct green_thread *green__pool_prepare(const struct green__pool_job *job,
                                         void *spawned_at);

/* Whether the caller is one of the pool's jobs. */
bool green__pool_is_inside(const struct green_pool *pool);

#endif
