/* A program's threads as greenthreads: libgreenhub-patch's group THREADS. */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "patch_support.h"

static int log_length;
static char log_text[256];

static void note(const char *word)
{
    log_length += snprintf(log_text + log_length,
                           sizeof log_text - (size_t)log_length, "%s ", word);
}

static int ends[2];

static void setup(void)
{
    patch_threads();
}

static void *returns(void *arg)
{
    return arg;
}

/* Until it is cancelled. */
static void *sleeps(void *arg)
{
    for (;;)
        sleep(1000);
    return arg;
}

/* ---- Create and join ------------------------------------------------------ */

START_TEST(a_thread_is_a_greenthread)
{
    struct green_patch_stats stats;

    ck_assert_ptr_eq(join_thread(start_thread(returns, &stats)), &stats);
    ck_ok(green_patch_stats(&stats));
    ck_assert_int_eq(stats.threads, 1);
}
END_TEST

static void *notes_itself(void *arg)
{
    struct green_thread *self = green_self();

    ck_assert(!pthread_equal(pthread_self(), *(pthread_t *)arg));
    ck_assert_ptr_nonnull(self);
    return (void *)pthread_self();
}

START_TEST(each_has_a_handle_of_its_own)
{
    pthread_t me = pthread_self();
    pthread_t one = start_thread(notes_itself, &me);

    ck_assert(pthread_equal((pthread_t)join_thread(one), one));
    ck_assert(pthread_equal(pthread_self(), me));
}
END_TEST

static void *naps(void *arg)
{
    ck_assert_int_eq(usleep(100000), 0);
    return arg;
}

START_TEST(a_hundred_sleep_at_once)
{
    green_time begin = green_now();
    pthread_t threads[100];

    for (int i = 0; i < 100; i++)
        threads[i] = start_thread(naps, &threads[i]);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_eq(join_thread(threads[i]), &threads[i]);
    if (on_sim())
        ck_assert_int_eq(green_now() - begin, 100 * GREEN_MSEC);
}
END_TEST

static void *joins(void *arg)
{
    return (void *)(intptr_t)pthread_join(*(pthread_t *)arg, NULL);
}

START_TEST(what_cannot_be_joined)
{
    pthread_t sleeper = start_thread(sleeps, NULL), joiner,
              self = pthread_self();

    ck_assert_int_eq(pthread_join(self, NULL), EDEADLK);
    ck_assert_int_eq(pthread_tryjoin_np(sleeper, NULL), EBUSY);
    joiner = start_thread(joins, &sleeper);
    sched_yield();
    ck_assert_int_eq(pthread_join(sleeper, NULL), EINVAL);
    ck_assert_int_eq(pthread_detach(sleeper), EINVAL);
    ck_assert_int_eq(pthread_cancel(sleeper), 0);
    ck_assert_ptr_null(join_thread(joiner));
}
END_TEST

static void *joins_itself(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_join(pthread_self(), NULL);
}

static void *detaches_itself(void *done)
{
    ck_assert_int_eq(pthread_detach(pthread_self()), 0);
    *(int *)done = 1;
    return NULL;
}

/* libc would wait in memory that may have been freed. */
START_TEST(a_detached_thread_that_has_ended_cannot_be_joined)
{
    int done = 0;
    pthread_t one = start_thread(detaches_itself, &done);

    while (!done)
        sched_yield();
    (void)join_thread(
        start_thread(returns, NULL)); /* the other's end is over */
    ck_assert_int_eq(pthread_join(one, NULL), ESRCH);
    ck_assert_int_eq(pthread_detach(one), ESRCH);
}
END_TEST

START_TEST(a_thread_cannot_join_itself)
{
    ck_assert_int_eq((intptr_t)join_thread(start_thread(joins_itself, NULL)),
                     EDEADLK);
}
END_TEST

START_TEST(joins_with_a_limit)
{
    pthread_t sleeper = start_thread(sleeps, NULL);
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec = 1000000000;
    ck_assert_int_eq(pthread_timedjoin_np(sleeper, NULL, &until), EINVAL);
    until.tv_nsec = 0;
    ck_assert_int_eq(pthread_timedjoin_np(sleeper, NULL, &until), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &until);
    ck_assert_int_eq(
        pthread_clockjoin_np(sleeper, NULL, CLOCK_MONOTONIC, &until),
        ETIMEDOUT);
    ck_assert_int_eq(
        pthread_clockjoin_np(sleeper, NULL, CLOCK_PROCESS_CPUTIME_ID, &until),
        EINVAL);
    ck_assert_int_eq(pthread_cancel(sleeper), 0);
    ck_assert_ptr_eq(join_thread(sleeper), PTHREAD_CANCELED);
}
END_TEST

