/* A million sleeping, a hundred thousand killed, a stack that overflows,
 * forks. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static unsigned long counter;

/* ---- A million -------------------------------------------------------- */

static green_time wake_time;
static bool all_are_there;

static void sleep_long(void *arg)
{
    green_time left = wake_time - green_now();

    (void)arg;
    if (green_sleep(left > 0 ? left : 0) < 0)
        return;
    while (!all_are_there) /* a slow machine */
        green_sleep(GREEN_SEC);
    counter++;
}

/* Timers and stacks are the same on every hub: a million on one is enough. */
static unsigned long how_many(void)
{
    return strcmp(hub_under_test(), "epolls") == 0 ? 1000000 : 100000;
}

START_TEST(a_million_sleep_and_wake)
{
    unsigned long count = how_many();
    long before, after;
    green_time start = green_now();

    if (checker()) {
        SKIP("a memory checker uses several times the memory");
        return;
    }
    green_get_hub();
    wake_time = start + (green_time)count * 15 * GREEN_USEC;
    before = resident_kib();
    for (unsigned long i = 0; i < count; i++) {
        if (green_spawn_n(sleep_long, NULL) < 0) {
            if (i > 1000 && errno == ENOMEM) {
                SKIP(green_hub_error()); /* no guards without mappings here */
                return;
            }
            ck_abort_msg("spawn %lu: %s", i, strerror(errno));
        }
        if (i % 1000 == 0)
            green_sleep(0);
    }
    green_sleep(0);
    ck_assert_uint_eq(stats_now().alive, count + 1);
    after = resident_kib();
    fprintf(stderr, "%lu sleeping after %.1f s: %.2f KB each\n", count,
            (double)(green_now() - start) / 1e9,
            (double)(after - before) * 1024 / 1000 / (double)count);
    ck_assert_int_le((after - before) * 1024, (long)(4600 * count));
    all_are_there = true;
    while (counter < count)
        ck_ok(green_sleep(100 * GREEN_MSEC));
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

/* ---- Killed while parked ---------------------------------------------- */

static void *wait_forever(void *arg)
{
    char byte;

    if (arg)
        green_read(*(int *)arg, &byte, 1);
    else
        green_sleep(GREEN_FOREVER);
    if (errno == ECANCELED && green_killed())
        counter++;
    return arg;
}

START_TEST(a_hundred_thousand_killed)
{
    enum { COUNT = 100000, PAIRS = 500 };
    struct green_thread **threads = calloc(COUNT, sizeof *threads);
    static int fds[PAIRS][2];
    void *result;

    for (int i = 0; i < PAIRS; i++)
        ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]));
    for (int i = 0; i < COUNT; i++) {
        threads[i] = green_spawn(wait_forever, i % 2 ? fds[i % PAIRS] : NULL);
        if (!threads[i] && i > 1000 && errno == ENOMEM) {
            SKIP(green_hub_error());
            return;
        }
        ck_assert_ptr_nonnull(threads[i]);
    }
    green_sleep(0);
    /* From both ends; those in the middle twice. */
    for (int i = 0; i < COUNT; i++)
        ck_ok(green_kill(threads[i % 2 ? i : COUNT - 2 - i]));
    for (int i = COUNT / 4; i < COUNT / 2; i++)
        ck_ok(green_kill(threads[i]));
    for (int i = 0; i < COUNT; i++) {
        ck_ok(green_join(threads[i], &result));
        ck_assert_ptr_eq(result, i % 2 ? fds[i % PAIRS] : NULL);
    }
    ck_assert_uint_eq(counter, COUNT);
    ck_assert_uint_eq(stats_now().alive, 1);
    /* The descriptors work as before. */
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(green_write(fds[i][1], "x", 1), 1);
        ck_assert_int_eq(green_read(fds[i][0], &(char){0}, 1), 1);
    }
    free(threads);
}
END_TEST

/* ---- Stack overflow ---------------------------------------------------- */

static char *volatile neighbour_memory;

/* Fills its stack almost to the end, so that a write from outside shows. */
static void *neighbour(void *arg)
{
    char mine[8192];

    memset(mine, 0x5a, sizeof mine);
    neighbour_memory = mine;
    green_sleep(GREEN_FOREVER);
    return arg;
}

static volatile int most_depth = 1000000;

static int too_deep(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    frame[511] = (char)depth;
    if (depth == most_depth)
        return 0;
    return too_deep(depth + 1) + frame[0] + frame[511];
}

static void *overflow(void *arg)
{
    (void)arg;
    _exit(too_deep(0) ? 1 : 2);
}

/* Checks the neighbours before the process ends: exit status 42 if they are
 * unchanged. */
static void check_and_exit(int number)
{
    (void)number;
    for (int i = 0; i < 8192; i++)
        if (neighbour_memory[i] != 0x5a)
            _exit(43);
    _exit(42);
}

static void overflow_between_neighbours(void)
{
    static char alternate[65536];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = check_and_exit,
                               .sa_flags = SA_ONSTACK};
    struct green_attr small = {.stack_size = 16 << 10};

    /* Slots of stacks lie one above the other: the first is below the
     * second. */
    green_spawn_with(&small, neighbour, NULL);
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    green_sleep(0);
    green_spawn_with(&small, overflow, NULL);
    green_sleep(GREEN_SEC);
    _exit(1);
}

START_TEST(an_overflow_stops_at_the_guard_page)
{
    pid_t child;

    if (checker()) {
        SKIP("the checker has handlers of its own");
        return;
    }
    child = fork();
    if (child == 0)
        overflow_between_neighbours();
    ck_assert_int_eq(wait_child(child), 42);
}
END_TEST

/* ---- Fork in a running program ----------------------------------------- */

static bool stop;
static int pair[2];

static void tick(void *arg)
{
    (void)arg;
    while (!stop && green_sleep(GREEN_MSEC) == 0)
        counter++;
}

static void ping_pong(void *arg)
{
    int fd = *(int *)arg;
    char byte;

    while (green_read(fd, &byte, 1) == 1 && green_write(fd, &byte, 1) == 1)
        counter++;
}

/* Runs a hub of its own, on which no greenthread of the parent runs. */
static void run_child(void)
{
    unsigned long before = counter;
    int fds[2];

    if (green_pipe2(fds, 0) < 0 || green_sleep(5 * GREEN_MSEC) < 0 ||
        green_write(fds[1], "x", 1) != 1 ||
        green_read(fds[0], &(char){0}, 1) != 1)
        _exit(2);
    _exit(counter == before ? 0 : 3);
}

START_TEST(forks_in_a_running_program)
{
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    ck_ok(green_spawn_n(ping_pong, &pair[0]));
    ck_ok(green_spawn_n(ping_pong, &pair[1]));
    ck_ok(green_spawn_n(tick, NULL));
    ck_assert_int_eq(green_write(pair[0], "x", 1), 1);
    for (int i = 0; i < 30; i++) {
        unsigned long before = counter;
        pid_t child = fork();
        int status;

        if (child == 0)
            run_child();
        ck_assert_int_gt(child, 0);
        while (waitpid(child, &status, WNOHANG) == 0)
            ck_ok(green_sleep(GREEN_MSEC));
        ck_assert_int_eq(status, 0);
        ck_assert_uint_gt(counter, before);
    }
    stop = true;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress_greenthreads");
    TCase *tcase = add_tcase(suite, "greenthreads");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_million_sleep_and_wake);
    tcase_add_test(tcase, a_hundred_thousand_killed);
    tcase_add_test(tcase, an_overflow_stops_at_the_guard_page);
    tcase_add_test(tcase, forks_in_a_running_program);
    return run_suite(suite);
}
