/* Descriptors closed and reused: no greenthread hangs, and none gets data of
 * another file. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "parked.h"

static int fds[2];

static void *write_result(void *arg)
{
    static char block[1 << 20];
    ssize_t n;

    do
        n = green_write(*(int *)arg, block, sizeof block);
    while (n > 0);
    return (void *)(intptr_t)-errno;
}

/* Long before the sweep could have found the close, which takes at least a
 * second. */
static void came_at_once(green_time start)
{
    ck_assert_int_lt(green_now() - start, GREEN_SEC);
}

START_TEST(a_green_close_wakes_all_with_ebadf)
{
    struct green_thread *readers[5], *writers[5];
    green_time start = green_now();

    if (on_sim() && pipe_needs_os_threads(_i)) {
        SKIP("virtual time does not wait for OS threads");
        return;
    }
    make_pair(_i, fds);
    for (int i = 0; i < 5; i++) {
        readers[i] = spawn(read_result, &fds[0]);
        writers[i] = spawn(write_result, &fds[1]);
    }
    green_sleep(GREEN_MSEC);
    ck_ok(green_close(fds[1]));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(join(writers[i]), -EBADF);
    for (int i = 0; i < 5; i++)
        ck_assert_int_ge(join(readers[i]), 0);
    came_at_once(start);
}
END_TEST

START_TEST(a_green_close_wakes_readers_with_ebadf)
{
    struct green_thread *readers[5];
    green_time start = green_now();

    make_pair(_i, fds);
    for (int i = 0; i < 5; i++)
        readers[i] = spawn(read_result, &fds[0]);
    ck_ok(green_close(fds[0]));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(join(readers[i]), -EBADF);
    came_at_once(start);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
}
END_TEST

static void *close_it(void *fd)
{
    ck_ok(green_close((int)(intptr_t)fd));
    return NULL;
}

