/* Calls on OS threads whose greenthreads are killed, or whose hubs are
 * eliminated. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thread_pool.h"

static atomic_bool hub_is_ending;

/* ---- Killed and timed out ---------------------------------------------- */

/* A kill removes a call that is still queued, and waits for one that runs. */
START_TEST(killed_while_it_waits)
{
    struct green_thread *runs, *queued;

    ck_ok(green_thread_pool_resize(1));
    runs = spawn_waiting(1);
    until_begun(1);
    queued = spawn_waiting(2);
    while (pool_now().queued == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(runs));
    ck_ok(green_kill(queued));
    ck_assert_int_eq(result_of(queued), -1);
    ck_assert_uint_eq(pool_now().queued, 0);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(pool_now().running, 1);
    set_released(true);
    ck_assert_int_eq(result_of(runs), 1); /* the result is kept */
    ck_assert_int_eq(begun, 1);
}
END_TEST

static void *is_killed_before(void *arg)
{
    (void)arg;
    ck_ok(green_kill(green_self()));
    ck_fails(on_thread(wait_for_release, NULL), ECANCELED);
    ck_fails(green_thread_pool_run_or_leave(wait_for_release, &left_count,
                                            note_left, NULL),
             ECANCELED);
    return NULL;
}

START_TEST(killed_before)
{
    ck_ok(green_join(green_spawn(is_killed_before, NULL), NULL));
    ck_assert_int_eq(begun, 0);
    ck_assert_int_eq(left_count, 1);
}
END_TEST

START_TEST(timed_out)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_thread_pool_run_or_leave(wait_for_release, &left_count,
                                            note_left, NULL),
             ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    set_released(true);
    while (left_count == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(left_count, 1);
    ck_assert_int_eq(begun, ended);
}
END_TEST

/* The function's data is on the heap. The last user frees it, once. */
struct work {
    char bytes[64];
};

static long works(void *arg)
{
    struct work *work = arg;

    wait_for_release(NULL);
    memset(work->bytes, 'x', sizeof work->bytes);
    errno = 0;
    return 5;
}

static void free_work(void *arg)
{
    left_count++;
    free(arg);
}

static void *leaves(void *arg)
{
    struct work *work = malloc(sizeof *work);
    long result = 0;

    (void)arg;
    if (green_thread_pool_run_or_leave(works, work, free_work, &result) < 0)
        return (void *)(intptr_t)errno;
    ck_assert_int_eq(result, 5);
    ck_assert_int_eq(work->bytes[63], 'x');
    free(work);
    return NULL;
}

START_TEST(left_while_it_runs_or_is_queued)
{
    struct green_thread *threads[9];

    ck_ok(green_thread_pool_resize(3));
    for (int i = 0; i < 9; i++)
        threads[i] = green_spawn(leaves, NULL);
    until_begun(3);
    while (pool_now().queued < 6)
        ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < 9; i += 2) {
        ck_ok(green_kill(threads[i]));
        ck_assert_int_eq(result_of(threads[i]), ECANCELED);
    }
    set_released(true);
    for (int i = 1; i < 9; i += 2)
        ck_assert_int_eq(result_of(threads[i]), 0);
    while (left_count < 5)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(begun, 3 + 3); /* three of the queued never began */
}
END_TEST

static long soon(void *arg)
{
    return (long)(intptr_t)arg;
}

static void *asks_and_is_killed(void *arg)
{
    long result = on_thread(soon, arg);

    ck_assert(result == (long)(intptr_t)arg || errno == ECANCELED);
    return NULL;
}

