/* The OS threads' side of a job: queue, threads, fork. See crew.h. */
#include "sync/crew.h"

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
struct crew {
    unsigned most, threads, idle, queued;
    struct green_list queue, running; /* of struct green__job */
    pthread_cond_t work;
};

static struct crew crews[GREEN__CREWS];
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

    for (int i = 0; i < GREEN__CREWS && !error; i++) {
        struct crew *crew = &crews[i];

        crew->threads = crew->idle = crew->queued = 0;
        green__list_init(&crew->queue);
        green__list_init(&crew->running);
        error = init_condition(&crew->work);
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
    for (int i = 0; i < GREEN__CREWS; i++) {
        struct green_list *link, *next;

        green__list_each_safe (&crews[i].queue, link, next)
            green__system.release(container_of(link, struct green__job, link));
        green__list_each_safe (&crews[i].running, link, next) {
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
    crews[GREEN__THREAD_POOL].most = size_from_environment();
    crews[GREEN__RESOLVER].most = RESOLVER_SIZE;
    once_error = reset();
    /* In a child the hubs go first: handlers run in the order of registering. */
    if (!once_error && green__self_register(green__self()) < 0)
        once_error = errno;
    if (!once_error)
        once_error =
            pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}

static struct crew *acquire(enum green__crew which)
{
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    return &crews[which];
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
static void work_on(struct crew *crew, struct green__job *job)
{
    green__list_remove(&job->link);
    green__list_append(&crew->running, &job->link);
    crew->queued--;
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
static bool is_surplus(const struct crew *crew)
{
    return crew->threads > crew->most &&
           (crew->threads > 1 || green__list_empty(&crew->queue));
}

/* With the lock held. NULL: nothing to do for so long that it may end. */
static struct green__job *next_job(struct crew *crew)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    while (green__list_empty(&crew->queue) && !is_surplus(crew) && !error)
        error = pthread_cond_timedwait(&crew->work, &lock, &until);
    crew->idle--;
    if (is_surplus(crew) || green__list_empty(&crew->queue))
        return NULL;
    return container_of(crew->queue.next, struct green__job, link);
}

static void *thread_main(void *arg)
{
    struct crew *crew = arg;
    struct green__job *job;
    unsigned forks_before;

    pthread_mutex_lock(&lock);
    forks_before = forks;
    while ((job = next_job(crew)) != NULL) {
        work_on(crew, job);
        if (forks != forks_before)
            goto in_child; /* this is no thread of its crew */
        crew->idle++;
    }
    crew->threads--;

in_child:
    release();
    return NULL;
}

/* With the lock held. Signals are for the program's own threads. */
static int start_thread(struct crew *crew)
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
    error = pthread_create(&thread, &attr, thread_main, crew);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error)
        return error;
    crew->threads++;
    crew->idle++;
    return 0;
}

/*
 * As many as the queue has use for, and one for a job that was queued while the
 * size was set to 0. With the lock held. An error only when there is none at all:
 * otherwise a job waits its turn.
 */
static int start_threads(struct crew *crew)
{
    unsigned most = crew->most > 0 ? crew->most : 1;
    int error = 0;

    while (!error && crew->queued > crew->idle && crew->threads < most)
        error = start_thread(crew);
    return crew->threads ? 0 : error;
}

/* ---- What the greenthread's side calls ------------------------------- */

unsigned green__crew_size(enum green__crew which)
{
    struct crew *crew = acquire(which);
    unsigned size = crew->most;

    release();
    return size;
}

void green__crew_resize(enum green__crew which, unsigned size)
{
    struct crew *crew = acquire(which);

    crew->most = size;
    start_threads(crew);
    pthread_cond_broadcast(&crew->work);
    release();
}

void green__crew_count(enum green__crew which,
                       struct green_thread_pool_stats *stats)
{
    struct crew *crew = acquire(which);
    const struct green_list *link;

    *stats = (struct green_thread_pool_stats){
        .size = crew->most,
        .threads = crew->threads,
        .queued = crew->queued,
    };
    green__list_each (&crew->running, link)
        stats->running++;
    release();
}

int green__crew_submit(struct green__job *job)
{
    struct crew *crew = acquire(job->crew);
    int error = once_error;

    if (!error) {
        job->state = GREEN__JOB_QUEUED;
        green__list_append(&crew->queue, &job->link);
        crew->queued++;
        error = start_threads(crew);
        if (error) {
            green__list_remove(&job->link);
            crew->queued--;
        } else {
            pthread_cond_signal(&crew->work);
        }
    }
    release();
    return error ? green__refuse(error) : 0;
}

/* With the lock held, or in a child that has one thread. */
static enum green__job_state let_go(struct crew *crew, struct green__job *job)
{
    if (job->state == GREEN__JOB_QUEUED) {
        green__list_remove(&job->link);
        crew->queued--;
    } else if (job->state == GREEN__JOB_RUNNING && job->work.may_leave) {
        job->state = GREEN__JOB_LEFT;
    }
    return job->state;
}

enum green__job_state green__crew_let_go(struct green__job *job)
{
    struct crew *crew = acquire(job->crew);
    enum green__job_state state = let_go(crew, job);

    release();
    return state;
}

enum green__job_state green__crew_abandon(struct green__job *job, bool forked)
{
    enum green__job_state state;
    struct crew *crew;

    if (forked) { /* before_fork holds the lock; its thread is not here */
        if (job->state == GREEN__JOB_QUEUED)
            crews[job->crew].queued--;
        green__list_remove(&job->link);
        return GREEN__JOB_DONE;
    }
    crew = acquire(job->crew);
    job->hub = NULL;
    state = let_go(crew, job);
    while (job->state == GREEN__JOB_RUNNING)
        pthread_cond_wait(&done, &lock);
    release();
    return state == GREEN__JOB_RUNNING ? GREEN__JOB_DONE : state;
}