START_TEST(a_poll_and_an_accept_are_woken_too)
{
    int port, listener = tcp_listener(&port);
    struct pollfd poll_fd;
    struct green_thread *thread;

    make_pair(_i, fds);
    poll_fd = (struct pollfd){.fd = fds[0], .events = POLLIN};
    thread = green_spawn_after(GREEN_MSEC, close_it, (void *)(intptr_t)fds[0]);
    ck_assert_int_eq(green_poll(&poll_fd, 1, -1), 1);
    ck_assert_int_eq(poll_fd.revents, POLLNVAL);
    ck_ok(green_join(thread, NULL));
    thread =
        green_spawn_after(GREEN_MSEC, close_it, (void *)(intptr_t)listener);
    ck_fails(green_accept(listener, NULL, NULL), EBADF);
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* Closes it with close(2), in such a way that the next new descriptor gets its
 * number. */
static void close_for_reuse(int number)
{
    int hole;

    while ((hole = dup(0)) < number)
        ck_assert_int_ge(hole, 0);
    close(hole);
    close(number);
}

/* The old waiter fails with EBADF; the new descriptor works. */
START_TEST(plain_close_and_a_green_call_takes_the_number)
{
    struct green_thread *old;
    int number, fresh[2];

    make_pair(_i, fds);
    number = fds[0];
    old = spawn(read_result, &number);
    close_for_reuse(number);
    make_pair(FIRST_GREEN_KIND + 2, fresh);
    ck_assert_int_eq(fresh[0], number);
    ck_assert_int_eq(join(old), -EBADF);
    ck_assert_int_eq(green_write(fresh[1], "n", 1), 1);
    ck_assert_int_eq((intptr_t)read_result(&fresh[0]), 'n');
}
END_TEST

/* The same with a duplicate that fcntl makes, by either command. */
START_TEST(plain_close_and_a_duplicate_takes_the_number)
{
    int command = _i % 2 ? F_DUPFD : F_DUPFD_CLOEXEC;
    struct green_thread *old;
    int number, fresh[2];

    make_pair(_i / 2, fds);
    make_pair(FIRST_GREEN_KIND, fresh);
    number = fds[0];
    old = spawn(read_result, &number);
    close(number);
    ck_assert_int_eq(green_fcntl(fresh[0], command, number), number);
    ck_assert_int_eq(write(fresh[1], "n", 1), 1);
    ck_assert_int_eq(join(old), -EBADF);
    ck_assert_int_eq((intptr_t)read_result(&number), 'n');
}
END_TEST

/* Results of other fcntl commands are not numbers of descriptors. */
START_TEST(other_results_of_fcntl_wake_no_waiter)
{
    struct green_thread *readers[2];
    int numbers[] = {0, FD_CLOEXEC};

    for (int i = 0; i < 2; i++) {
        make_pair(_i, fds);
        ck_assert_int_eq(dup2(fds[0], numbers[i]), numbers[i]);
        readers[i] = spawn(read_result, &numbers[i]);
        ck_ok(green_fcntl(fds[0], F_SETFD, FD_CLOEXEC));
        ck_assert_int_eq(green_fcntl(fds[0], F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
        ck_assert_int_eq(join(readers[i]), 'x');
    }
}
END_TEST

/*
 * The library does not see this close. The waiter gets the data of the new
 * descriptor, after the next sweep at the latest, in about two seconds.
 */
START_TEST(plain_close_and_a_plain_call_takes_the_number)
{
    green_time start = green_now();
    struct green_thread *old;
    int number, fresh[2];

    make_pair(_i, fds);
    number = fds[0];
    old = spawn(read_result, &number);
    close_for_reuse(number);
    ck_ok(pipe(fresh));
    ck_assert_int_eq(fresh[0], number);
    ck_assert_int_eq(write(fresh[1], "n", 1), 1);
    ck_assert_int_eq(join(old), 'n');
    ck_assert_int_lt(green_now() - start, 4 * GREEN_SEC);
}
END_TEST

START_TEST(plain_close_alone_is_found)
{
    struct green_thread *old;
    green_time start = green_now();
    int number;
    intptr_t result;

    make_pair(_i, fds);
    number = fds[0];
    old = spawn(read_result, &number);
    close(number);
    result = join(old);
    ck_assert_int_eq(result, -EBADF);
    ck_assert_int_lt(green_now() - start, 4 * GREEN_SEC);
}
END_TEST

/* Also if the hub knows many descriptors. */
START_TEST(plain_close_of_a_high_number_is_found)
{
    struct green_thread *old;
    int number;

    make_pair(FIRST_GREEN_KIND, fds);
    number = green_fcntl(fds[0], F_DUPFD_CLOEXEC, 600);
    ck_assert_int_ge(number, 600);
    old = spawn(read_result, &number);
    close(number);
    ck_assert_int_eq(join(old), -EBADF);
}
END_TEST

START_TEST(forget_wakes_the_waiters)
{
    green_time start = green_now();
    struct green_thread *old;
    int number;

    make_pair(_i, fds);
    number = fds[0];
    old = spawn(read_result, &number);
    close(number);
    ck_ok(green_hub_forget(green_get_hub(), number));
    ck_assert_int_eq(join(old), -EBADF);
    came_at_once(start);
}
END_TEST

START_TEST(dup2_over_a_waited_number)
{
    green_time start = green_now();
    struct green_thread *old;
    int fresh[2];

    make_pair(_i, fds);
    make_pair((_i + 1) % PAIR_KINDS, fresh);
    old = spawn(read_result, &fds[0]);
    if (_i % 2)
        ck_assert_int_eq(green_dup2(fresh[0], fds[0]), fds[0]);
    else
        ck_assert_int_eq(green_dup3(fresh[0], fds[0], O_CLOEXEC), fds[0]);
    ck_assert_int_eq(join(old), -EBADF);
    came_at_once(start);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), _i % 2 ? 0 : FD_CLOEXEC);
    ck_assert_int_eq(green_write(fresh[1], "d", 1), 1);
    ck_assert_int_eq((intptr_t)read_result(&fds[0]), 'd');
}
END_TEST

/* An operation may find that the descriptor is not a socket when the number is
 * reused already; here it is a number that the hub does not know yet. */
START_TEST(a_failed_call_is_not_retried_on_a_reused_number)
{
    struct green_thread *reader;
    int old[2], next[2];
    intptr_t result;
    char byte = 0;

    pipe_pair(old);
    old[0] = raise_fd(old[0], 300);
    pipe_pair(next);
    ck_assert_int_eq(write(next[1], "x", 1), 1);
    reader = green_spawn(read_result, &old[0]);
    ck_assert_ptr_nonnull(reader);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(old[1], "y", 1), 1);
    ck_ok(green_sleep(1)); /* timers run before events of descriptors */
    ck_ok(green_close(old[0]));
    ck_assert_int_eq(dup2(next[0], old[0]), old[0]);
    result = join(reader); /* on sim the read came in time */
    ck_assert(result == -EBADF || result == 'y');
    ck_assert_int_eq(read(next[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
}
END_TEST

static void *write_once(void *arg)
{
    static char block[8 << 20];

    return (void *)(intptr_t)green_write(*(int *)arg, block, sizeof block);
}

/* Room for more appears, and at the same moment the number is reused. */
START_TEST(a_write_does_not_continue_on_a_reused_number)
{
    static char drained[1 << 16];
    const int small = 4096;
    struct green_thread *writer;
    int next[2];

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    tcp_pair(next);
    ck_ok(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    writer = spawn(write_once, &fds[0]);
    ck_ok(green_sleep(GREEN_MSEC));
    while (recv(fds[1], drained, sizeof drained, MSG_DONTWAIT) > 0)
        continue;
    ck_ok(green_sleep(1));
    ck_ok(green_close(fds[0]));
    ck_assert_int_eq(dup2(next[0], fds[0]), fds[0]);
    ck_assert_int_gt(join(writer), 0);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_fails(recv(next[1], drained, sizeof drained, MSG_DONTWAIT), EAGAIN);
}
END_TEST

static void *write_all(void *arg)
{
    static char block[8 << 20];
    int result = green_write_all(*(int *)arg, block, sizeof block);

    return (void *)(intptr_t)(result < 0 ? -errno : result);
}

/* The same with a call that continues after a partial write. */
START_TEST(write_all_does_not_continue_on_a_reused_number)
{
    static char drained[1 << 16];
    const int small = 4096;
    struct green_thread *writer;
    int next[2];

    make_pair(_i, fds);
    tcp_pair(next);
    if (is_pipe_kind(_i)) {
        writer = spawn(write_all, &fds[1]);
        ck_ok(green_sleep(GREEN_MSEC));
        ck_assert_int_gt(read(fds[0], drained, 4096), 0);
        ck_ok(green_sleep(1));
        ck_ok(green_close(fds[1]));
        ck_assert_int_eq(dup2(next[0], fds[1]), fds[1]);
    } else {
        ck_ok(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
        writer = spawn(write_all, &fds[0]);
        ck_ok(green_sleep(GREEN_MSEC));
        while (recv(fds[1], drained, sizeof drained, MSG_DONTWAIT) > 0)
            continue;
        ck_ok(green_sleep(1));
        ck_ok(green_close(fds[0]));
        ck_assert_int_eq(dup2(next[0], fds[0]), fds[0]);
    }
    ck_assert_int_eq(join(writer), -EBADF);
    ck_fails(recv(next[1], drained, sizeof drained, MSG_DONTWAIT), EAGAIN);
}
END_TEST

static void *read_full(void *arg)
{
    char text[8];
    ssize_t n = green_read_full(*(int *)arg, text, sizeof text);

    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static void *read_line(void *arg)
{
    struct green_reader reader;
    char buffer[16], *line;
    int n;

    ck_ok(green_reader_init(&reader, *(int *)arg, buffer, sizeof buffer));
    n = green_read_line(&reader, &line, NULL);
    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static void *receive_all(void *arg)
{
    char text[8];
    ssize_t n = green_recv(*(int *)arg, text, sizeof text, MSG_WAITALL);

    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

/* Half of the data has arrived when the number is reused; the new descriptor
 * has data that looks like the other half. */
static void reuse_after_half(int kind, void *(*reads)(void *))
{
    struct green_thread *reader;
    char text[8];
    int next[2];

    make_pair(kind, fds);
    make_pair(kind, next);
    reader = spawn(reads, &fds[0]);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(next[1], "our\n", 4), 4);
    ck_assert_int_eq(write(fds[1], "half", 4), 4);
    ck_ok(green_sleep(1));
    ck_ok(green_close(fds[0]));
    ck_assert_int_eq(dup2(next[0], fds[0]), fds[0]);
    ck_assert_int_eq(join(reader), -EBADF);
    ck_assert_int_eq(read(fds[0], text, sizeof text), 4);
}

START_TEST(a_read_does_not_continue_on_a_reused_number)
{
    reuse_after_half(_i, read_full);
    reuse_after_half(_i, read_line);
}
END_TEST

/* The call may have received a part before the close is found: then it returns
 * the part. */
START_TEST(waitall_ends_when_the_number_is_reused)
{
    struct green_thread *reader;
    char text[8];
    int next[2];
    intptr_t result;

    make_pair(_i, fds);
    make_pair(_i, next);
    if (is_pipe_kind(_i))
        return;
    reader = spawn(receive_all, &fds[0]);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(next[1], "ours", 4), 4);
    ck_assert_int_eq(write(fds[1], "half", 4), 4);
    ck_ok(green_sleep(1));
    ck_ok(green_close(fds[0]));
    ck_assert_int_eq(dup2(next[0], fds[0]), fds[0]);
    result = join(reader);
    ck_assert(result == -EBADF || result == 4);
    ck_assert_int_eq(read(fds[0], text, sizeof text), 4);
}
END_TEST

START_TEST(descriptors_over_1023)
{
    struct green_thread *reader;
    struct rlimit limit;

    if (is_emulated()) {
        SKIP("qemu-user ends the process with 127");
        return;
    }
    make_pair(_i, fds);
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < 5000) {
        SKIP("the limit on descriptors is under 5,000");
        return;
    }
    fds[0] = raise_fd(fds[0], 3000);
    fds[1] = raise_fd(fds[1], 4000);
    reader = spawn(read_result, &fds[0]);
    ck_assert_int_eq(green_write(fds[1], "h", 1), 1);
    ck_assert_int_eq(join(reader), 'h');
    reader = spawn(write_result, &fds[1]);
    green_sleep(GREEN_MSEC);
    ck_ok(green_close(fds[1]));
    ck_assert_int_eq(join(reader), -EBADF);
}
END_TEST

START_TEST(a_close_leaves_other_descriptors_alone)
{
    struct green_thread *reader;
    int others[2];

    make_pair(_i, fds);
    make_pair(_i, others);
    reader = spawn(read_result, &fds[0]);
    ck_ok(green_close(others[0]));
    ck_ok(green_close(others[1]));
    make_pair(_i, others);
    ck_assert_int_eq(green_write(others[1], "o", 1), 1);
    ck_assert_int_eq(green_write(fds[1], "m", 1), 1);
    ck_assert_int_eq(join(reader), 'm');
    ck_assert_int_eq((intptr_t)read_result(&others[0]), 'o');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_close");
    TCase *tcase = add_tcase(suite, "close");

    tcase_add_loop_test(tcase, a_green_close_wakes_all_with_ebadf, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, a_green_close_wakes_readers_with_ebadf, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, a_poll_and_an_accept_are_woken_too, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, plain_close_and_a_green_call_takes_the_number, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, plain_close_and_a_duplicate_takes_the_number, 0,
                        2 * PAIR_KINDS);
    tcase_add_loop_test(tcase, other_results_of_fcntl_wake_no_waiter, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, plain_close_and_a_plain_call_takes_the_number, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, plain_close_alone_is_found, 0, PAIR_KINDS);
    tcase_add_test(tcase, plain_close_of_a_high_number_is_found);
    tcase_add_loop_test(tcase, forget_wakes_the_waiters, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, dup2_over_a_waited_number, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, descriptors_over_1023, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_close_leaves_other_descriptors_alone, 0,
                        PAIR_KINDS);
    tcase_add_test(tcase, a_failed_call_is_not_retried_on_a_reused_number);
    tcase_add_loop_test(tcase, a_write_does_not_continue_on_a_reused_number, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, write_all_does_not_continue_on_a_reused_number,
                        0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_read_does_not_continue_on_a_reused_number, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, waitall_ends_when_the_number_is_reused, 0,
                        PAIR_KINDS);
    return run_suite(suite);
}
