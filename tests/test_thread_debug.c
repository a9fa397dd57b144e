/* green_dump, and the report of a stack overflow. */
#include "support.h"

#include <fcntl.h>
#include <greenhub.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char text[65536];
static int fds[2], went_on;

static void dump_to_text(void)
{
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(name);
    ssize_t length;

    ck_assert_int_ge(fd, 0);
    unlink(name);
    ck_ok(green_dump(fd));
    length = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(length, 0);
    text[length] = '\0';
    close(fd);
}

static void contains(const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no \"%s\" in\n%s", words, text);
}

static void *reads(void *arg)
{
    char c;

    (void)arg;
    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    went_on++;
    return NULL;
}

static void *joins(void *arg)
{
    ck_ok(green_join(arg, NULL));
    went_on++;
    return NULL;
}

static void *sleeps(void *arg)
{
    (void)arg;
    ck_ok(green_sleep(20 * GREEN_MSEC));
    went_on++;
    return NULL;
}

START_TEST(each_wait_is_listed)
{
    struct green_thread *reader, *joiner, *sleeper, *later;
    char number[32];

    pipe_pair(fds);
    reader = spawn_named("the-reader", reads, NULL);
    joiner = spawn_named("the-joiner", joins, reader);
    sleeper = spawn_named("the-sleeper", sleeps, NULL);
    later = green_spawn_after(30 * GREEN_MSEC, sleeps, NULL);
    ck_ok(green_set_name(later, "the-later"));
    ck_ok(green_sleep(0));
    dump_to_text();
    contains(hub_under_test());
    contains("main");
    contains("running");
    contains("the-reader");
    contains("the-joiner");
    contains("the-sleeper");
    contains("the-later");
    contains("delayed");
    contains("parked");
    contains("read");
    contains("join");
    contains("sleep");
    contains("since");
    contains("spawned at");
    snprintf(number, sizeof number, "%d", fds[0]);
    contains(number);
    dump_to_text(); /* the first one changed nothing */
    contains("the-reader");
    ck_assert_int_eq(went_on, 0);
    /* They continue as if there had been no dump. */
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_join(joiner, NULL));
    ck_ok(green_join(sleeper, NULL));
    ck_ok(green_join(later, NULL));
    ck_assert_int_eq(went_on, 4);
}
END_TEST

static void *waits(void *arg)
{
    (void)arg;
    ck_assert_int_eq(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), GREEN_READ);
    return NULL;
}

START_TEST(a_wait_names_its_descriptor)
{
    struct green_thread *waiter;
    char wait[64];

    pipe_pair(fds);
    waiter = spawn_named("the-waiter", waits, NULL);
    ck_ok(green_sleep(0));
    dump_to_text();
    snprintf(wait, sizeof wait, "wait descriptor %d since", fds[0]);
    contains(wait);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_join(waiter, NULL));
}
END_TEST

START_TEST(dump_errors)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_fails(green_dump(-1), EBADF);
    if (fd < 0) {
        SKIP("there is no /dev/full");
        return;
    }
    ck_fails(green_dump(fd), ENOSPC);
    ck_ok(green_sleep(0));
}
END_TEST

/* A dump makes no hub, which would have descriptors. */
static void *dumps_first(void *arg)
{
    int before = count_fds();

    (void)arg;
    dump_to_text();
    ck_assert_int_eq(count_fds(), before);
    return NULL;
}

START_TEST(a_dump_makes_no_hub)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, dumps_first, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    contains("no greenthreads");
}
END_TEST

/* ---- Overflow ---------------------------------------------------------- */

/* Uses the frame after the call, or a compiler would turn the recursion into a
 * loop. */
static int deeper(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    if (depth < 0)
        return 0;
    return deeper(depth + 1) + frame[0];
}

static void *overflows(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)deeper(0);
}

static void *runs_over(void *arg)
{
    (void)arg;
    ck_ok(green_use_hub(NULL));
    green_join(spawn_named("the-deep-one", overflows, NULL), NULL);
    return NULL;
}

static void overflow_in_child(int stderr_fd, bool in_other_thread)
{
    const struct rlimit no_core = {0};
    pthread_t thread;

    setrlimit(RLIMIT_CORE, &no_core);
    dup2(stderr_fd, STDERR_FILENO);
    signal(SIGSEGV, SIG_DFL);
    if (green_debug_stack_overflow(true) < 0)
        _exit(1);
    if (!in_other_thread)
        runs_over(NULL);
    else if (pthread_create(&thread, NULL, runs_over, NULL) == 0)
        pthread_join(thread, NULL);
    _exit(2); /* not reached */
}

START_TEST(an_overflow_is_reported)
{
    ssize_t length;
    size_t have = 0;
    pid_t pid;

    if (checker()) {
        SKIP("the checker has its own handler of SIGSEGV");
        return;
    }
    pipe_pair(fds);
    pid = fork();
    if (pid == 0)
        overflow_in_child(fds[1], _i);
    close(fds[1]);
    while ((length = read(fds[0], text + have, sizeof text - 1 - have)) > 0)
        have += (size_t)length;
    text[have] = '\0';
    ck_assert_int_eq(wait_child(pid), 1000 + SIGSEGV);
    contains("the-deep-one");
    contains("used up its stack");
    contains("KiB");
    contains("spawned at");
}
END_TEST

