/* pthread_cancel of an OS thread whose hub waits: the OS thread ends, its hub
 * is closed, and nothing leaks. */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t begun;
static int fds[2];
static pid_t waiter;

static void report_start(void)
{
    waiter = (pid_t)syscall(SYS_gettid);
    sem_post(&begun);
}

static void *reads(void *arg)
{
    char byte;

    report_start();
    ck_fails(green_read(fds[0], &byte, 1), ECANCELED);
    return arg;
}

static void *sleeps(void *arg)
{
    report_start();
    ck_ok(green_sleep(1000 * GREEN_SEC));
    return arg;
}

static void *runs_its_hub(void *arg)
{
    struct green_hub *hub = green_get_hub();

    ck_assert_ptr_nonnull(hub);
    report_start();
    ck_ok(green_hub_run(hub));
    return arg;
}

static void *read_in_greenthread(void *arg)
{
    char byte;

    green_read(fds[0], &byte, 1);
    return arg;
}

static void *joins(void *arg)
{
    struct green_thread *thread = green_spawn(read_in_greenthread, NULL);

    ck_assert_ptr_nonnull(thread);
    report_start();
    green_join(thread, NULL);
    return arg;
}

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Waits until the kernel reports that the OS thread sleeps: in its hub's wait,
 * or briefly elsewhere; then the cancellation comes before the wait. */
static void until_it_waits(void)
{
    char path[64], state = '?';

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)waiter);
    for (int i = 0; i < 100000 && state != 'S'; i++) {
        FILE *file = fopen(path, "re");

        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        if (file)
            fclose(file);
        sched_yield();
    }
}

static void cancel_one(void *(*body)(void *))
{
    pthread_t thread;
    void *result;

    ck_ok(pthread_create(&thread, NULL, body, NULL));
    while (sem_wait(&begun) < 0)
        continue;
    until_it_waits();
    ck_ok(pthread_cancel(thread));
    ck_ok(pthread_join(thread, &result));
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

START_TEST(a_wait_is_a_cancellation_point)
{
    void *(*const bodies[])(void *) = {reads, sleeps, runs_its_hub, joins};
    int before;

    if (_i == 1 && strcmp(hub_under_test(), "sim") == 0) {
        SKIP("a sleep on the hub sim takes no time");
        return;
    }
    ck_ok(sem_init(&begun, 0, 0));
    pipe_pair(fds);
    cancel_one(bodies[_i]); /* what is made only once exists now */
    before = open_descriptors();
    for (int i = 0; i < 5; i++)
        cancel_one(bodies[_i]);
    ck_assert_int_eq(open_descriptors(), before);
    /* The calling OS thread's own hub still works. */
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_read(fds[0], &(char){0}, 1), 1);
}
END_TEST

static void *sleeps_uncancelled(void *arg)
{
    int former;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former);
    report_start();
    ck_assert_int_eq(green_read(fds[0], &(char){0}, 1), 1);
    ck_ok(green_sleep(GREEN_MSEC));
    return arg;
}

/* Like any cancellation point, only while cancellation is enabled. */
START_TEST(unless_it_is_disabled)
{
    pthread_t thread;
    void *result;

    ck_ok(sem_init(&begun, 0, 0));
    pipe_pair(fds);
    ck_ok(pthread_create(&thread, NULL, sleeps_uncancelled, &begun));
    while (sem_wait(&begun) < 0)
        continue;
    until_it_waits();
    ck_ok(pthread_cancel(thread));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(pthread_join(thread, &result));
    ck_assert_ptr_eq(result, &begun);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub cancel");
    TCase *tcase = add_tcase(suite, "cancel");

    tcase_add_loop_test(tcase, a_wait_is_a_cancellation_point, 0, 4);
    tcase_add_test(tcase, unless_it_is_disabled);
    return run_suite(suite);
}
