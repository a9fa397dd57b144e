/* green_debug_blocking. */
#include "support.h"

#include <greenhub.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char text[65536];
static int report[2], fds[2];
static atomic_int stop;

/* Reads reports until there is one that has the words. */
static void *wait_for_report(void *words)
{
    size_t have = 0;

    while (!strstr(text, words)) {
        ssize_t n = read(report[0], text + have, sizeof text - 1 - have);

        ck_assert_int_gt(n, 0);
        have += (size_t)n;
        text[have] = '\0';
    }
    if (fds[1] > 0)
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
    atomic_store(&stop, 1);
    return NULL;
}

static void contains(const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no \"%s\" in\n%s", words, text);
}

/* Runs it in a greenthread until the words are reported. */
static void run(const char *name, void *(*fn)(void *), const char *words)
{
    struct green_attr attr = {.name = name};
    char copy[64];
    pthread_t reader;

    pipe_pair(report);
    snprintf(copy, sizeof copy, "%s", words);
    ck_assert_int_eq(pthread_create(&reader, NULL, wait_for_report, copy), 0);
    ck_ok(green_debug_blocking(20 * GREEN_MSEC, report[1]));
    ck_ok(green_join(green_spawn_with(&attr, fn, NULL), NULL));
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    ck_ok(green_debug_blocking(0, -1));
}

static void *spins(void *arg)
{
    while (!atomic_load(&stop))
        ;
    return arg;
}

START_TEST(one_that_computes)
{
    run("the-spinner", spins, "spawned at");
    contains("\"the-spinner\" has kept OS thread ");
    ck_assert_ptr_null(strstr(text, "system call"));
}
END_TEST

/* On some processors there is no backtrace of what a signal interrupts. */
#if defined(__i386__) || defined(__arm__) || defined(__powerpc64__)
#define WHERE_IT_READS "in the system call "
#else
#define WHERE_IT_READS "read+0x"
#endif

static void *reads_blocking(void *arg)
{
    char c;

    ck_assert_int_eq(read(fds[0], &c, 1), 1); /* not EINTR */
    return arg;
}

START_TEST(one_in_a_system_call)
{
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("it delivers signals after a read(2), not during it");
        return;
    }
    pipe_pair(fds);
    run("the-reader", reads_blocking, WHERE_IT_READS);
    contains("\"the-reader\" has kept OS thread ");
    contains("in the system call read; spawned at");
}
END_TEST

/* A signal would end it. Longer than the time after which the report comes. */
static void *sleeps_blocking(void *arg)
{
    const struct timespec pause = {.tv_sec = 1};

    while (!atomic_load(&stop))
        ck_ok(nanosleep(&pause, NULL));
    return arg;
}

START_TEST(a_sleep_is_not_cut_short)
{
    run("the-sleeper", sleeps_blocking, "in the system call ");
    contains("\"the-sleeper\" has kept OS thread ");
    contains("nanosleep");
}
END_TEST

START_TEST(blocking_errors)
{
    ck_fails(green_debug_blocking(GREEN_SEC, 999), EBADF);
    ck_fails(green_debug_blocking(0, 1), EINVAL);
    ck_fails(green_debug_blocking(-1, 1), EINVAL);
    ck_ok(green_debug_blocking(0, -1));
}
END_TEST

START_TEST(the_environment_asks_for_it)
{
    pid_t pid;

    pipe_pair(report);
    pid = fork();
    if (pid == 0) {
        dup2(report[1], STDERR_FILENO);
        setenv("GREENHUB_DEBUG", "blocking=20ms", 1);
        green_join(green_spawn(spins, NULL), NULL);
        _exit(1);
    }
    close(report[1]);
    wait_for_report("has kept OS thread");
    ck_ok(kill(pid, SIGKILL));
    ck_assert_int_eq(wait_child(pid), 1000 + SIGKILL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("blocking");
    TCase *tcase = add_tcase(suite, "blocking");

    tcase_add_test(tcase, one_that_computes);
    tcase_add_test(tcase, one_in_a_system_call);
    tcase_add_test(tcase, a_sleep_is_not_cut_short);
    tcase_add_test(tcase, blocking_errors);
    tcase_add_test(tcase, the_environment_asks_for_it);
    return run_suite(suite);
}
