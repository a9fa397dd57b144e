/* The OS threads' side of a job: queue, threads, fork. See pool.h. */
#include "sync/worker_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/system.h"

#define THREAD_POOL_SIZE 20
#define RESOLVER_SIZE 4
#define IDLE_SECONDS 5

/*
 * Guarded by the lock. `idle` counts the threads that wait for `work`, or soon
 * will: those that were just started, and those that were signalled and have not
 * run yet, whose jobs are still in the queue.
 */
struct pool {
    unsigned most, threads, idle, queued;
    struct green_list queue, running; /* of struct green__job */
    pthread_cond_t work;
};

static struct pool pools[GREEN__WORKER_POOLS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done; /* for those whose hub is going */
static unsigned forks;      /* how many lie between main's process and this */
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
    error = pthread_cond_init(condition, &attr);
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

/* All but the sizes. */
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
    pthread_mutex_lock(&lock);
}

static void parent_after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/*
 * The child has none of the threads. Jobs of the OS thread that forked went with
 * its hub, before this; of those that others' greenthreads had queued the memory
 * is all that is left. One that runs may be the job that has forked: then it ends
 * on the only thread that the child has.
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
    pthread_mutex_init(&lock, NULL);
    once_error = reset();
}

static void set_up(void)
{
    pools[GREEN__THREAD_POOL].most = size_from_environment();
    pools[GREEN__RESOLVER].most = RESOLVER_SIZE;
    once_error = reset();
    /* In a child the hubs go first: handlers run in the order of registering. */
    if (!once_error && green__self_register(green__self()) < 0)
        once_error = errno;
    if (!once_error)
        once_error =
            pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}

static struct pool *acquire(enum green__worker_pool which)
{
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    return &pools[which];
}

static void release(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- The threads ----------------------------------------------------- */

void green__job_clean_up(struct green__job *job)
{
    if (job->work.left)
        job->work.left(job->work.arg);
    green__system.release(job);
}

/* With the lock held. */
static void finish(struct green__job *job)
{
    green__list_remove(&job->link);
    if (job->state == GREEN__JOB_LEFT) {
        release();
        green__job_clean_up(job);
        pthread_mutex_lock(&lock);
        return;
    }
    job->state = GREEN__JOB_DONE;
    if (job->hub)
        green_hub_call_threadsafe(job->hub, &job->call);
    else
        pthread_cond_broadcast(&done);
}

/* With the lock held, but while fn runs. */
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
    pthread_mutex_lock(&lock);
    finish(job);
}

/* Whether a thread is one too many, and may end: the last one only when there
 * is nothing to do. With the lock held. */
static bool is_surplus(const struct pool *pool)
{
    return pool->threads > pool->most &&
           (pool->threads > 1 || green__list_empty(&pool->queue));
}

/* With the lock held. NULL: nothing to do for so long that it may end. */
static struct green__job *next_job(struct pool *pool)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    while (green__list_empty(&pool->queue) && !is_surplus(pool) && !error)
        error = pthread_cond_timedwait(&pool->work, &lock, &until);
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

    pthread_mutex_lock(&lock);
    forks_before = forks;
    while ((job = next_job(pool)) != NULL) {
        work_on(pool, job);
        if (forks != forks_before)
            goto in_child; /* this is no thread of its pool */
        pool->idle++;
    }
    pool->threads--;

in_child:
    release();
    return NULL;
}

/* With the lock held. Signals are for the program's own threads. */
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
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attr, thread_main, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error)
        return error;
    pool->threads++;
    pool->idle++;
    return 0;
}

/*
 * As many as the queue has use for, and one for a job that was queued while the
 * size was set to 0. With the lock held. An error only when there is none at all:
 * otherwise a job waits its turn.
 */
static int start_threads(struct pool *pool)
{
    unsigned most = pool->most > 0 ? pool->most : 1;
    int error = 0;

    while (!error && pool->queued > pool->idle && pool->threads < most)
        error = start_thread(pool);
    return pool->threads ? 0 : error;
}

/* ---- What the greenthread's side calls ------------------------------- */

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
    pthread_cond_broadcast(&pool->work);
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
            pthread_cond_signal(&pool->work);
        }
    }
    release();
    return error ? green__refuse(error) : 0;
}

/* With the lock held, or in a child that has one thread. */
static enum green__job_state let_go(struct pool *pool, struct green__job *job)
{
    if (job->state == GREEN__JOB_QUEUED) {
        green__list_remove(&job->link);
        pool->queued--;
    } else if (job->state == GREEN__JOB_RUNNING && job->work.may_leave) {
        job->state = GREEN__JOB_LEFT;
    }
    return job->state;
}

enum green__job_state green__worker_pool_let_go(struct green__job *job)
{
    struct pool *pool = acquire(job->pool);
    enum green__job_state state = let_go(pool, job);

    release();
    return state;
}

enum green__job_state green__worker_pool_abandon(struct green__job *job,
                                                 bool forked)
{
    enum green__job_state state;
    struct pool *pool;

    if (forked) { /* before_fork holds the lock; its thread is not here */
        if (job->state == GREEN__JOB_QUEUED)
            pools[job->pool].queued--;
        green__list_remove(&job->link);
        return GREEN__JOB_DONE;
    }
    pool = acquire(job->pool);
    job->hub = NULL;
    state = let_go(pool, job);
    while (job->state == GREEN__JOB_RUNNING)
        pthread_cond_wait(&done, &lock);
    release();
    return state == GREEN__JOB_RUNNING ? GREEN__JOB_DONE : state;
}
