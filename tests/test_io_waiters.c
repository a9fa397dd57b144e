/* Many greenthreads on one descriptor; hang-ups; waits that end early. */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support.h"

#define WAITERS 20

static int fds[2];
static int order[WAITERS], came;
static struct green_thread *threads[WAITERS];
static size_t left; /* to be read */

static void *read_one(void *arg)
{
    char byte;
    ssize_t n = green_read(fds[0], &byte, 1);

    if (n <= 0)
        return (void *)(intptr_t)(n < 0 ? errno : 0);
    order[came++] = (int)(intptr_t)arg;
    return (void *)(intptr_t)1000;
}

static void spawn_all(void *(*fn)(void *))
{
    for (intptr_t i = 0; i < WAITERS; i++) {
        threads[i] = green_spawn(fn, (void *)i);
        ck_assert_ptr_nonnull(threads[i]);
    }
    for (int i = 0; i < 3; i++)
        green_sleep(0); /* all of them wait now */
}

static intptr_t join(int i)
{
    void *result;

    ck_ok(green_join(threads[i], &result));
    return (intptr_t)result;
}

START_TEST(first_come_first_served)
{
    make_pair(_i, fds);
    spawn_all(read_one);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(join(i), 1000);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(one_write_serves_many)
{
    static char bytes[WAITERS];

    make_pair(_i, fds);
    spawn_all(read_one);
    ck_assert_int_eq(green_write(fds[1], bytes, WAITERS), WAITERS);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(join(i), 1000);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(a_kill_loses_nothing_for_others)
{
    static char more[WAITERS / 2];
    uint64_t iterations;
    int served = 0;

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    spawn_all(read_one);
    iterations = stats_now().iterations;
    /* Kills every second one, some at the very moment that data arrives. If the
     * hub iterates before the killed ones run, some of them may still get a
     * byte. */
    ck_assert_int_eq(green_write(fds[1], "abcde", 5), 5);
    for (int i = 0; i < WAITERS; i += 2)
        ck_ok(green_kill(threads[i]));
    ck_assert_int_eq(green_write(fds[1], "fghij", 5), 5);
    for (int i = 0; i < WAITERS; i += 2) {
        intptr_t result = join(i);

        if (result == 1000)
            served++;
        else
            ck_assert_int_eq(result, ECANCELED);
    }
    ck_assert_int_lt(served,
                     stats_now().iterations == iterations ? 1 : WAITERS / 2);
    if (served > 0)
        ck_assert_int_eq(green_write(fds[1], more, (size_t)served), served);
    for (int i = 1; i < WAITERS; i += 2)
        ck_assert_int_eq(join(i), 1000);
    ck_assert_int_eq(came, WAITERS / 2 + served);
}
END_TEST

static void *read_in_time(void *arg)
{
    struct green_timeout timeout;
    void *result;

    ck_ok(green_timeout_start(&timeout, (intptr_t)arg % 2 ? 10 * GREEN_MSEC
                                                          : GREEN_FOREVER));
    result = read_one(arg);
    ck_ok(green_timeout_cancel(&timeout));
    return result;
}

START_TEST(a_timeout_loses_nothing_for_others)
{
    static char bytes[WAITERS / 2];

    make_pair(_i, fds);
    spawn_all(read_in_time);
    green_sleep(20 * GREEN_MSEC);
    ck_assert_int_eq(green_write(fds[1], bytes, sizeof bytes), sizeof bytes);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(join(i), i % 2 ? ETIMEDOUT : 1000);
}
END_TEST

static void *write_block(void *arg)
{
    static char block[WAITERS][50000];
    int i = (int)(intptr_t)arg;

    memset(block[i], 'a' + i, sizeof block[i]);
    ck_assert_int_eq(green_write(fds[1], block[i], sizeof block[i]),
                     sizeof block[i]);
    return NULL;
}

/* The bytes of each call stay together, in the order of the calls. */
START_TEST(writes_do_not_mix)
{
    static char got[50000];

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    spawn_all(write_block);
    for (int i = 0; i < WAITERS; i++) {
        ck_assert_int_eq(green_read_full(fds[0], got, sizeof got), sizeof got);
        for (size_t j = 0; j < sizeof got; j++)
            if (got[j] != 'a' + i)
                ck_abort_msg("byte %zu of block %d is %d", j, i, got[j]);
    }
    for (int i = 0; i < WAITERS; i++)
        join(i);
}
END_TEST

static char long_block[8 << 20];

static void *write_long(void *arg)
{
    memset(long_block, 'x', sizeof long_block);
    ck_assert_int_eq(green_write(fds[1], long_block, sizeof long_block),
                     sizeof long_block);
    return arg;
}

static void *read_long(void *arg)
{
    static char got[sizeof long_block + 1];

    ck_assert_int_eq(green_read_full(fds[0], got, left), (ssize_t)left);
    ck_assert_ptr_eq(memchr(got, 'y', left), got + left - 1);
    return arg;
}

/* Reads all data, with system calls that the hub does not see. */
static size_t drain(int fd)
{
    static char bytes[65536];
    size_t size = 0;
    int there;

    while (ioctl(fd, FIONREAD, &there) == 0 && there > 0) {
        if (there > (int)sizeof bytes)
            there = sizeof bytes;
        ck_assert_int_eq(read(fd, bytes, (size_t)there), there);
        size += (size_t)there;
    }
    return size;
}

/* A writer that was woken and has not run yet goes before later writers. */
START_TEST(later_writers_wait_for_the_woken)
{
    struct green_thread *writer, *reader;
    uint64_t iterations;

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    writer = green_spawn(write_long, NULL);
    ck_ok(green_sleep(GREEN_MSEC)); /* it waits now */
    left = sizeof long_block + 1 - drain(fds[0]);
    iterations = stats_now().iterations;
    while (stats_now().iterations == iterations)
        ck_ok(green_sleep(0)); /* woken, but queued behind this one */
    reader = green_spawn(read_long, NULL);
    ck_assert_int_eq(green_write(fds[1], "y", 1), 1);
    ck_ok(green_join(writer, NULL));
    ck_ok(green_join(reader, NULL));
}
END_TEST

START_TEST(both_directions_at_once)
{
    struct green_thread *writer;
    char byte;

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    spawn_all(read_one); /* of fds[0] */
    writer = green_spawn(write_block, NULL);
    (void)writer;
    ck_assert_int_eq(green_write(fds[0], "y", 1), 1);
    ck_assert_int_eq(green_read(fds[1], &byte, 1), 1);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(join(i), 1000);
}
END_TEST

START_TEST(the_end_wakes_all)
{
    make_pair(_i, fds);
    spawn_all(read_one);
    ck_ok(green_close(fds[1]));
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(join(i), 0);
}
END_TEST

static void *write_till_error(void *arg)
{
    static char block[100000];

    (void)arg;
    while (green_write(fds[0], block, sizeof block) > 0)
        continue;
    return (void *)(intptr_t)errno;
}

START_TEST(a_reset_wakes_both_directions)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct green_thread *writer;
    void *error;

    make_pair(_i ? 3 : 0, fds);
    spawn_all(read_one);
    writer = green_spawn(write_till_error, NULL);
    green_sleep(GREEN_MSEC);
    ck_ok(green_setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger,
                           sizeof linger));
    ck_ok(green_close(fds[1]));
    ck_ok(green_join(writer, &error));
    ck_assert_msg((intptr_t)error == EPIPE || (intptr_t)error == ECONNRESET,
                  "errno %ld", (long)(intptr_t)error);
    for (int i = 0; i < WAITERS; i++) {
        intptr_t result = join(i);

        ck_assert_msg(result == 0 || result == ECONNRESET, "%ld", (long)result);
    }
}
END_TEST