/* The kill arrives at every stage of the job. */
START_TEST(killed_at_any_stage)
{
    for (int i = 0; i < 300; i++) {
        struct green_thread *thread =
            green_spawn(asks_and_is_killed, (void *)(intptr_t)(i + 1));

        for (int j = 0; j < i % 20; j++)
            ck_ok(green_sleep(0));
        green_kill(thread);
        ck_ok(green_join(thread, NULL) == 0 || errno == ECANCELED ? 0 : -1);
    }
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

/* ---- Hubs and OS threads that end --------------------------------------- */

static void *leaves_when_dropped(void *arg)
{
    (void)arg;
    green_thread_pool_run_or_leave(works, malloc(sizeof(struct work)),
                                   free_work, NULL);
    ck_abort_msg("a dropped greenthread continues");
    return NULL;
}

/* On an OS thread of its own: waits until the queued call has been removed. */
static void *releases_later(void *arg)
{
    while (!hub_is_ending)
        usleep(100);
    while (pool_now().queued > 0)
        usleep(100);
    set_released(true);
    return arg;
}

/* One call runs and uses its caller's memory, one may be left running, one is
 * queued. */
static void leave_three(void)
{
    ck_ok(green_thread_pool_resize(2));
    ck_assert_ptr_nonnull(spawn_waiting(1));
    ck_assert_ptr_nonnull(green_spawn(leaves_when_dropped, NULL));
    until_begun(2);
    ck_assert_ptr_nonnull(green_spawn(leaves_when_dropped, NULL));
    while (pool_now().queued == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    hub_is_ending = true;
}

START_TEST(the_hub_is_eliminated)
{
    pthread_t helper;

    ck_ok(pthread_create(&helper, NULL, releases_later, NULL));
    leave_three();
    ck_ok(green_use_hub(hub_under_test())); /* waits for the first call */
    ck_assert_int_ge(ended, 1);
    ck_ok(pthread_join(helper, NULL));
    while (left_count < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(begun, 2);
    ck_ok(on_thread(soon, NULL));
}
END_TEST

static void *uses_the_pool(void *arg)
{
    if (arg) {
        leave_three();
    } else {
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(on_thread(soon, (void *)(intptr_t)i), i);
    }
    return NULL;
}

START_TEST(an_os_thread_ends)
{
    pthread_t user, helper;
    int fds;

    ck_ok(on_thread(soon, NULL));
    fds = count_fds();
    ck_ok(pthread_create(&helper, NULL, releases_later, NULL));
    ck_ok(pthread_create(&user, NULL, uses_the_pool, &lock));
    ck_ok(pthread_join(user, NULL));
    ck_ok(pthread_join(helper, NULL));
    while (left_count < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(begun, 2);
    ck_assert_int_eq(ended, 2);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(several_hubs_share_it)
{
    pthread_t users[4];

    for (int i = 0; i < 4; i++)
        ck_ok(pthread_create(&users[i], NULL, uses_the_pool, NULL));
    uses_the_pool(NULL);
    for (int i = 0; i < 4; i++)
        ck_ok(pthread_join(users[i], NULL));
    ck_assert_uint_eq(pool_now().running, 0);
}
END_TEST

START_TEST(a_fork_while_it_runs)
{
    struct green_thread *threads[4];
    pid_t pid;

    if (is_emulated()) {
        SKIP("qemu-user ends the child of many threads with 127");
        return;
    }
    ck_ok(green_thread_pool_resize(2));
    for (int i = 0; i < 4; i++)
        threads[i] = spawn_waiting(i);
    until_begun(2);
    while (pool_now().queued < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (pool_now().threads || pool_now().running || pool_now().queued)
            _exit(1);
        _exit(on_thread(soon, (void *)3) == 3 ? 0 : 2);
    }
    ck_assert_int_eq(wait_child(pid), 0);
    set_released(true);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(result_of(threads[i]), i);
}
END_TEST

static long forks(void *arg)
{
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        return 0; /* the child's only OS thread ends, and so the child */
    return pid;
}

START_TEST(a_call_that_forks)
{
    pid_t pid;

    if (is_emulated()) {
        SKIP("qemu-user ends the child of many threads with 127");
        return;
    }
    if (checker() && strcmp(checker(), "asan") == 0) {
        SKIP("the leak detector cannot see stacks that a fork leaves behind");
        return;
    }
    pid = (pid_t)on_thread(forks, NULL);
    ck_assert_int_eq(wait_child(pid), 0);
    ck_ok(on_thread(soon, NULL));
}
END_TEST

/* The process ends, whatever its OS threads do. */
START_TEST(the_end_of_the_process)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        spawn_waiting(1);
        until_begun(1);
        exit(7);
    }
    ck_assert_int_eq(wait_child(pid), 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread pool end");
    TCase *kill = add_tcase(suite, "kill");
    TCase *end = add_tcase(suite, "end");

    unsetenv("GREENHUB_THREADS");
    tcase_add_test(kill, killed_while_it_waits);
    tcase_add_test(kill, killed_before);
    tcase_add_test(kill, timed_out);
    tcase_add_test(kill, left_while_it_runs_or_is_queued);
    tcase_add_test(kill, killed_at_any_stage);
    tcase_add_test(end, the_hub_is_eliminated);
    tcase_add_test(end, an_os_thread_ends);
    tcase_add_test(end, several_hubs_share_it);
    tcase_add_test(end, a_fork_while_it_runs);
    tcase_add_test(end, a_call_that_forks);
    tcase_add_test(end, the_end_of_the_process);
    return run_suite(suite);
}
