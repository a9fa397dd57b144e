/*
 * Worker pools: OS threads for blocking calls, and the jobs that they run for
 * greenthreads. There are two pools, the public thread pool and one for name
 * look-ups, so that slow look-ups do not delay other jobs, nor the reverse.
 *
 * The life of a job:
 *
 *      greenthread                          a thread of the pool
 *      -----------                          --------------------
 *      queues it            QUEUED
 *      parks                RUNNING         takes it off the queue, calls fn
 *                           DONE            posts a call to the hub
 *      the hub wakes it; frees it
 *
 * If the greenthread is killed or times out meanwhile:
 *
 *      QUEUED               it takes the job back: fn is not called
 *      RUNNING, LEFT        with may_leave: the OS thread frees it after fn
 *      RUNNING              otherwise the greenthread waits on, shielded
 *      DONE                 the greenthread waits for the hub's pending call
 *
 * When the hub closes and drops the greenthread, the same rules apply, but the
 * OS thread waits in place of the greenthread.
 *
 * One lock guards `state`, `hub` and the queues. The greenthread's side reads
 * `result` and `error` after DONE.
 */
#ifndef GREEN_WORKER_POOL_H
#define GREEN_WORKER_POOL_H

#include <greenhub/hub.h>
#include <greenhub/thread_pool.h>

#include "base/list.h"
#include "greenthread/park.h"
#include "hub/hub.h"

enum green__worker_pool {
    GREEN__THREAD_POOL,
    GREEN__RESOLVER,
    GREEN__WORKER_POOLS,
};

enum green__job_state {
    GREEN__JOB_QUEUED,
    GREEN__JOB_RUNNING,
    GREEN__JOB_DONE,
    GREEN__JOB_LEFT, /* no greenthread waits: the OS thread frees it */
};

/* The function to run, and its terms. */
struct green__work {
    long (*fn)(void *arg);
    void *arg;
    bool may_leave;          /* a killed greenthread need not wait for fn */
    void (*left)(void *arg); /* cleans arg up then; may be NULL */
    /* A signal ends the wait, unless SA_RESTART is set; with may_leave. */
    bool restarts;
};

struct green__job {
    struct green__work work;
    struct green_list link; /* queued, or running */
    enum green__worker_pool pool;
    enum green__job_state state;
    long result;
    int error;
    struct green_hub *hub; /* wakes the waiter; NULL: it is closing */
    struct green_call call;
    struct green__hub_ref hub_ref;
    struct green__waiter *waiter;
};

/* Returns the most OS threads of a pool. All of these may be called from any OS
 * thread. */
unsigned green__worker_pool_size(enum green__worker_pool pool);
void green__worker_pool_resize(enum green__worker_pool pool, unsigned size);
void green__worker_pool_count(enum green__worker_pool pool,
                              struct green_thread_pool_stats *stats);

/*
 * Queues a job, and starts an OS thread for it if none is idle. Returns 0, or
 * -1 with errno if there is no OS thread at all.
 */
int green__worker_pool_submit(struct green__job *job);

/*
 * The greenthread wants to stop waiting for its job. Returns the job's state.
 * QUEUED: it is off the queue, and the caller owns it. LEFT: the OS thread owns
 * it. RUNNING or DONE: the caller must wait for it.
 */
enum green__job_state green__worker_pool_withdraw(struct green__job *job);

/* The same when the hub closes. Waits for fn if it must: on return the job is
 * the caller's or LEFT. `forked`: in a forked child. */
enum green__job_state green__worker_pool_abandon(struct green__job *job,
                                                 bool forked);

/* Calls `left` and frees a job that no greenthread waits for. */
void green__job_clean_up(struct green__job *job);

/*
 * The greenthread's side, in thread_pool.c: an OS thread of the pool runs the
 * work. Returns 0 after fn has returned, with its result and errno in *result
 * and errno; else -1 with errno. May switch.
 */
GREEN__PRIVATE int green__worker_pool_run(enum green__worker_pool pool,
                                          const struct green__work *work,
                                          long *result);

#endif
