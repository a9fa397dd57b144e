/* The OS threads' side of a job: queue, OS threads, fork. See worker_pool.h. */
#include "sync/worker_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/system.h"

#define THREAD_POOL_SIZE 20
#define RESOLVER_SIZE 16
#define IDLE_SECONDS 5

/*
 * Guarded by the lock. `idle` counts the OS threads that wait for `work` or
 * soon will: newly started ones, and signalled ones that have not run yet,
 * whose jobs are still in the queue.
 */
struct pool {
    unsigned most, threads, idle, queued;
    struct green_list queue, running; /* of struct green__job */
    pthread_cond_t work;
};

static struct pool pools[GREEN__WORKER_POOLS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done; /* for OS threads that close their hub */
static unsigned forks;      /* forks since the first process */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error;

/* ---- Making ---------------------------------------------------------- */

static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attr;
    int error;

    error = pthread_condattr_init(&attr);
    if (error)
        return error;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    error = green__system.pthread_cond_init(condition, &attr);
    pthread_condattr_destroy(&attr);
    return error;
}

static unsigned size_from_environment(void)
{
    const char *text = getenv("GREENHUB_THREADS");
    unsigned long size;
    char *end;

    if (!text || *text < '0' || *text > '9')
        return THREAD_POOL_SIZE;
    size = strtoul(text, &end, 10);
    return *end || size > GREEN_THREAD_POOL_MOST ? THREAD_POOL_SIZE
                                                 : (unsigned)size;
}

/* Resets all but the sizes. */
static int reset(void)
{
    int error = init_condition(&done);

    for (int i = 0; i < GREEN__WORKER_POOLS && !error; i++) {
        struct pool *pool = &pools[i];

        pool->threads = pool->idle = pool->queued = 0;
        green__list_init(&pool->queue);
        green__list_init(&pool->running);
        error = init_condition(&pool->work);
    }
    return error;
}

static void before_fork(void)
{
    green__system.pthread_mutex_lock(&lock);
}

static void parent_after_fork(void)
{
    green__system.pthread_mutex_unlock(&lock);
}

/*
 * The child has none of the worker threads. The forking OS thread's jobs went
 * with its hub before this handler. Queued jobs of other OS threads'
 * greenthreads are only memory to free. A running job may be the one that
 * forked: it ends on the child's only OS thread.
 */
static void child_after_fork(void)
{
    forks++;
    for (int i = 0; i < GREEN__WORKER_POOLS; i++) {
        struct green_list *link, *next;

        green__list_each_safe (&pools[i].queue, link, next)
            green__system.release(container_of(link, struct green__job, link));
        green__list_each_safe (&pools[i].running, link, next) {
            struct green__job *job =
                container_of(link, struct green__job, link);

            green__list_init(link);
            job->state = GREEN__JOB_LEFT;
            job->work.left = NULL;
        }
    }
    green__system.pthread_mutex_init(&lock, NULL);
    once_error = reset();
}

static void set_up(void)
{
    pools[GREEN__THREAD_POOL].most = size_from_environment();
    pools[GREEN__RESOLVER].most = RESOLVER_SIZE;
    once_error = reset();
    /* Register the hubs' handler first: in a child, hubs must go before the
     * jobs, and child handlers run in the order of registration. */
    if (!once_error && green__self_register(green__self()) < 0)
        once_error = errno;
    if (!once_error)
        once_error =
            pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}

static struct pool *acquire(enum green__worker_pool which)
{
    green__system.pthread_once(&once, set_up);
    green__system.pthread_mutex_lock(&lock);
    return &pools[which];
}

static void release(void)
{
    green__system.pthread_mutex_unlock(&lock);
}

/* ---- Worker threads -------------------------------------------------- */

void green__job_clean_up(struct green__job *job)
{
    if (job->work.left)
        job->work.left(job->work.arg);
    green__system.release(job);
}

/* Called with the lock held. */
static void finish(struct green__job *job)
{
    green__list_remove(&job->link);
    if (job->state == GREEN__JOB_LEFT) {
        release();
        green__job_clean_up(job);
        green__system.pthread_mutex_lock(&lock);
        return;
    }
    job->state = GREEN__JOB_DONE;
    if (job->hub)
        green_hub_call_threadsafe(job->hub, &job->call);
    else
        green__system.pthread_cond_broadcast(&done);
}

/* Called with the lock held; releases it while fn runs. */
static void work_on(struct pool *pool, struct green__job *job)
{
    green__list_remove(&job->link);
    green__list_append(&pool->running, &job->link);
    pool->queued--;
    job->state = GREEN__JOB_RUNNING;
    release();
    errno = 0;
    job->result = job->work.fn(job->work.arg);
    job->error = errno;
    green__system.pthread_mutex_lock(&lock);
    finish(job);
}

/* Whether there is one OS thread too many. The last one may end only when the
 * queue is empty. Called with the lock held. */
