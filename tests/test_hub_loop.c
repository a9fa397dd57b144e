/* The loop: run, abort, its two halves, its errors, its counters. */
#include "support.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static struct green_hub *hub;
static int calls, errors[4];

static void set_up(void)
{
    hub = green_get_hub();
    ck_assert_ptr_nonnull(hub);
}

static void abort_it(struct green_timer *timer)
{
    calls++;
    ck_ok(green_hub_abort(timer->arg));
}

START_TEST(runs_until_aborted)
{
    struct green_timer timer = {.callback = abort_it, .arg = hub};

    for (int i = 0; i < 3; i++) {
        ck_ok(green_hub_schedule(hub, &timer, green_now() + GREEN_MSEC));
        ck_ok(green_hub_run(hub));
        ck_assert_int_eq(calls, i + 1);
    }
}
END_TEST

START_TEST(an_abort_before_the_run)
{
    uint64_t iterations = stats_now().iterations;
    struct green_timer timer = {.callback = abort_it, .arg = hub};

    ck_ok(green_hub_abort(hub));
    ck_ok(green_hub_run(hub));
    ck_assert_uint_eq(stats_now().iterations, iterations);
    /* The abort has been used up. */
    ck_ok(green_hub_schedule(hub, &timer, green_now() + GREEN_MSEC));
    ck_ok(green_hub_run(hub));
    ck_assert_int_eq(calls, 1);
}
END_TEST

static void count_it(struct green_call *call)
{
    (void)call;
    calls++;
}

static struct green_call later = {.callback = count_it};

static void abort_and_call(struct green_call *call)
{
    ck_ok(green_hub_abort(call->arg));
    ck_ok(green_hub_call(call->arg, &later));
}

START_TEST(the_current_iteration_is_the_last)
{
    struct green_call first = {.callback = abort_and_call, .arg = hub};
    struct green_call second = {.callback = count_it};

    ck_ok(green_hub_call(hub, &first));
    ck_ok(green_hub_call(hub, &second));
    ck_ok(green_hub_run(hub));
    ck_assert_int_eq(calls, 1);
}
END_TEST

static void greenthread(void *arg)
{
    for (int i = 0; i < 10; i++) {
        ck_ok(green_sleep(GREEN_MSEC));
        calls++;
    }
    ck_ok(green_hub_abort(arg));
}

START_TEST(greenthreads_run_between_iterations)
{
    ck_ok(green_spawn_n(greenthread, hub));
    ck_ok(green_hub_run(hub));
    ck_assert_int_eq(calls, 10);
}
END_TEST

static void *run_again(void *arg)
{
    ck_fails(green_hub_run(arg), EBUSY);
    calls++;
    ck_ok(green_hub_abort(arg));
    return NULL;
}

START_TEST(it_runs_once_at_a_time)
{
    ck_ok(green_detach(green_spawn_after(GREEN_MSEC, run_again, hub)));
    ck_ok(green_hub_run(hub));
    ck_assert_int_eq(calls, 1);
}
END_TEST

static int error_of(int result)
{
    return result == -1 ? errno : 0;
}

static void in_callback(struct green_call *call)
{
    errors[0] = error_of(green_hub_wait(call->arg, 0));
    errors[1] = error_of(green_hub_dispatch(call->arg));
    errors[2] = error_of(green_hub_run(call->arg));
    calls++;
}

START_TEST(not_from_a_callback)
{
    struct green_call call = {.callback = in_callback, .arg = hub};

    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_ok(green_hub_dispatch(hub));
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(errors[0], EBUSY);
    ck_assert_int_eq(errors[1], EBUSY);
    ck_assert_int_eq(errors[2], EBUSY);
}
END_TEST

static int deadlocks;

static void no_fn(void *arg)
{
    (void)arg;
}

static void *waits_for_kill(void *arg)
{
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    return arg;
}

static void blocks_in_callback(struct green_call *call)
{
    struct green_timeout timeout;
    struct green_shield shield;
    unsigned key;

    ck_fails(green_sleep(0), EDEADLK);
    ck_fails(green_sleep(1), EDEADLK);
    ck_fails(green_sleep(GREEN_FOREVER), EDEADLK);
    ck_fails(green_join(call->arg, NULL), EDEADLK);
    ck_fails(green_timeout_start(&timeout, 1), EDEADLK);
    ck_fails(green_shield_begin(&shield), EDEADLK);
    ck_fails(green_at_exit(no_fn, NULL), EDEADLK);
    ck_ok(green_key_create(&key, NULL));
    ck_fails(green_key_set(key, &key), EDEADLK);
    errno = 0;
    ck_assert_ptr_null(green_key_get(key));
    ck_assert_int_eq(errno, 0);
    ck_assert_ptr_null(green_self());
    ck_assert(!green_killed());
    deadlocks++;
}

START_TEST(a_callback_cannot_block)
{
    struct green_thread *thread = green_spawn(waits_for_kill, NULL);
    struct green_call call = {.callback = blocks_in_callback, .arg = thread};

    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_ok(green_hub_dispatch(hub));
    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_sleep(GREEN_MSEC)); /* now on the hub's own stack */
    ck_assert_int_eq(deadlocks, 2);
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

static void note_arg(void *arg)
{
    (void)arg;
    calls++;
}

static void spawns(struct green_call *call)
{
    (void)call;
    ck_ok(green_spawn_n(note_arg, NULL));
    ck_assert_int_eq(calls, 0);
}

