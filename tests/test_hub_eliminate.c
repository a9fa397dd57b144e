/*
 * Another hub replaces the old one, and all that belonged to the old one is
 * gone. Each case goes from the hub under test to each of the hubs.
 */
#include "support.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const char *const targets[] = {"epolls",   "poll",  "selects",
                                      "libevent", "uring", "sim"};

#define TARGETS 6

static bool switch_hub(const char *name)
{
    if (green_use_hub(name) == 0)
        return true;
    ck_assert(may_be_missing(name));
    return false;
}

static unsigned calls;

static void count_listener(struct green_listener *l, unsigned events)
{
    (void)l, (void)events;
    calls++;
}

static void count_timer(struct green_timer *timer)
{
    (void)timer;
    calls++;
}

static void count_call(struct green_call *call)
{
    (void)call;
    calls++;
}

static void run_iterations(void)
{
    for (int i = 0; i < 5; i++) {
        ck_ok(green_hub_wait(green_get_hub(), GREEN_MSEC));
        ck_ok(green_hub_dispatch(green_get_hub()));
    }
}

START_TEST(descriptors_timers_and_calls)
{
    int fds[2], before;
    struct green_listener l = {.events = GREEN_READ,
                               .callback = count_listener};
    struct green_timer timer = {.callback = count_timer};
    struct green_call call = {.callback = count_call};
    struct green_hub *hub = green_get_hub();

    ck_assert_ptr_nonnull(hub);
    before = count_fds();
    pipe_pair(fds);
    l.fd = fds[0];
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_add(hub, &l));
    ck_ok(green_hub_schedule(hub, &timer, green_now()));
    ck_ok(green_hub_call(hub, &call));
    if (!switch_hub(targets[_i]))
        return;
    hub = green_get_hub();
    run_iterations();
    ck_assert_uint_eq(calls, 0);
    /* At most the new hub's own descriptor, for wake-ups from other OS
     * threads. */
    ck_assert_uint_le(stats_now().descriptors, 1);
    /* They belong to no hub now, and the new hub can take them. */
    ck_fails(green_hub_remove(hub, &l), ENOENT);
    ck_fails(green_hub_cancel(hub, &timer), ENOENT);
    ck_ok(green_hub_add(hub, &l));
    ck_ok(green_hub_schedule(hub, &timer, green_now()));
    ck_ok(green_hub_call(hub, &call));
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_ok(green_hub_dispatch(hub));
    ck_assert_uint_ge(calls, 3);
    ck_ok(green_hub_remove(hub, &l));
    close(fds[0]);
    close(fds[1]);
    ck_ok(green_use_hub(hub_under_test()));
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* ---- Greenthreads ---------------------------------------------------- */

static unsigned resumed, deferred;
static int pipe_fds[2];

static void note_defer(void *arg)
{
    (void)arg;
    deferred++;
}

static void *sleeps(void *arg)
{
    (void)arg;
    ck_ok(green_at_exit(note_defer, NULL));
    green_sleep(GREEN_MSEC);
    resumed++;
    return NULL;
}

static void *reads(void *arg)
{
    char c;

    (void)arg;
    ck_ok(green_at_exit(note_defer, NULL));
    green_read(pipe_fds[0], &c, 1);
    resumed++;
    return NULL;
}

static void *joins(void *arg)
{
    ck_ok(green_at_exit(note_defer, NULL));
    green_join(arg, NULL);
    resumed++;
    return NULL;
}

static void sleeps_detached(void *arg)
{
    sleeps(arg);
}

static void *never_starts(void *arg)
{
    (void)arg;
    resumed++;
    return NULL;
}

START_TEST(greenthreads_never_run_again)
{
    struct green_thread *threads[5];

    pipe_pair(pipe_fds);
    threads[0] = green_spawn(sleeps, NULL);
    threads[1] = green_spawn(reads, NULL);
    threads[2] = green_spawn(joins, threads[0]);
    ck_ok(green_spawn_n(sleeps_detached, NULL));
    ck_ok(green_sleep(0));
    threads[3] = green_spawn_after(GREEN_MSEC, never_starts, NULL);
    threads[4] = green_spawn_with(NULL, never_starts, NULL);
    if (in_chaos()) /* a spawn may switch in chaos */
        resumed = 0;
    if (!switch_hub(targets[_i]))
        return;
    ck_assert_uint_eq(stats_now().alive, 1);
    if (!in_chaos())
        ck_assert_uint_eq(stats_now().dropped, 6);
    ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
    ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_assert_uint_eq(resumed, 0);
    for (int i = 0; i < (in_chaos() ? 4 : 5); i++)
        ck_cancelled(threads[i]);
    ck_assert(!green_killed());
    ck_assert_uint_eq(deferred, 0);
    ck_ok(green_sleep(0));
}
END_TEST

