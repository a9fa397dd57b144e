/*
 * A pool: a spawner takes a place, and the end of the job's greenthread gives
 * it back. A place goes straight to the first waiting spawner, so `running`
 * includes it all the time, and no spawner waits while there is a place.
 */
#include <greenhub/pool.h>

#include "greenthread/spawn.h"
#include "sync/pool.h"

static const struct green__wait_kind for_place = {.name = "place in a pool",
                                                  .inside = true};
static const struct green__wait_kind for_all = {.name = "end of a pool's jobs",
                                                .inside = true};

/* ---- Places ---------------------------------------------------------- */

static size_t size_of(const struct green_pool *pool)
{
    return pool->internal.sized ? pool->internal.size : GREEN_POOL_SIZE;
}

/* Gives free places to waiting spawners. */
static void grant_places(struct green_pool *pool)
{
    while (pool->internal.running < size_of(pool) &&
           !green__line_empty(&pool->internal.spawners)) {
        pool->internal.running++;
        green__line_wake(green__line_take(&pool->internal.spawners));
    }
}

void green__pool_leave(struct green_pool *pool)
{
    pool->internal.running--;
    grant_places(pool);
    if (pool->internal.running == 0)
        green__line_wake_all(&pool->internal.idlers);
}

static int wait_for_place(struct green_pool *pool)
{
    struct green_place here;
    int result;

    pool->internal.waiting++;
    result = green__line_wait(&pool->internal.spawners, &here, &for_place);
    pool->internal.waiting--;
    return result;
}

static void *job_main(void *arg);

/* job_main as the start function shows that the greenthread has a job's
 * record. */
bool green__pool_is_inside(const struct green_pool *pool)
{
    const struct green__scheduler *s = green__self()->scheduler;
    const struct green__pool_job *job;

    if (!s || !s->hub || s->hub->dispatching ||
        s->current->start.function != job_main)
        return false;
    job = green__record_of(s->current, sizeof *job);
    return job->pool == pool;
}

int green__pool_enter(struct green_pool *pool, bool may_run_inside)
{
    if (pool->internal.running < size_of(pool)) {
        pool->internal.running++;
        return 0;
    }
    if (may_run_inside || green__pool_is_inside(pool))
        return 1;
    return wait_for_place(pool);
}

/* ---- Jobs ------------------------------------------------------------ */

static void *job_main(void *arg)
{
    struct green__pool_job *job = arg;

    if (job->fn)
        return job->fn(job->arg);
    job->procedure(job->arg);
    return NULL;
}

static void job_ends(struct green_thread *thread, void *arg)
{
    struct green__pool_job *job = arg;

    (void)thread;
    if (job->ended)
        job->ended(job->arg);
    green__pool_leave(job->pool);
}

struct green_thread *green__pool_prepare(const struct green__pool_job *what,
                                         void *spawned_at)
{
    struct green_thread *thread =
        green__spawn_prepare(job_main, sizeof *what, job_ends, spawned_at);
    struct green__pool_job *job;

    if (!thread) {
        green__pool_leave(what->pool);
        return NULL;
    }
    job = green__record_of(thread, sizeof *job);
    *job = *what;
    if (job->procedure)
        thread->flags |= GREEN__DETACHED;
    return thread;
}

static struct green_thread *start(const struct green__pool_job *job,
                                  void *spawned_at)
{
    struct green_thread *thread = green__pool_prepare(job, spawned_at);

    if (thread)
        green__spawn_start(thread);
    return thread;
}

static void *return_result(void *record)
{
    return *(void **)record;
}

static void result_returned(struct green_thread *thread, void *record)
{
    (void)thread, (void)record;
}

/* Runs fn in the caller, and returns a greenthread whose result is fn's. It is
 * made first, so that no result is lost for lack of memory. */
static struct green_thread *run_inside(void *(*fn)(void *), void *arg,
                                       void *spawned_at)
{
    struct green_thread *thread = green__spawn_prepare(
        return_result, sizeof(void *), result_returned, spawned_at);

    if (!thread)
        return NULL;
    *(void **)green__record_of(thread, sizeof(void *)) = fn(arg);
    green__spawn_start(thread);
    return thread;
}

struct green_thread *green_pool_spawn(struct green_pool *pool,
                                      void *(*fn)(void *), void *arg)
{
    const struct green__pool_job job = {.pool = pool, .fn = fn, .arg = arg};
    struct green_thread *thread;

    if (!pool || !fn) {
        errno = EINVAL;
        return NULL;
    }
    if (green__call_begins() < 0)
        return NULL;
    switch (green__pool_enter(pool, false)) {
    case 0:
        thread = start(&job, __builtin_return_address(0));
        green__call_ends(GREEN__COST_CALL);
        return thread;
    case 1:
        return run_inside(fn, arg, __builtin_return_address(0));
    }
    return NULL;
}

int green_pool_spawn_n(struct green_pool *pool, void (*fn)(void *), void *arg)
{
    const struct green__pool_job job = {
        .pool = pool, .procedure = fn, .arg = arg};
    int result;

    if (!pool || !fn)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    switch (green__pool_enter(pool, false)) {
    case 0:
        result = start(&job, __builtin_return_address(0)) ? 0 : -1;
        green__call_ends(GREEN__COST_CALL);
        return result;
    case 1:
        fn(arg);
        return 0;
    }
    return -1;
}

/* ---- Other public functions ------------------------------------------ */

int green_pool_init(struct green_pool *pool, size_t size)
{
    if (!pool)
        return green__refuse(EINVAL);
    *pool = (struct green_pool){.internal = {.size = size, .sized = true}};
    return 0;
}

int green_pool_resize(struct green_pool *pool, size_t size)
{
    if (!pool)
        return green__refuse(EINVAL);
    pool->internal.size = size;
    pool->internal.sized = true;
    grant_places(pool);
    return 0;
}

int green_pool_wait(struct green_pool *pool)
{
    struct green_place here;

    if (!pool)
        return green__refuse(EINVAL);
    if (green__pool_is_inside(pool))
        return green__refuse(EDEADLK);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (pool->internal.running == 0)
        return green__call_done(0);
    return green__line_wait(&pool->internal.idlers, &here, &for_all);
}

size_t green_pool_running(const struct green_pool *pool)
{
    return pool ? pool->internal.running : 0;
}

ptrdiff_t green_pool_free(const struct green_pool *pool)
{
    if (!pool)
        return 0;
    return (ptrdiff_t)size_of(pool) - (ptrdiff_t)pool->internal.running;
}

size_t green_pool_waiting(const struct green_pool *pool)
{
    return pool ? pool->internal.waiting : 0;
}
