/* Calls on OS threads: results, and how many threads there are. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "thread_pool.h"

/* ---- Calls ------------------------------------------------------------- */

static pthread_t seen;

static long notes_thread(void *arg)
{
    int before = errno;

    seen = pthread_self();
    errno = *(int *)arg;
    return before == 0 ? 1234567 : -2;
}

START_TEST(result_and_errno)
{
    int error = EBADMSG; /* on this stack */

    errno = EIO;
    ck_assert_int_eq(on_thread(notes_thread, &error), 1234567);
    ck_assert_int_eq(errno, EBADMSG);
    ck_assert(!pthread_equal(seen, pthread_self()));
    error = 0;
    ck_assert_int_eq(on_thread(notes_thread, &error), 1234567);
    ck_assert_int_eq(errno, 0);
    ck_assert_uint_eq(pool_now().threads, 1); /* the same one */
}
END_TEST

static long fails(void *arg)
{
    errno = (int)(intptr_t)arg;
    return -1;
}

/* The function's error is distinct from an error of the call. */
static void *asks_when_killed(void *unused)
{
    long result = 0;

    errno = 0;
    ck_ok(green_thread_pool_run(fails, (void *)ECANCELED, &result));
    ck_assert_int_eq(errno, ECANCELED);
    ck_assert_int_eq(result, -1);
    ck_ok(green_kill(green_self()));
    result = 5;
    ck_fails(green_thread_pool_run(fails, (void *)ECANCELED, &result),
             ECANCELED);
    ck_assert_int_eq(result, 5);
    return unused;
}

START_TEST(errors_of_function_and_call)
{
    ck_ok(green_join(green_spawn(asks_when_killed, NULL), NULL));
}
END_TEST

START_TEST(a_call_that_fails)
{
    ck_fails(on_thread(fails, (void *)ENOTTY), ENOTTY);
}
END_TEST

START_TEST(the_hub_runs_meanwhile)
{
    struct green_thread *thread = spawn_waiting(7);

    until_begun(1);
    ck_assert_int_eq(pool_now().running, 1);
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(ended, 0);
    set_released(true);
    ck_assert_int_eq(result_of(thread), 7);
    ck_assert_int_eq(pool_now().running, 0);
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    (void)call;
    ck_fails(on_thread(notes_thread, NULL), EDEADLK);
    ended++;
}

START_TEST(wrong_use)
{
    struct green_call call = {.callback = in_a_callback};

    ck_fails(on_thread(NULL, NULL), EINVAL);
    ck_fails(green_thread_pool_run_or_leave(NULL, &left_count, note_left, NULL),
             EINVAL);
    ck_assert_int_eq(left_count, 1);
    ck_fails(green_thread_pool_resize(GREEN_THREAD_POOL_MOST + 1), EINVAL);
    ck_fails(green_thread_pool_stats(NULL), EINVAL);
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (!ended)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

static long blocked_signals(void *arg)
{
    sigset_t *set = arg;

    return pthread_sigmask(SIG_SETMASK, NULL, set);
}

START_TEST(signals_are_blocked_in_its_threads)
{
    sigset_t set;

    ck_ok(on_thread(blocked_signals, &set));
    ck_assert_int_eq(sigismember(&set, SIGTERM), 1);
    ck_assert_int_eq(sigismember(&set, SIGUSR1), 1);
    ck_ok(pthread_sigmask(SIG_SETMASK, NULL, &set));
    ck_assert_int_eq(sigismember(&set, SIGTERM), 0);
}
END_TEST

/* A regular file, which only OS threads can read without blocking the hub. */
static long read_self(void *arg)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, arg, 4);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return n;
}

static void *reads_file(void *arg)
{
    char magic[4];

    (void)arg;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(on_thread(read_self, magic), 4);
        /* valgrind shares one offset among all who open that file. */
        ck_assert(under_valgrind() || memcmp(magic, "\177ELF", 4) == 0);
    }
    return NULL;
}

