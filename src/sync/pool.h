/* A pool as piles see it. */
#ifndef GREEN_POOL_H
#define GREEN_POOL_H

#include <greenhub/pool.h>

#include "sync/waiters.h"

/* Lies on its greenthread's stack. */
struct green__pool_job {
    struct green_pool *pool;
    void *(*fn)(void *);
    void (*procedure)(void *); /* in place of fn: nobody joins it */
    void *arg;
    void (*ended)(void *arg); /* at its very end; may be NULL */
};

/*
 * Takes a place, or waits for one. 0: there is one. 1: run the job here, since the
 * caller is one of the pool's jobs, or works for one. -1 with errno.
 */
int green__pool_enter(struct green_pool *pool, bool may_run_inside);

/* Gives a place back. */
void green__pool_leave(struct green_pool *pool);

/* A greenthread for a job that has a place, to be started. NULL with errno, and
 * the place was given back. */
struct green_thread *green__pool_prepare(const struct green__pool_job *job,
                                         void *spawned_at);

/* Whether the caller is one of the pool's jobs. */
bool green__pool_is_inside(const struct green_pool *pool);

#endif
