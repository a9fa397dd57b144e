/*
 * The life of a look-up:
 *
 *      greenthread                       one of at most 4 threads
 *      -----------                       ------------------------
 *      queues the job
 *      waits for its end of a            takes it off the queue
 *      socket pair                       getaddrinfo
 *                                        stores the answer
 *      wakes up            <----------   writes a byte to its end
 *      takes the answer                  closes its end
 *
 * The job is on the heap and belongs to both: whoever lets go last frees it.
 * So the greenthread may be killed or timed out while the look-up goes on, and
 * the other side never touches a stack, a hub, or a descriptor but its own.
 */
#include "net/resolver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <greenhub/io.h>

#include "base/system.h"

#define MOST_WORKERS 4
#define IDLE_SECONDS 5

struct job {
    struct job *next;
    char host[GREEN__HOST_SIZE];
    char service[8];
    struct addrinfo hints;
    int worker_end;  /* the worker's, who closes it */
    unsigned owners; /* 2, 1, 0: atomic */
    int error;       /* errno; valid after the byte; atomic */
    struct addrinfo *found;
};

/*
 * Guarded by the lock. `idle` counts the workers that wait for `work`; one that
 * was signalled and has not run yet is among them, and so is its job in the
 * queue.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_once_t once;
    int once_error;
    struct job *first, **last;
    unsigned workers, idle;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .once = PTHREAD_ONCE_INIT,
};

/* ---- The job --------------------------------------------------------- */

static void let_go(struct job *job)
{
    if (__atomic_sub_fetch(&job->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (job->found != NULL)
        freeaddrinfo(job->found);
    green__system.release(job);
}

static int error_of(int code)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return EAGAIN;
    case EAI_MEMORY:
        return ENOMEM;
    case EAI_SYSTEM:
        return errno;
    case EAI_BADFLAGS:
    case EAI_FAMILY:
    case EAI_SOCKTYPE:
    case EAI_SERVICE:
        return EINVAL;
    default: /* no such name, no address of that kind, refused for ever */
        return ENOENT;
    }
}

static int look_up(struct job *job)
{
    struct addrinfo *found = NULL;
    int error;

    error = error_of(getaddrinfo(job->host, job->service, &job->hints, &found));
    job->found = error == 0 ? found : NULL;
    return error;
}

/* ---- The workers ----------------------------------------------------- */

static void work_on(struct job *job)
{
    /* The greenthread may have gone while the job was in the queue. */
    if (__atomic_load_n(&job->owners, __ATOMIC_ACQUIRE) > 1) {
        __atomic_store_n(&job->error, look_up(job), __ATOMIC_RELEASE);
        send(job->worker_end, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    close(job->worker_end);
    let_go(job);
}

/* With the lock held. NULL: nothing to do for so long that it may end. */
static struct job *next_job(void)
{
    struct timespec until;
    struct job *job;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    pool.idle++;
    while (pool.first == NULL && error == 0)
        error = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
    pool.idle--;
    job = pool.first;
    if (job == NULL)
        return NULL;
    pool.first = job->next;
    if (pool.first == NULL)
        pool.last = &pool.first;
    return job;
}

static void *worker(void *unused)
{
    struct job *job;

    pthread_mutex_lock(&pool.lock);
    while ((job = next_job()) != NULL) {
        pthread_mutex_unlock(&pool.lock);
        work_on(job);
        pthread_mutex_lock(&pool.lock);
    }
    pool.workers--;
    pthread_mutex_unlock(&pool.lock);
    return unused;
}

/* With the lock held. Signals are for the program's own threads. */
static int start_worker(void)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int error;

    error = pthread_attr_init(&attr);
    if (error != 0)
        return error;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attr, worker, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error == 0)
        pool.workers++;
    return error;
}

/* ---- The pool -------------------------------------------------------- */

static int init_condition(void)
{
    pthread_condattr_t attr;
    int error;

    error = pthread_condattr_init(&attr);
    if (error != 0)
        return error;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    error = pthread_cond_init(&pool.work, &attr);
    pthread_condattr_destroy(&attr);
    return error;
}

static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void parent_after_fork(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* The child has no workers, and nobody waits for the jobs that it inherited. */
static void child_after_fork(void)
{
    struct job *job;

    pthread_mutex_init(&pool.lock, NULL);
    init_condition();
    pool.workers = 0;
    pool.idle = 0;
    while ((job = pool.first) != NULL) {
        pool.first = job->next;
        close(job->worker_end);
        green__system.release(job);
    }
    pool.last = &pool.first;
}

static void init_pool(void)
{
    pool.last = &pool.first;
    pool.once_error = init_condition();
    if (pool.once_error == 0)
        pool.once_error =
            pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}

/* How many jobs wait for a worker; with the lock held. */
static unsigned queued(void)
{
    const struct job *job;
    unsigned count = 0;

    for (job = pool.first; job != NULL && count <= MOST_WORKERS;
         job = job->next)
        count++;
    return count;
}

static int submit(struct job *job)
{
    int error = 0;

    pthread_once(&pool.once, init_pool);
    if (pool.once_error != 0)
        return pool.once_error;
    pthread_mutex_lock(&pool.lock);
    if (queued() >= pool.idle && pool.workers < MOST_WORKERS)
        error = start_worker();
    if (pool.workers > 0) {
        /* Without a thread for it alone it waits its turn. */
        error = 0;
        *pool.last = job;
        pool.last = &job->next;
        pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
    return error;
}

/* ---- The greenthread's side ------------------------------------------ */

/* Waits for the byte; the answer is in the job then. */
static int await(struct job *job, int end, struct addrinfo **found)
{
    char byte;
    ssize_t n;
    int error;

    n = green_read(end, &byte, 1);
    if (n < 0)
        return errno;
    if (n == 0)
        return EAGAIN; /* cannot be: the worker writes before it closes */
    error = __atomic_load_n(&job->error, __ATOMIC_ACQUIRE);
    *found = job->found;
    job->found = NULL;
    return error;
}

static int ask(struct job *job, struct addrinfo **found)
{
    int ends[2], error;

    /* Plain: the other end lives and dies on another thread. */
    if (green__system.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) <
        0) {
        error = errno;
        job->owners = 1;
        let_go(job);
        return error;
    }
    job->worker_end = ends[1];
    error = submit(job);
    if (error == 0) {
        error = await(job, ends[0], found);
    } else {
        close(ends[1]);
        job->owners = 1;
    }
    green_close(ends[0]);
    let_go(job);
    return error;
}

static struct job *new_job(const struct green__address *address, bool passive)
{
    struct job *job = green__system.allocate(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->owners = 2;
    memcpy(job->host, address->host, sizeof job->host);
    snprintf(job->service, sizeof job->service, "%u", address->port);
    job->hints.ai_family =
        address->scheme == GREEN__TCP6 ? AF_INET6 : AF_UNSPEC;
    job->hints.ai_socktype = SOCK_STREAM;
    job->hints.ai_flags = AI_NUMERICHOST | (passive ? AI_PASSIVE : 0);
    return job;
}

int green__resolve(const struct green__address *address, bool passive,
                   struct addrinfo **found)
{
    struct job *job = new_job(address, passive);
    int error;

    if (job == NULL)
        return -1;
    error = look_up(job); /* numeric: the resolver asks nobody */
    if (error == 0) {
        *found = job->found;
        green__system.release(job);
        return 0;
    }
    job->hints.ai_flags &= ~AI_NUMERICHOST;
    error = ask(job, found);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}