START_TEST(many_at_once)
{
    struct green_thread *threads[50];

    for (int i = 0; i < 50; i++)
        threads[i] = green_spawn(reads_file, NULL);
    for (int i = 0; i < 50; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_uint_le(pool_now().threads, 20);
}
END_TEST

/* ---- Size -------------------------------------------------------------- */

static void try_size(const char *text, unsigned size)
{
    if (text)
        ck_ok(setenv("GREENHUB_THREADS", text, 1));
    else
        ck_ok(unsetenv("GREENHUB_THREADS"));
    ck_assert_uint_eq(pool_now().size, size);
}

static const struct {
    const char *text;
    unsigned size;
} sizes[] = {
    {NULL, 20}, {"", 20},   {"3", 3},       {"0", 0},
    {"-1", 20}, {"4x", 20}, {"4096", 4096}, {"4097", 20},
};

START_TEST(size_by_the_environment)
{
    try_size(sizes[_i].text, sizes[_i].size);
}
END_TEST

START_TEST(no_threads)
{
    int error = 0;

    try_size("0", 0);
    ck_assert_int_eq(on_thread(notes_thread, &error), 1234567);
    ck_assert(pthread_equal(seen, pthread_self()));
    ck_assert_uint_eq(pool_now().threads, 0);
}
END_TEST

START_TEST(threads_are_started_on_demand)
{
    struct green_thread *threads[5];

    try_size("3", 3);
    ck_assert_uint_eq(pool_now().threads, 0);
    threads[0] = spawn_waiting(0);
    until_begun(1);
    ck_assert_uint_eq(pool_now().threads, 1);
    for (int i = 1; i < 5; i++)
        threads[i] = spawn_waiting(i);
    until_begun(3);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(pool_now().threads, 3);
    ck_assert_uint_eq(pool_now().running, 3);
    ck_assert_uint_eq(pool_now().queued, 2);
    set_released(true);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(threads[i]), i);
    ck_assert_uint_eq(pool_now().threads, 3);
}
END_TEST

START_TEST(resized)
{
    struct green_thread *threads[5];
    int error = 0;

    ck_ok(green_thread_pool_resize(1));
    for (int i = 0; i < 5; i++)
        threads[i] = spawn_waiting(i);
    until_begun(1);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(pool_now().queued, 4);
    ck_ok(green_thread_pool_resize(4)); /* starts the missing threads */
    until_begun(4);
    ck_assert_uint_eq(pool_now().queued, 1);
    ck_ok(green_thread_pool_resize(0)); /* queued calls still run */
    ck_assert_int_eq(on_thread(notes_thread, &error), 1234567);
    ck_assert(pthread_equal(seen, pthread_self()));
    set_released(true);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(threads[i]), i);
    while (pool_now().threads > 0)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

static int at, served[8];

static long note_order(void *arg)
{
    served[at++] = (int)(intptr_t)arg;
    return 0;
}

static void *asks(void *arg)
{
    ck_ok(on_thread(note_order, arg));
    return NULL;
}

START_TEST(first_come_first_served)
{
    struct green_thread *first, *threads[8];

    ck_ok(green_thread_pool_resize(1));
    first = spawn_waiting(0);
    until_begun(1);
    for (int i = 0; i < 8; i++) {
        threads[i] = green_spawn(asks, (void *)(intptr_t)i);
        while (pool_now().queued != (unsigned)i + 1)
            ck_ok(green_sleep(0));
    }
    set_released(true);
    result_of(first);
    for (int i = 0; i < 8; i++)
        ck_ok(green_join(threads[i], NULL));
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(served[i], i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread pool");
    TCase *call = add_tcase(suite, "call");
    TCase *size = add_tcase(suite, "size");

    unsetenv("GREENHUB_THREADS");
    tcase_add_test(call, result_and_errno);
    tcase_add_test(call, errors_of_function_and_call);
    tcase_add_test(call, a_call_that_fails);
    tcase_add_test(call, the_hub_runs_meanwhile);
    tcase_add_test(call, wrong_use);
    tcase_add_test(call, signals_are_blocked_in_its_threads);
    tcase_add_test(call, many_at_once);
    tcase_add_loop_test(size, size_by_the_environment, 0, 8);
    tcase_add_test(size, no_threads);
    tcase_add_test(size, threads_are_started_on_demand);
    tcase_add_test(size, resized);
    tcase_add_test(size, first_come_first_served);
    return run_suite(suite);
}
