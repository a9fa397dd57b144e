/*
 * Locks of libc's in greenthreads: they wait without blocking their OS thread,
 * whoever serves them, and no wake-up is lost.
 */
#include "patch_locks.h"

#include <unistd.h>

struct waiter {
    const struct lock *lock;
    int result, error, after;
    bool begun, done;
    struct green_thread *thread;
};

static void *wait_for_lock(void *arg)
{
    struct waiter *waiter = arg;

    errno = EILSEQ;
    waiter->result = waiter->lock->wait();
    waiter->error = errno;
    waiter->done = true;
    waiter->after = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

static void begin_wait(struct waiter *waiter, const struct lock *lock)
{
    *waiter = (struct waiter){.lock = lock};
    waiter->thread = green_spawn(wait_for_lock, waiter);
    let_run();
    ck_assert_msg(!waiter->done, "%s did not wait: %d, %s", lock->name,
                  waiter->result, strerror(waiter->error));
}

static void end_wait(struct waiter *waiter)
{
    ck_ok(green_join(waiter->thread, NULL));
    ck_assert_msg(waiter->result == 0, "%s: %d, %s", waiter->lock->name,
                  waiter->result, strerror(waiter->error));
    ck_assert_msg(waiter->error == EILSEQ, "%s changed errno",
                  waiter->lock->name);
}

/* Loops over locks and holders. */
static const struct lock *lock_of(int loop)
{
    return &locks[loop / WHO_COUNT];
}

static enum who who_of(int loop)
{
    return loop % WHO_COUNT;
}

/* ---- Ready, blocks, served -------------------------------------------------- */

START_TEST(a_free_lock_is_taken)
{
    const struct lock *lock = &locks[_i];
    struct waiter waiter = {.lock = lock};

    patch_libraries();
    if (!(lock->traits & IS_FREE))
        return;
    lock->make();
    waiter.thread = green_spawn(wait_for_lock, &waiter);
    end_wait(&waiter);
    ck_assert_uint_eq(patch_stats().lock_waits, 0);
}
END_TEST

START_TEST(one_waits_until_it_is_served)
{
    const struct lock *lock = lock_of(_i);
    struct holder holder;
    struct waiter waiter;

    if (is_beyond_sim(lock->traits & TIMED, who_of(_i))) {
        SKIP("sim's clock runs ahead of other OS threads");
        return;
    }
    patch_libraries();
    hold(&holder, lock, who_of(_i));
    begin_wait(&waiter, lock);
    serve(&holder);
    end_wait(&waiter);
    ck_assert((lock->traits & POLLS) || patch_stats().lock_waits > 0);
    ck_assert_uint_eq(patch_stats().native_instead, 0);
}
END_TEST

/* The OS thread has no greenthreads: it blocks natively. */
static void *wait_natively(void *arg)
{
    struct waiter *waiter = arg;

    waiter->result = waiter->lock->wait();
    waiter->error = EILSEQ;
    return NULL;
}

START_TEST(a_greenthread_serves_an_os_thread)
{
    const struct lock *lock = &locks[_i];
    struct waiter waiter = {.lock = lock};
    struct holder holder;
    pthread_t os_thread;

    patch_libraries();
    hold(&holder, lock, GREENTHREAD);
    ck_ok(pthread_create(&os_thread, NULL, wait_natively, &waiter));
    serve(&holder);
    ck_ok(pthread_join(os_thread, NULL));
    ck_assert_int_eq(waiter.result, 0);
}
END_TEST

/* ---- Kills and timeouts ------------------------------------------------------ */

START_TEST(a_kill_ends_only_waits_that_have_an_error)
{
    const struct lock *lock = lock_of(_i);
    struct holder holder;
    struct waiter waiter;

    if (is_beyond_sim(lock->traits & TIMED, who_of(_i))) {
        SKIP("sim's clock runs ahead of other OS threads");
        return;
    }
    patch_libraries();
    hold(&holder, lock, who_of(_i));
    begin_wait(&waiter, lock);
    ck_ok(green_kill(waiter.thread));
    if (lock->traits & KILLABLE) {
        ck_ok(green_join(waiter.thread, NULL));
        ck_assert_int_eq(waiter.result, -1);
        ck_assert_int_eq(waiter.error, ECANCELED);
        serve(&holder);
        return;
    }
    let_run();
    ck_assert_msg(!waiter.done, "a kill ended the wait for a %s", lock->name);
    serve(&holder);
    end_wait(&waiter);
    ck_assert_int_eq(waiter.after, ECANCELED);
}
END_TEST

static void *wait_with_timeout(void *arg)
{
    struct green_timeout timeout;
    struct waiter *waiter = arg;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    waiter->begun = true;
    wait_for_lock(arg);
    ck_ok(green_timeout_cancel(&timeout));
    return NULL;
}

START_TEST(a_timeout_ends_only_waits_that_have_an_error)
{
    const struct lock *lock = lock_of(_i);
    struct waiter waiter = {.lock = lock};
    struct holder holder;

    if (is_beyond_sim(true, who_of(_i))) {
        SKIP("sim's clock runs ahead of other OS threads");
        return;
    }
    patch_libraries();
    hold(&holder, lock, who_of(_i));
    waiter.thread = green_spawn(wait_with_timeout, &waiter);
    while (!waiter.begun)
        ck_ok(green_sleep(0));
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(waiter.done, (lock->traits & KILLABLE) != 0);
    serve(&holder);
    if (!(lock->traits & KILLABLE)) {
        end_wait(&waiter);
        ck_assert_int_eq(waiter.after, ETIMEDOUT);
        return;
    }
    ck_ok(green_join(waiter.thread, NULL));
    ck_assert_int_eq(waiter.result, -1);
    ck_assert_int_eq(waiter.error, ETIMEDOUT);
}
END_TEST

/* Served first, killed before it runs: it has what it waited for. */
START_TEST(a_kill_after_the_wake_up_takes_nothing_back)
{
    const struct lock *lock = &locks[_i];
    struct holder holder;
    struct waiter waiter;

    patch_libraries();
    hold(&holder, lock, GREENTHREAD);
    begin_wait(&waiter, lock);
    serve(&holder);
    if (!waiter.done)
        ck_ok(green_kill(waiter.thread));
    if ((lock->traits & KILLABLE) &&
        (lock->traits & POLLS)) { /* nobody has woken it */
        ck_ok(green_join(waiter.thread, NULL));
        return;
    }
    ck_ok(green_join(waiter.thread, NULL));
    ck_assert(waiter.result == 0 ||
              ((lock->traits & KILLABLE) && waiter.error == ECANCELED));
}
END_TEST

/* ---- Many ------------------------------------------------------------------- */

#define MANY 20

/* Each serves the next one, as locks do. */
START_TEST(many_wait_for_one_lock)
{
    const struct lock *lock = lock_of(_i);
    struct waiter waiters[MANY];
    struct holder holder;

    if (is_beyond_sim(lock->traits & TIMED, who_of(_i))) {
        SKIP("sim's clock runs ahead of other OS threads");
        return;
    }
    patch_libraries();
    if (!(lock->traits & ONE_AT_ONCE))
        return;
    hold(&holder, lock, who_of(_i));
    for (int i = 0; i < MANY; i++)
        begin_wait(&waiters[i], lock);
    serve(&holder);
    for (int i = 0; i < MANY; i++)
        end_wait(&waiters[i]);
}
END_TEST

/* ---- Native ----------------------------------------------------------------- */

static int others_ran;

static void *runs_meanwhile(void *arg)
{
    others_ran++;
    return arg;
}

/* In a native region the OS thread blocks until another one serves. */
START_TEST(a_native_region_blocks)
{
    const struct lock *lock = &locks[_i];
    struct green_native region;
    struct green_thread *other;
    struct holder holder;
    pthread_t os_thread;

    patch_libraries();
    hold(&holder, lock, OS_THREAD);
    ck_assert_int_eq(write(holder.told[1], "x", 1), 1);
    other = green_spawn(runs_meanwhile, NULL);
    green_native_begin(&region);
    ck_ok(lock->wait());
    green_native_end(&region);
    if (!in_chaos()) /* the other may have run when it was spawned */
        ck_assert_int_eq(others_ran, 0);
    os_thread = holder.os_thread;
    ck_ok(pthread_join(os_thread, NULL));
    ck_ok(green_join(other, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_locks");
    TCase *tcase = add_tcase(suite, "one");
    int loops = lock_count * WHO_COUNT;

    tcase_add_loop_test(tcase, a_free_lock_is_taken, 0, lock_count);
    tcase_add_loop_test(tcase, one_waits_until_it_is_served, 0, loops);
    tcase_add_loop_test(tcase, a_greenthread_serves_an_os_thread, 0,
                        lock_count);
    tcase_add_loop_test(tcase, a_native_region_blocks, 0, lock_count);

    tcase = add_tcase(suite, "ends");
    tcase_add_loop_test(tcase, a_kill_ends_only_waits_that_have_an_error, 0,
                        loops);
    tcase_add_loop_test(tcase, a_timeout_ends_only_waits_that_have_an_error, 0,
                        loops);
    tcase_add_loop_test(tcase, a_kill_after_the_wake_up_takes_nothing_back, 0,
                        lock_count);

    tcase = add_tcase(suite, "many");
    tcase_add_loop_test(tcase, many_wait_for_one_lock, 0, loops);
    return run_suite(suite);
}