/* The peer has ended; a greenthread that waits to write causes no
 * iterations. */
START_TEST(a_hang_up_does_not_spin)
{
    struct green_hub_stats before, after;
    struct green_thread *writer;

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    ck_ok(green_shutdown(fds[1], SHUT_WR));
    writer = green_spawn(write_till_error, NULL);
    green_sleep(10 * GREEN_MSEC);
    before = stats_now();
    green_sleep(50 * GREEN_MSEC);
    after = stats_now();
    ck_assert_uint_lt(after.iterations - before.iterations, 20);
    ck_ok(green_kill(writer));
    ck_ok(green_join(writer, NULL));
}
END_TEST

START_TEST(urgent_data_does_not_spin)
{
    struct green_hub_stats before, after;
    struct green_thread *reader;

    make_pair(_i ? 3 : 0, fds);
    reader = green_spawn(read_one, NULL);
    green_sleep(0);
    ck_assert_int_eq(green_send(fds[1], "!", 1, MSG_OOB), 1);
    green_sleep(10 * GREEN_MSEC);
    before = stats_now();
    green_sleep(50 * GREEN_MSEC);
    after = stats_now();
    ck_assert_uint_lt(after.iterations - before.iterations, 20);
    ck_ok(green_kill(reader));
    ck_ok(green_join(reader, NULL));
}
END_TEST

/* A write that was killed after a part returns the size of the part. */
START_TEST(a_killed_write_returns_what_was_done)
{
    static char block[20 << 20];
    struct green_timeout timeout;
    ssize_t n;

    make_pair(_i, fds);
    ck_ok(green_timeout_start(&timeout, 10 * GREEN_MSEC));
    n = green_write(fds[1], block, sizeof block);
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, sizeof block);
    do /* if the time was up before it had to wait, there is still room */
        n = green_write(fds[1], block, sizeof block);
    while (n > 0);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_kill(green_self()));
    ck_assert_int_gt(green_read(fds[0], block, sizeof block), 0);
    ck_fails(green_read(fds[1], block, 1),
             is_pipe_kind(_i) ? EBADF : ECANCELED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_waiters");
    TCase *tcase = add_tcase(suite, "waiters");

    tcase_add_loop_test(tcase, first_come_first_served, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, one_write_serves_many, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_kill_loses_nothing_for_others, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_timeout_loses_nothing_for_others, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, writes_do_not_mix, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, later_writers_wait_for_the_woken, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, both_directions_at_once, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, the_end_wakes_all, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_reset_wakes_both_directions, 0, 2);
    tcase_add_loop_test(tcase, a_hang_up_does_not_spin, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, urgent_data_does_not_spin, 0, 2);
    tcase_add_loop_test(tcase, a_killed_write_returns_what_was_done, 0,
                        PAIR_KINDS);
    return run_suite(suite);
}