START_TEST(spawn_from_a_callback)
{
    struct green_call call = {.callback = spawns};

    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(arguments)
{
    struct green_hub_stats stats;

    ck_fails(green_hub_run(NULL), EINVAL);
    ck_fails(green_hub_abort(NULL), EINVAL);
    ck_fails(green_hub_wait(NULL, 0), EINVAL);
    ck_fails(green_hub_wait(hub, -1), EINVAL);
    ck_fails(green_hub_dispatch(NULL), EINVAL);
    ck_fails(green_hub_stats(NULL, &stats), EINVAL);
    ck_fails(green_hub_stats(hub, NULL), EINVAL);
}
END_TEST

/* ---- Waiting --------------------------------------------------------- */

START_TEST(a_wait_calls_no_callback)
{
    struct green_call call = {.callback = count_it};
    struct green_timer timer = {.callback = abort_it, .arg = hub};

    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_schedule(hub, &timer, green_now()));
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_assert_int_eq(calls, 0);
    ck_ok(green_hub_dispatch(hub));
    ck_assert_int_eq(calls, 2);
}
END_TEST

static void nothing(int number)
{
    (void)number;
}

START_TEST(a_signal_is_not_an_error)
{
    struct sigaction action = {.sa_handler = nothing};
    struct green_timer timer = {.callback = abort_it, .arg = hub};
    struct itimerval soon = {.it_value = {.tv_usec = 3000},
                             .it_interval = {.tv_usec = 3000}};

    ck_ok(sigaction(SIGALRM, &action, NULL));
    ck_ok(setitimer(ITIMER_REAL, &soon, NULL));
    ck_ok(green_hub_schedule(hub, &timer, green_now() + 30 * GREEN_MSEC));
    while (calls == 0) {
        ck_ok(green_hub_wait(hub, GREEN_FOREVER));
        ck_ok(green_hub_dispatch(hub));
    }
    ck_ok(green_sleep(30 * GREEN_MSEC));
}
END_TEST

/* Timeouts of less than a millisecond: the hub neither cuts them short nor
 * spins. */
START_TEST(short_waits)
{
    const green_time durations[] = {1, 50 * GREEN_USEC, 300 * GREEN_USEC,
                                    1500 * GREEN_USEC};
    green_time duration = durations[_i];

    for (int i = 0; i < 20; i++) {
        green_time start = green_now();
        uint64_t waits = stats_now().waits;

        ck_ok(green_hub_wait(hub, duration));
        ck_assert_int_ge(green_now() - start, duration);
        ck_ok(green_hub_dispatch(hub));
        start = green_now();
        ck_ok(green_sleep(duration));
        ck_assert_int_ge(green_now() - start, duration);
        ck_assert_uint_le(stats_now().waits - waits, 4);
    }
}
END_TEST

START_TEST(counts)
{
    struct green_timer timer = {.callback = abort_it, .arg = hub};
    struct green_call call = {.callback = count_it};
    struct green_hub_stats before, after;

    ck_ok(green_sleep(0)); /* from here on main is a greenthread */
    before = stats_now();
    ck_ok(green_hub_schedule(hub, &timer, green_now() + 50 * GREEN_MSEC));
    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_run(hub));
    ck_ok(green_spawn_n(no_fn, NULL));
    after = stats_now();
    if (!in_chaos()) {
        ck_assert_uint_eq(after.alive, before.alive + 1);
        ck_assert_uint_eq(after.finished, before.finished);
    }
    ck_ok(green_sleep(0));
    after = stats_now();
    ck_assert_uint_eq(after.fired, before.fired + 1);
    ck_assert_uint_eq(after.armed, before.armed + 1);
    ck_assert_uint_eq(after.calls, before.calls + 1);
    ck_assert_uint_ge(after.iterations, before.iterations + 2);
    ck_assert_uint_ge(after.waits, before.waits + 1);
    ck_assert_uint_eq(after.spawns, before.spawns + 1);
    ck_assert_uint_eq(after.finished, before.finished + 1);
    ck_assert_uint_eq(after.alive, before.alive);
    ck_assert_uint_gt(after.switches, before.switches);
}
END_TEST

/* The hub records the longest run of a greenthread, on the system's clock also
 * where the hub's time is virtual. */
START_TEST(the_longest_run_is_recorded)
{
    green_time start;

    ck_ok(green_sleep(0));
    ck_ok(green_hub_wait(hub, 0));
    start = real_clock();
    while (real_clock() - start < 20 * GREEN_MSEC)
        continue;
    ck_ok(green_hub_wait(hub, 0));
    ck_assert_int_ge(stats_now().longest_run, 20 * GREEN_MSEC);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub loop");
    TCase *run = add_tcase(suite, "run");
    TCase *wait = add_tcase(suite, "wait");

    tcase_add_checked_fixture(run, set_up, NULL);
    tcase_add_checked_fixture(wait, set_up, NULL);
    tcase_add_test(run, runs_until_aborted);
    tcase_add_test(run, an_abort_before_the_run);
    tcase_add_test(run, the_current_iteration_is_the_last);
    tcase_add_test(run, greenthreads_run_between_iterations);
    tcase_add_test(run, it_runs_once_at_a_time);
    tcase_add_test(run, not_from_a_callback);
    tcase_add_test(run, a_callback_cannot_block);
    tcase_add_test(run, spawn_from_a_callback);
    tcase_add_test(run, arguments);
    tcase_add_test(wait, a_wait_calls_no_callback);
    tcase_add_test(wait, a_signal_is_not_an_error);
    tcase_add_loop_test(wait, short_waits, 0, 4);
    tcase_add_test(wait, counts);
    tcase_add_test(wait, the_longest_run_is_recorded);
    return run_suite(suite);
}