static void *stores(void *arg)
{
    *(int *)arg += 1;
    return NULL;
}

START_TEST(detached_threads_leave_nothing)
{
    pthread_attr_t attr;
    pthread_t thread;
    int ended = 0;

    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(pthread_create(&thread, &attr, stores, &ended), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), EINVAL);
    ck_assert_int_eq(pthread_detach(thread), EINVAL);
    thread = start_thread(stores, &ended);
    ck_assert_int_eq(pthread_detach(thread), 0);
    while (ended < 2)
        sched_yield();
    pthread_attr_destroy(&attr);
}
END_TEST

START_TEST(thousands_come_and_go)
{
    int ended = 0;

    for (int round = 0; round < 20; round++) {
        pthread_t threads[200];

        for (int i = 0; i < 200; i++)
            threads[i] = start_thread(stores, &ended);
        for (int i = 0; i < 200; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_int_eq(ended, 4000);
}
END_TEST

/* ---- Attributes and names -------------------------------------------------- */

static void *uses_stack(void *arg)
{
    volatile char room[400 << 10];
    char c;

    ck_assert_int_eq(read(ends[0], &c, 1),
                     1); /* it is still alive until then */
    room[0] = *(char *)arg;
    room[sizeof room - 1] = room[0];
    return (void *)(intptr_t)room[sizeof room - 1];
}

START_TEST(a_thread_gets_the_stack_that_it_asks_for)
{
    pthread_attr_t attr, found;
    pthread_t thread;
    size_t size;
    void *address;
    char value = 7;

    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    pipe_pair(ends);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, 1 << 20), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, uses_stack, &value), 0);
    ck_assert_int_eq(pthread_getattr_np(thread, &found), 0);
    ck_assert_int_eq(pthread_attr_getstack(&found, &address, &size), 0);
    ck_assert_int_ge(size, (1 << 20) - 8192);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq((intptr_t)join_thread(thread), 7);
    pthread_attr_destroy(&found);
    pthread_attr_destroy(&attr);
}
END_TEST

START_TEST(a_thread_has_a_name)
{
    pthread_t thread = start_thread(sleeps, NULL);
    char name[16];

    ck_assert_int_eq(pthread_setname_np(thread, "connection 12"), 0);
    ck_assert_int_eq(pthread_setname_np(thread, "sixteen letters."), ERANGE);
    ck_assert_int_eq(pthread_getname_np(thread, name, 15), ERANGE);
    ck_assert_int_eq(pthread_getname_np(thread, name, sizeof name), 0);
    ck_assert_str_eq(name, "connection 12");
    ck_assert_int_eq(pthread_cancel(thread), 0);
    join_thread(thread);
}
END_TEST

START_TEST(policy_and_processors_are_the_os_threads)
{
    pthread_t thread = start_thread(sleeps, NULL);
    struct sched_param parameters;
    cpu_set_t set;
    clockid_t clock;
    int policy;

    ck_assert_int_eq(pthread_getschedparam(thread, &policy, &parameters), 0);
    ck_assert_int_eq(policy, sched_getscheduler(0));
    ck_assert_int_eq(pthread_setschedparam(thread, policy, &parameters), 0);
    ck_assert_int_eq(pthread_setschedprio(thread, 0), 0);
    ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof set, &set), 0);
    ck_assert_int_gt(CPU_COUNT(&set), 0);
    ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof set, &set), 0);
    ck_assert_int_eq(pthread_getcpuclockid(thread, &clock), 0);
    ck_assert_int_eq(pthread_cancel(thread), 0);
    join_thread(thread);
}
END_TEST

/* ---- pthread_exit and clean-up ----------------------------------------------- */

static void cleans(void *arg)
{
    note(arg);
}

static void exits(void)
{
    pthread_cleanup_push(cleans, "inner");
    usleep(1000);
    pthread_exit(log_text);
    pthread_cleanup_pop(0);
}

static void *exits_deep(void *arg)
{
    pthread_cleanup_push(cleans, "outer");
    pthread_cleanup_push(cleans, "popped");
    pthread_cleanup_pop(0);
    exits();
    pthread_cleanup_pop(0);
    return arg;
}

