/*
 * OS threads for calls that block, and the jobs that they do for greenthreads.
 * There are two pools: the thread pool's, and one for name look-ups, so that slow
 * names keep nobody else's jobs waiting, nor the reverse.
 *
 * The life of a job:
 *
 *      greenthread                          a thread of the pool
 *      -----------                          --------------------
 *      queues it            QUEUED
 *      parks                RUNNING         takes it off the queue, calls fn
 *                           DONE            has the greenthread's hub called
 *      is woken by the hub, frees it
 *
 * and when the greenthread is killed or timed out meanwhile:
 *
 *      QUEUED               it is taken back: fn is not called
 *      RUNNING, LEFT        if it may be left: the thread frees it after fn
 *      RUNNING              otherwise the greenthread waits on, shielded
 *      DONE                 the call is on its way: that is waited for
 *
 * When the hub goes with the greenthread, so does the job: by the same rules, but
 * that it is the OS thread that waits.
 *
 * `state`, `hub` and the queues are guarded by one lock; the greenthread's side
 * reads `result` and `error` after DONE.
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
    GREEN__JOB_LEFT, /* nobody waits: the thread frees it */
};

/* What is to be done. */
struct green__work {
    long (*fn)(void *arg);
    void *arg;
    bool may_leave;          /* a killed greenthread does not wait for fn */
    void (*left)(void *arg); /* what becomes of arg then; may be NULL */
};

struct green__job {
    struct green__work work;
    struct green_list link; /* queued, or running */
    enum green__worker_pool pool;
    enum green__job_state state;
    long result;
    int error;
    struct green_hub *hub; /* whose calls wake the waiter; NULL: it is going */
    struct green_call call;
    struct green__hub_ref hub_ref;
    struct green__waiter *waiter;
};

/* How many threads it may have. From any thread, like all of these. */
unsigned green__worker_pool_size(enum green__worker_pool pool);
void green__worker_pool_resize(enum green__worker_pool pool, unsigned size);
void green__worker_pool_count(enum green__worker_pool pool,
                              struct green_thread_pool_stats *stats);

/*
 * Queues a job, and starts a thread for it if there is none to spare. 0, or -1
 * with errno when there is no thread at all.
 */
int green__worker_pool_submit(struct green__job *job);

/*
 * Its greenthread would go. QUEUED: it is off the queue, and the caller's alone.
 * LEFT: it is the thread's alone. RUNNING or DONE: it must be waited for.
 */
enum green__job_state green__worker_pool_let_go(struct green__job *job);

/* The same with its hub: when it returns, the job is the caller's or LEFT. */
enum green__job_state green__worker_pool_abandon(struct green__job *job,
                                                 bool forked);

/* What a job that nobody waits for leaves. */
void green__job_clean_up(struct green__job *job);

/*
 * The greenthread's side, in thread_pool.c: has the work done by a thread of the
 * pool. Returns 0 when fn has returned, with what in *result and errno, else -1
 * with errno. May switch.
 */
int green__worker_pool_run(enum green__worker_pool pool,
                           const struct green__work *work, long *result);

#endif
