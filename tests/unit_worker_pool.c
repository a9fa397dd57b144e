/* Jobs of the worker pools. */
#include "support.h"

#include <semaphore.h>

#include "base/system.h"
#include "sync/worker_pool.h"

static sem_t begun;

static long begin(void *arg)
{
    ck_ok(sem_post(&begun));
    return (long)(intptr_t)arg;
}

static struct green_thread_pool_stats pool_now(void)
{
    struct green_thread_pool_stats stats;

    ck_ok(green_thread_pool_stats(&stats));
    return stats;
}

/* The job runs even if another OS thread has made the pool smaller since this
 * one read its size. */
START_TEST(queued_after_the_last_thread_was_removed)
{
    struct green__job job = {
        .pool = GREEN__THREAD_POOL,
        .work = {.fn = begin, .arg = &begun},
    };

    ck_ok(sem_init(&begun, 0, 0));
    green__list_init(&job.link);
    ck_ok(green_thread_pool_resize(0));
    ck_ok(green__worker_pool_submit(&job));
    ck_ok(sem_wait(&begun));
    ck_assert_int_eq(green__worker_pool_abandon(&job, false), GREEN__JOB_DONE);
    ck_assert_int_eq(job.result, (long)(intptr_t)&begun);
    /* The pool started the OS thread for this one job. */
    while (pool_now().threads > 0)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_pool");
    TCase *tcase = add_tcase(suite, "worker_pool");

    tcase_add_test(tcase, queued_after_the_last_thread_was_removed);
    return run_suite(suite);
}