static void raise_fault(uintptr_t address)
{
    volatile uintptr_t nowhere = address;

    *(volatile char *)nowhere = 1;
}

/* Greenthreads next to the one that overflows: their frames stay unchanged. */
#define NEIGHBOURS 4

static volatile unsigned char *frames[NEIGHBOURS];

static void *neighbour_main(void *arg)
{
    volatile unsigned char frame[3000];

    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (unsigned char)(i * 7);
    frames[(intptr_t)arg] = frame;
    green_sleep(GREEN_FOREVER);
    return (void *)(intptr_t)frame[0];
}

/* The program's earlier handler, called after the report. */
static void check_neighbours(int number)
{
    int wrong = 0;

    (void)number;
    for (int i = 0; i < NEIGHBOURS; i++)
        for (size_t j = 0; j < 3000; j++)
            wrong += frames[i][j] != (unsigned char)(j * 7);
    _exit(wrong == 0 ? 43 : 44);
}

START_TEST(the_neighbours_are_unchanged)
{
    const struct rlimit no_core = {0};
    struct sigaction action = {.sa_handler = check_neighbours};
    pid_t pid;

    if (checker()) {
        SKIP("the checker has its own handler of SIGSEGV");
        return;
    }
    pid = fork();
    if (pid == 0) {
        struct green_thread *deep;

        setrlimit(RLIMIT_CORE, &no_core);
        sigaction(SIGSEGV, &action, NULL);
        close(STDERR_FILENO);
        if (green_debug_stack_overflow(true) < 0)
            _exit(1);
        for (intptr_t i = 0; i < NEIGHBOURS / 2; i++)
            green_spawn(neighbour_main, (void *)i);
        deep = green_spawn_after(GREEN_MSEC, overflows, NULL);
        for (intptr_t i = NEIGHBOURS / 2; i < NEIGHBOURS; i++)
            green_spawn(neighbour_main, (void *)i);
        green_join(deep, NULL);
        _exit(2);
    }
    ck_assert_int_eq(wait_child(pid), 43);
}
END_TEST

static void *stays(void *arg)
{
    green_sleep(GREEN_FOREVER);
    return arg;
}

/* A frame whose far end is written first: `reach` bytes below the stack's
 * end. */
static void *steps_over(void *arg)
{
    const char *here = __builtin_frame_address(0);

    *(volatile char *)(here - 16384 - (uintptr_t)arg) = 1;
    return NULL;
}

static int end_of_step(size_t guard, size_t reach)
{
    struct green_attr attr = {.stack_size = 16384, .guard_size = guard};
    pid_t pid = fork();

    if (pid == 0) {
        struct green_thread *threads[3];

        signal(SIGSEGV, SIG_DFL);
        for (int i = 0; i < 3; i++)
            threads[i] = green_spawn_with(&attr, i < 2 ? stays : steps_over,
                                          (void *)reach);
        green_join(threads[2], NULL);
        _exit(2);
    }
    return wait_child(pid);
}

START_TEST(a_large_frame_hits_the_guard)
{
    struct green_attr attr = {.guard_size = ((size_t)1 << 30) + 1};

    if (checker()) {
        SKIP("the checker has its own handler of SIGSEGV");
        return;
    }
    ck_assert_int_eq(end_of_step(0, 8192), 1000 + SIGSEGV);
    ck_assert_int_eq(end_of_step(0, 60 << 10), 1000 + SIGSEGV);
    ck_assert_int_eq(end_of_step(1, 60 << 10), 1000 + SIGSEGV);
    ck_assert_int_eq(end_of_step(1 << 20, 1000 << 10), 1000 + SIGSEGV);
    ck_fails_null(green_spawn_with(&attr, stays, NULL), EINVAL);
}
END_TEST

static void earlier_handler(int number)
{
    (void)number;
    _exit(42);
}

START_TEST(other_faults_go_to_the_earlier_handler)
{
    struct sigaction action = {.sa_handler = earlier_handler}, now;
    pid_t pid;

    if (checker()) {
        SKIP("the checker has its own handler of SIGSEGV");
        return;
    }
    ck_ok(sigaction(SIGSEGV, &action, NULL));
    ck_ok(green_debug_stack_overflow(true));
    ck_ok(green_debug_stack_overflow(true));
    pid = fork();
    if (pid == 0) {
        raise_fault(8);
        _exit(1);
    }
    ck_assert_int_eq(wait_child(pid), 42);
    ck_ok(green_debug_stack_overflow(false));
    ck_ok(sigaction(SIGSEGV, NULL, &now));
    ck_assert(now.sa_handler == earlier_handler);
    ck_ok(green_debug_stack_overflow(false));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread debug");
    TCase *dump = add_tcase(suite, "dump");
    TCase *overflow = add_tcase(suite, "overflow");

    tcase_add_test(dump, each_wait_is_listed);
    tcase_add_test(dump, a_wait_names_its_descriptor);
    tcase_add_test(dump, dump_errors);
    tcase_add_test(dump, a_dump_makes_no_hub);
    tcase_add_loop_test(overflow, an_overflow_is_reported, 0, 2);
    tcase_add_test(overflow, the_neighbours_are_unchanged);
    tcase_add_test(overflow, a_large_frame_hits_the_guard);
    tcase_add_test(overflow, other_faults_go_to_the_earlier_handler);
    return run_suite(suite);
}