START_TEST(pthread_exit_cleans_up_from_the_inside)
{
    ck_assert_ptr_eq(join_thread(start_thread(exits_deep, NULL)), log_text);
    ck_assert_str_eq(log_text, "inner outer ");
}
END_TEST

/* Each of two is within its own handlers when the other goes on. */
START_TEST(handlers_of_two_threads_do_not_mix)
{
    pthread_t one = start_thread(exits_deep, NULL),
              two = start_thread(exits_deep, NULL);

    join_thread(one);
    join_thread(two);
    ck_assert_str_eq(log_text, "inner outer inner outer ");
}
END_TEST

static void *waits_in_its_handler(void *arg)
{
    pthread_cleanup_push(cleans, "after");
    pthread_cleanup_push((void (*)(void *))(uintptr_t)usleep, (void *)1000);
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

START_TEST(a_handler_may_block)
{
    ck_assert_ptr_eq(join_thread(start_thread(waits_in_its_handler, log_text)),
                     log_text);
    ck_assert_str_eq(log_text, "after ");
}
END_TEST

/* ---- Cancellation --------------------------------------------------------------- */

static void *reads(void *arg)
{
    char c;

    pthread_cleanup_push(cleans, "read");
    ck_assert_int_eq(read(ends[0], &c, 1), 1);
    pthread_cleanup_pop(0);
    return arg;
}

static void *polls(void *arg)
{
    struct pollfd one = {.fd = ends[0], .events = POLLIN};

    pthread_cleanup_push(cleans, "poll");
    ck_assert_int_eq(poll(&one, 1, -1), 1);
    pthread_cleanup_pop(0);
    return arg;
}

static void *joins_a_sleeper(void *arg)
{
    pthread_cleanup_push(cleans, "join");
    (void)pthread_join(*(pthread_t *)arg, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *accepts(void *arg)
{
    pthread_cleanup_push(cleans, "accept");
    (void)accept(*(int *)arg, NULL, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_it(pthread_t thread)
{
    sched_yield();
    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_ptr_eq(join_thread(thread), PTHREAD_CANCELED);
}

START_TEST(blocking_calls_are_cancellation_points)
{
    pthread_t sleeper = start_thread(sleeps, NULL);
    int port, listener = tcp_listener(&port);

    pipe_pair(ends);
    cancel_it(start_thread(reads, NULL));
    cancel_it(start_thread(polls, NULL));
    cancel_it(start_thread(joins_a_sleeper, &sleeper));
    cancel_it(start_thread(accepts, &listener));
    cancel_it(sleeper); /* it could still be joined */
    ck_assert_str_eq(log_text, "read poll join accept ");
}
END_TEST

static void *disables(void *arg)
{
    int state = -1, type = -1;
    char c;

    ck_assert_int_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
    ck_assert_int_eq(pthread_setcancelstate(77, NULL), EINVAL);
    ck_assert_int_eq(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type), 0);
    ck_assert_int_eq(type, PTHREAD_CANCEL_DEFERRED);
    ck_assert_int_eq(pthread_setcanceltype(77, NULL), EINVAL);
    ck_assert_int_eq(read(ends[0], &c, 1), 1);
    note("read");
    pthread_testcancel();
    note("still here");
    ck_assert_int_eq(pthread_setcancelstate(state, NULL), 0);
    pthread_testcancel();
    note("never");
    return arg;
}

START_TEST(a_thread_may_refuse_to_be_cancelled)
{
    pthread_t thread;

    pipe_pair(ends);
    thread = start_thread(disables, NULL);
    sched_yield();
    ck_assert_int_eq(pthread_cancel(thread), 0);
    sched_yield();
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_ptr_eq(join_thread(thread), PTHREAD_CANCELED);
    ck_assert_str_eq(log_text, "read still here ");
}
END_TEST

static void *cancels_itself(void *arg)
{
    ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
    note("on");
    usleep(1);
    note("never");
    return arg;
}

START_TEST(a_thread_can_cancel_itself)
{
    ck_assert_ptr_eq(join_thread(start_thread(cancels_itself, NULL)),
                     PTHREAD_CANCELED);
    ck_assert_str_eq(log_text, "on ");
}
END_TEST

START_TEST(a_thread_can_be_cancelled_before_it_runs)
{
    pthread_t thread = start_thread(sleeps, NULL);

    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_ptr_eq(join_thread(thread), PTHREAD_CANCELED);
}
END_TEST

static void *ends_soon(void *arg)
{
    return arg;
}

START_TEST(a_thread_that_has_ended_can_be_cancelled)
{
    pthread_t thread = start_thread(ends_soon, log_text);

    while (pthread_tryjoin_np(thread, NULL) == EBUSY)
        sched_yield();
    thread = start_thread(ends_soon, log_text);
    sched_yield();
    sched_yield();
    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_ptr_eq(join_thread(thread), log_text);
}
END_TEST

/* ---- Main ------------------------------------------------------------------------- */

static void *writes_later(void *arg)
{
    usleep(1000);
    ck_assert_int_eq(write(ends[1], arg, 1), 1);
    return NULL;
}

START_TEST(the_others_go_on_when_main_exits)
{
    pid_t child;
    char c = 0;

    pipe_pair(ends);
    child = fork();
    if (child == 0) {
        start_thread(writes_later, "x");
        pthread_exit(NULL);
    }
    ck_assert_int_eq(read(ends[0], &c, 1), 1);
    ck_assert_int_eq(c, 'x');
    ck_assert_int_eq(wait_child(child), 0);
}
END_TEST

static void *forks(void *arg)
{
    pid_t child = fork();

    if (child == 0)
        _exit(join_thread(start_thread(returns, log_text)) == log_text ? 5 : 6);
    *(int *)arg = wait_child(child);
    return NULL;
}

START_TEST(a_thread_can_fork)
{
    pthread_t sleeper = start_thread(sleeps, NULL);
    int status = 0;

    join_thread(start_thread(forks, &status));
    ck_assert_int_eq(status, 5);
    cancel_it(sleeper);
}
END_TEST

/* ---- C11 --------------------------------------------------------------------------- */

static int c11(void *arg)
{
    const struct timespec time = {.tv_nsec = 1000};

    ck_assert_int_eq(thrd_sleep(&time, NULL), 0);
    thrd_yield();
    if (arg)
        thrd_exit(*(int *)arg);
    return thrd_equal(thrd_current(), thrd_current()) ? 3 : 4;
}

START_TEST(c11_threads)
{
    int value = 9, result = 0;
    thrd_t thread;

    ck_assert_int_eq(thrd_create(&thread, c11, NULL), thrd_success);
    ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(thrd_create(&thread, c11, &value), thrd_success);
    ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
    ck_assert_int_eq(result, 9);
    ck_assert_int_eq(thrd_create(&thread, c11, NULL), thrd_success);
    ck_assert_int_eq(thrd_detach(thread), thrd_success);
    ck_assert_int_eq(thrd_join(thread, NULL), thrd_error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch threads");
    TCase *tcase = add_tcase(suite, "create and join");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_thread_is_a_greenthread);
    tcase_add_test(tcase, each_has_a_handle_of_its_own);
    tcase_add_test(tcase, a_hundred_sleep_at_once);
    tcase_add_test(tcase, what_cannot_be_joined);
    tcase_add_test(tcase, a_detached_thread_that_has_ended_cannot_be_joined);
    tcase_add_test(tcase, a_thread_cannot_join_itself);
    tcase_add_test(tcase, joins_with_a_limit);
    tcase_add_test(tcase, detached_threads_leave_nothing);
    tcase_add_test(tcase, thousands_come_and_go);
    tcase_add_test(tcase, a_thread_gets_the_stack_that_it_asks_for);
    tcase_add_test(tcase, a_thread_has_a_name);
    tcase_add_test(tcase, policy_and_processors_are_the_os_threads);

    tcase = add_tcase(suite, "end");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, pthread_exit_cleans_up_from_the_inside);
    tcase_add_test(tcase, handlers_of_two_threads_do_not_mix);
    tcase_add_test(tcase, a_handler_may_block);
    tcase_add_test(tcase, blocking_calls_are_cancellation_points);
    tcase_add_test(tcase, a_thread_may_refuse_to_be_cancelled);
    tcase_add_test(tcase, a_thread_can_cancel_itself);
    tcase_add_test(tcase, a_thread_can_be_cancelled_before_it_runs);
    tcase_add_test(tcase, a_thread_that_has_ended_can_be_cancelled);
    tcase_add_test(tcase, the_others_go_on_when_main_exits);
    tcase_add_test(tcase, a_thread_can_fork);
    tcase_add_test(tcase, c11_threads);
    return run_suite_with_tls(suite);
}
