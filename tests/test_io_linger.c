/*
 * The close of a socket with SO_LINGER and unsent data: only the greenthread
 * waits, and a timeout ends the wait.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static struct green_thread *spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

/* A socket with unsent data, and a peer that does not read. */
static int lingering(int fds[2], int seconds)
{
    struct linger linger = {1, seconds};
    static char block[1 << 16];

    tcp_pair(fds);
    while (send(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    ck_ok(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    return fds[1];
}

static void *close_it(void *arg)
{
    return (void *)(intptr_t)(green_close(*(int *)arg) < 0 ? -errno : 0);
}

static void *replace_it(void *arg)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int result = green_dup2(null, *(int *)arg);

    close(null);
    return (void *)(intptr_t)(result == *(int *)arg ? 0 : -1);
}

#define WHY_NOT "valgrind runs no other OS thread while a close waits"

/* The socket closes only after the peer, on the same OS thread, has read. */
START_TEST(a_close_that_lingers_blocks_only_its_greenthread)
{
    static char block[1 << 16];
    struct green_thread *closer;
    int fds[2];

    if (under_valgrind()) {
        SKIP(WHY_NOT);
        return;
    }
    lingering(fds, 1000);
    closer = spawn(_i ? replace_it : close_it, &fds[1]);
    green_sleep(0);
    while (green_read(fds[0], block, sizeof block) > 0)
        ;
    ck_assert_int_eq(join(closer), 0);
    ck_assert_int_eq(fcntl(fds[1], F_GETFD), _i ? 0 : -1);
}
END_TEST

START_TEST(a_close_that_lingers_is_cut_short)
{
    struct green_timeout timeout;
    int fds[2];

    if (under_valgrind()) {
        SKIP(WHY_NOT);
        return;
    }
    lingering(fds, 1000);
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_assert_int_eq((long)close_it(&fds[1]), -ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_fails(fcntl(fds[1], F_GETFD), EBADF);
}
END_TEST

/* As dup2(2) does, it ignores errors of closing the descriptor it replaces. */
START_TEST(a_dup2_that_lingers_is_cut_short)
{
    struct green_timeout timeout;
    int fds[2];

    if (under_valgrind()) {
        SKIP(WHY_NOT);
        return;
    }
    lingering(fds, 1000);
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_assert_int_eq((long)replace_it(&fds[1]), 0);
    ck_assert(green_timeout_fired(&timeout));
    ck_fails(green_sleep(GREEN_MSEC), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(fcntl(fds[1], F_GETFD));
}
END_TEST

/* By a killed greenthread. The peer sees a reset; it would see none if the
 * close tried to wait. */
START_TEST(a_close_with_no_time_to_linger_does_not_wait)
{
    const struct linger linger = {1, 0};
    static char block[1 << 16];
    int fds[2];

    lingering(fds, 1000);
    ck_ok(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    ck_ok(green_kill(green_self()));
    ck_ok(green_close(fds[1]));
    ck_fails(fcntl(fds[1], F_GETFD), EBADF);
    while (read(fds[0], block, sizeof block) > 0)
        ;
    ck_assert_int_eq(errno, ECONNRESET);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_linger");
    TCase *tcase = add_tcase(suite, "linger");

    tcase_add_loop_test(tcase, a_close_that_lingers_blocks_only_its_greenthread,
                        0, 2);
    tcase_add_test(tcase, a_close_that_lingers_is_cut_short);
    tcase_add_test(tcase, a_dup2_that_lingers_is_cut_short);
    tcase_add_test(tcase, a_close_with_no_time_to_linger_does_not_wait);
    return run_suite(suite);
}