START_TEST(a_dropped_greenthread_is_finished)
{
    struct green_thread *thread = green_spawn(sleeps, NULL);

    ck_ok(green_sleep(0));
    if (!switch_hub(targets[_i]))
        return;
    ck_fails(green_kill(thread), ESRCH);
    ck_fails(green_cancel(thread), ESRCH);
    ck_ok(green_detach(thread));
}
END_TEST

START_TEST(stacks_are_returned)
{
    int before = 0, count = fewer_if_checked(100, 10);

    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < count; i++)
            ck_ok(green_spawn_n(sleeps_detached, NULL));
        ck_ok(green_sleep(0));
        if (!switch_hub(round % 2 ? hub_under_test() : targets[_i]))
            return;
        if (round == 9)
            before = count_mappings();
    }
    ck_assert_int_le(count_mappings(), before + 4);
}
END_TEST

static void *child_of_local(void *arg)
{
    (void)arg;
    return NULL;
}

static bool other_ran;

static void *the_second(void *arg)
{
    other_ran = true;
    return arg;
}

/* Its local child is dropped with the hub; another greenthread has the child's
 * memory when the parent ends. */
static void *parent_of_local(void *arg)
{
    const char *target = arg;
    struct green_thread *other, *child;

    child = green_spawn_after_local(GREEN_SEC, child_of_local, NULL);
    ck_assert_ptr_nonnull(child);
    if (!switch_hub(target))
        return NULL;
    ck_cancelled(child);
    other = green_spawn(the_second, NULL);
    ck_ok(green_detach(other));
    return NULL;
}

static void *run_parent(void *arg)
{
    struct green_thread *thread = green_spawn(parent_of_local, arg);

    /* Its function drops this greenthread, so this call never returns. */
    green_join(thread, NULL);
    return NULL;
}

START_TEST(a_dropped_local_leaves_its_parent)
{
    pthread_t thread;

    if (checker() && strcmp(checker(), "asan") == 0) {
        SKIP("AddressSanitizer loses track when an OS thread ends by "
             "pthread_exit on another stack than its own");
        return;
    }
    ck_ok(pthread_create(&thread, NULL, run_parent, (void *)targets[_i]));
    ck_ok(pthread_join(thread, NULL));
    ck_assert(other_ran || may_be_missing(targets[_i]));
}
END_TEST

/* ---- From a greenthread that is not main ------------------------------ */

static unsigned steps;

static void changes_hub(void *arg)
{
    (void)arg;
    if (!switch_hub(targets[steps - 1]))
        ck_ok(green_use_hub(hub_under_test()));
    ck_ok(green_sleep(GREEN_MSEC));
    steps += 100;
}

static void *main_is_dropped(void *arg)
{
    (void)arg;
    ck_ok(green_spawn_n(changes_hub, NULL));
    green_sleep(GREEN_FOREVER);
    steps += 10000; /* never runs */
    return NULL;
}

/* Main is dropped; when the last greenthread has finished, the OS thread
 * ends. */
START_TEST(main_is_dropped_too)
{
    pthread_t thread;
    int before = count_fds();

    steps = (unsigned)_i + 1;
    ck_ok(pthread_create(&thread, NULL, main_is_dropped, NULL));
    ck_ok(pthread_join(thread, NULL));
    ck_assert_uint_eq(steps, (unsigned)_i + 101);
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(timeouts_of_the_caller_do_not_fire)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    if (!switch_hub(targets[_i]))
        return;
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert(!green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

START_TEST(statistics_start_at_zero)
{
    ck_ok(green_sleep(0));
    ck_ok(green_spawn_n(sleeps_detached, NULL));
    if (!switch_hub(targets[_i]))
        return;
    ck_assert_uint_eq(stats_now().iterations, 0);
    ck_assert_uint_eq(stats_now().spawns, 0);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub eliminate");
    TCase *tcase = add_tcase(suite, "another hub");

    tcase_add_loop_test(tcase, descriptors_timers_and_calls, 0, TARGETS);
    tcase_add_loop_test(tcase, greenthreads_never_run_again, 0, TARGETS);
    tcase_add_loop_test(tcase, a_dropped_greenthread_is_finished, 0, TARGETS);
    tcase_add_loop_test(tcase, stacks_are_returned, 0, TARGETS);
    tcase_add_loop_test(tcase, a_dropped_local_leaves_its_parent, 0, TARGETS);
    tcase_add_loop_test(tcase, main_is_dropped_too, 0, TARGETS);
    tcase_add_loop_test(tcase, timeouts_of_the_caller_do_not_fire, 0, TARGETS);
    tcase_add_loop_test(tcase, statistics_start_at_zero, 0, TARGETS);
    return run_suite(suite);
}