static bool is_surplus(const struct pool *pool)
{
    return pool->threads > pool->most &&
           (pool->threads > 1 || green__list_empty(&pool->queue));
}

/* Called with the lock held. Returns NULL if the OS thread is to end: it is
 * surplus, or had no job for IDLE_SECONDS. */
static struct green__job *next_job(struct pool *pool)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    while (green__list_empty(&pool->queue) && !is_surplus(pool) && !error)
        error =
            green__system.pthread_cond_timedwait(&pool->work, &lock, &until);
    pool->idle--;
    if (is_surplus(pool) || green__list_empty(&pool->queue))
        return NULL;
    return container_of(pool->queue.next, struct green__job, link);
}

static void *thread_main(void *arg)
{
    struct pool *pool = arg;
    struct green__job *job;
    unsigned forks_before;

    green__system.pthread_mutex_lock(&lock);
    forks_before = forks;
    while ((job = next_job(pool)) != NULL) {
        work_on(pool, job);
        if (forks != forks_before)
            goto in_child; /* the child's OS thread belongs to no pool */
        pool->idle++;
    }
    pool->threads--;

in_child:
    release();
    return NULL;
}

/* Called with the lock held. Blocks all signals, so that the program's own OS
 * threads handle them. */
static int start_thread(struct pool *pool)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int error;

    error = pthread_attr_init(&attr);
    if (error)
        return error;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    green__system.pthread_sigmask(SIG_SETMASK, &all, &before);
    error = green__system.pthread_create(&thread, &attr, thread_main, pool);
    green__system.pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error)
        return error;
    pool->threads++;
    pool->idle++;
    return 0;
}

/*
 * Starts as many OS threads as the queue needs, within the size; at least one,
 * for a job queued while the size was being set to 0. Called with the lock
 * held. Returns an error only if there is no OS thread at all: otherwise a job
 * waits its turn.
 */
static int start_threads(struct pool *pool)
{
    unsigned most = pool->most > 0 ? pool->most : 1;
    int error = 0;

    while (!error && pool->queued > pool->idle && pool->threads < most)
        error = start_thread(pool);
    return pool->threads ? 0 : error;
}

/* ---- Called by the greenthread's side -------------------------------- */

unsigned green__worker_pool_size(enum green__worker_pool which)
{
    struct pool *pool = acquire(which);
    unsigned size = pool->most;

    release();
    return size;
}

void green__worker_pool_resize(enum green__worker_pool which, unsigned size)
{
    struct pool *pool = acquire(which);

    pool->most = size;
    start_threads(pool);
    green__system.pthread_cond_broadcast(&pool->work);
    release();
}

void green__worker_pool_count(enum green__worker_pool which,
                              struct green_thread_pool_stats *stats)
{
    struct pool *pool = acquire(which);
    const struct green_list *link;

    *stats = (struct green_thread_pool_stats){
        .size = pool->most,
        .threads = pool->threads,
        .queued = pool->queued,
    };
    green__list_each (&pool->running, link)
        stats->running++;
    release();
}

int green__worker_pool_submit(struct green__job *job)
{
    struct pool *pool = acquire(job->pool);
    int error = once_error;

    if (!error) {
        job->state = GREEN__JOB_QUEUED;
        green__list_append(&pool->queue, &job->link);
        pool->queued++;
        error = start_threads(pool);
        if (error) {
            green__list_remove(&job->link);
            pool->queued--;
        } else {
            green__system.pthread_cond_signal(&pool->work);
        }
    }
    release();
    return error ? green__refuse(error) : 0;
}

/* Called with the lock held. */
static enum green__job_state withdraw(struct pool *pool, struct green__job *job)
{
    if (job->state == GREEN__JOB_QUEUED) {
        green__list_remove(&job->link);
        pool->queued--;
    } else if (job->state == GREEN__JOB_RUNNING && job->work.may_leave) {
        job->state = GREEN__JOB_LEFT;
    }
    return job->state;
}

enum green__job_state green__worker_pool_withdraw(struct green__job *job)
{
    struct pool *pool = acquire(job->pool);
    enum green__job_state state = withdraw(pool, job);

    release();
    return state;
}

enum green__job_state green__worker_pool_abandon(struct green__job *job,
                                                 bool forked)
{
    enum green__job_state state;
    struct pool *pool;

    if (forked) { /* before_fork holds the lock; the worker threads are gone */
        if (job->state == GREEN__JOB_QUEUED)
            pools[job->pool].queued--;
        green__list_remove(&job->link);
        return GREEN__JOB_DONE;
    }
    pool = acquire(job->pool);
    job->hub = NULL;
    state = withdraw(pool, job);
    while (job->state == GREEN__JOB_RUNNING)
        green__system.pthread_cond_wait(&done, &lock);
    release();
    return state == GREEN__JOB_RUNNING ? GREEN__JOB_DONE : state;
}
