/* The greenthread's side of a worker-pool job, and the public functions. */
#include <greenhub/thread_pool.h>

#include <errno.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "sync/worker_pool.h"

static const struct green__wait_kind working = {.name = "thread pool"},
                                     restarting = {.name = "thread pool",
                                                   .signals = GREEN__RESTARTS};

/* The hub calls it after fn has returned. */
static void wake_waiter(struct green_call *call)
{
    struct green__job *job = call->arg;

    green__wake(job->waiter);
}

/* The hub closes, and drops the waiting greenthread. */
static void on_hub_close(struct green__hub_ref *hub_ref, bool forked)
{
    struct green__job *job = container_of(hub_ref, struct green__job, hub_ref);

    switch (green__worker_pool_abandon(job, forked)) {
    case GREEN__JOB_LEFT:
        return;
    case GREEN__JOB_RUNNING: /* green__worker_pool_abandon never returns it */
    case GREEN__JOB_QUEUED:
        green__job_clean_up(job);
        return;
    case GREEN__JOB_DONE:
        if (forked)
            job->work.left = NULL;
        green__job_clean_up(job);
        return;
    }
}

static int park(struct green__job *job)
{
    struct green__waiter waiter;

    green__waiter_init(&waiter, job->work.restarts ? &restarting : &working);
    job->waiter = &waiter;
    return green__park(&waiter);
}

/* Waits for DONE: fn still uses the caller's data, or the hub's call is
 * pending. */
static void wait_shielded(struct green__job *job)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    while (park(job) < 0)
        continue;
    green_shield_end(&shield);
}

/* Returns 0 if fn has returned; -1 with errno if it will not run, or runs on
 * without the caller. */
static int wait_for(struct green__job *job)
{
    struct green_hub *hub = job->hub;
    int error;

    if (park(job) == 0)
        return 0;
    error = errno;
    /* hub_ref first: the worker may free a LEFT job at any moment. */
    green__list_remove(&job->hub_ref.link);
    switch (green__worker_pool_withdraw(job)) {
    case GREEN__JOB_QUEUED:
        green__job_clean_up(job);
        return green__refuse(error);
    case GREEN__JOB_LEFT:
        return green__refuse(error);
    case GREEN__JOB_RUNNING:
    case GREEN__JOB_DONE:
        break;
    }
    green__hub_ref_add(hub, &job->hub_ref);
    wait_shielded(job);
    return 0;
}

static struct green__job *make_job(struct green__scheduler *s,
                                   enum green__worker_pool pool,
                                   const struct green__work *work)
{
    struct green__job *job = green__system.allocate(1, sizeof *job);

    if (!job) {
        errno = ENOMEM;
        return NULL;
    }
    job->work = *work;
    job->pool = pool;
    job->hub = s->hub;
    job->call = (struct green_call){.callback = wake_waiter, .arg = job};
    job->hub_ref.end = on_hub_close;
    green__list_init(&job->link);
    return job;
}

/* The job was not queued: call `left` at once. */
static int refuse_work(const struct green__work *work, int error)
{
    if (work->left)
        work->left(work->arg);
    return green__refuse(error);
}

static int run_on_thread(struct green__scheduler *s,
                         enum green__worker_pool pool,
                         const struct green__work *work, long *result)
{
    struct green__job *job = make_job(s, pool, work);
    int error;

    if (!job)
        return refuse_work(work, ENOMEM);
    if (green__worker_pool_submit(job) < 0) {
        error = errno;
        green__system.release(job);
        return refuse_work(work, error);
    }
    green__hub_ref_add(s->hub, &job->hub_ref);
    if (wait_for(job) < 0)
        return -1;
    green__list_remove(&job->hub_ref.link);
    *result = job->result;
    error = job->error;
    green__system.release(job);
    errno = error;
    return 0;
}

int green__worker_pool_run(enum green__worker_pool pool,
                           const struct green__work *work, long *result)
{
    struct green_thread *thread = green__current();
    int error;

    if (!thread)
        return refuse_work(work, errno);
    if (green__worker_pool_size(pool) == 0) {
        if (green__call_begins() < 0)
            return refuse_work(work, errno);
        errno = 0;
        *result = work->fn(work->arg);
        green__call_ends(GREEN__COST_DISK);
        return 0;
    }
    error = green__interruption(thread);
    if (error)
        return refuse_work(work, error);
    return run_on_thread(green__scheduler(), pool, work, result);
}

/* ---- Public functions ------------------------------------------------ */

int green_thread_pool_run(long (*fn)(void *arg), void *arg, long *result)
{
    const struct green__work work = {.fn = fn, .arg = arg};
    long unwanted;

    if (!fn)
        return green__refuse(EINVAL);
    return green__worker_pool_run(GREEN__THREAD_POOL, &work,
                                  result ? result : &unwanted);
}

int green_thread_pool_run_or_leave(long (*fn)(void *arg), void *arg,
                                   void (*left)(void *arg), long *result)
{
    const struct green__work work = {
        .fn = fn, .arg = arg, .may_leave = true, .left = left};
    long unwanted;

    if (!fn)
        return refuse_work(&work, EINVAL);
    return green__worker_pool_run(GREEN__THREAD_POOL, &work,
                                  result ? result : &unwanted);
}

int green_thread_pool_resize(unsigned size)
{
    if (size > GREEN_THREAD_POOL_MOST)
        return green__refuse(EINVAL);
    green__worker_pool_resize(GREEN__THREAD_POOL, size);
    return 0;
}

int green_thread_pool_stats(struct green_thread_pool_stats *stats)
{
    if (!stats)
        return green__refuse(EINVAL);
    green__worker_pool_count(GREEN__THREAD_POOL, stats);
    return 0;
}
