/* read, write, readv, writev: what POSIX requires of a blocking descriptor. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

static void *write_later(void *text)
{
    green_sleep(0);
    ck_assert_int_eq(green_write(fds[1], text, strlen(text)),
                     (ssize_t)strlen(text));
    return NULL;
}

static void later(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    ck_ok(green_detach(thread));
}

START_TEST(a_read_waits_for_data)
{
    char buffer[16] = "";

    make_pair(_i, fds);
    later(write_later, "hello");
    ck_assert_int_eq(green_read(fds[0], buffer, sizeof buffer), 5);
    ck_assert_str_eq(buffer, "hello");
    later(write_later, "again");
    ck_assert_int_eq(green_read(fds[0], buffer, 3), 3);
    ck_assert_int_eq(green_read(fds[0], buffer + 3, 13), 2);
    ck_assert_str_eq(buffer, "again");
}
END_TEST

START_TEST(a_read_at_the_end_returns_0_each_time)
{
    char byte;

    make_pair(_i, fds);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_ok(green_close(fds[1]));
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 0);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 0);
}
END_TEST

static void *close_later(void *arg)
{
    green_sleep(0);
    ck_ok(green_close(*(int *)arg));
    return NULL;
}

START_TEST(a_waiting_read_sees_the_end)
{
    char byte;

    make_pair(_i, fds);
    later(close_later, &fds[1]);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 0);
}
END_TEST

START_TEST(zero_bytes_are_read_and_written_at_once)
{
    char byte = 'x';
    struct iovec empty = {.iov_base = &byte, .iov_len = 0};

    make_pair(_i, fds);
    ck_assert_int_eq(green_read(fds[0], &byte, 0), 0);
    ck_assert_int_eq(green_write(fds[1], &byte, 0), 0);
    ck_assert_int_eq(green_readv(fds[0], &empty, 1), 0);
    ck_assert_int_eq(green_writev(fds[1], &empty, 1), 0);
    ck_assert_int_eq(green_readv(fds[0], NULL, 0), 0);
    ck_assert_int_eq(green_writev(fds[1], NULL, 0), 0);
    ck_fails(green_read(-1, &byte, 0), EBADF);
    ck_fails(green_write(-1, &byte, 0), EBADF);
}
END_TEST

START_TEST(vectors_are_gathered_and_scattered)
{
    char parts[10][3] = {"ab", "cd", "ef", "gh", "ij",
                         "kl", "mn", "op", "qr", "st"};
    char one[7] = "", two[32] = "";
    struct iovec out[11], in[3] = {{one, 6}, {NULL, 0}, {two, 31}};

    make_pair(_i, fds);
    for (int i = 0; i < 10; i++)
        out[i] = (struct iovec){parts[i], 2};
    out[10] = (struct iovec){NULL, 0};
    ck_assert_int_eq(green_writev(fds[1], out, 11), 20);
    ck_assert_int_eq(out[0].iov_len, 2); /* the caller's array is unchanged */
    ck_assert_int_eq(green_readv(fds[0], in, 3), 20);
    ck_assert_str_eq(one, "abcdef");
    ck_assert_str_eq(two, "ghijklmnopqrst");
}
END_TEST

START_TEST(a_readv_waits)
{
    char a[3] = "", b[3] = "";
    struct iovec in[2] = {{a, 2}, {b, 2}};

    make_pair(_i, fds);
    later(write_later, "wxyz");
    ck_assert_int_eq(green_readv(fds[0], in, 2), 4);
    ck_assert_str_eq(a, "wx");
    ck_assert_str_eq(b, "yz");
}
END_TEST

START_TEST(bad_arguments)
{
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct iovec huge[2] = {{&byte, SIZE_MAX / 2}, {&byte, SIZE_MAX / 2}};
    int number;

    green_get_hub(); /* so that its descriptors do not take the number */
    make_pair(_i, fds);
    number = fds[0];
    ck_fails(green_readv(fds[0], &iov, -1), EINVAL);
    ck_fails(green_writev(fds[1], &iov, -1), EINVAL);
    ck_fails(green_readv(fds[0], &iov, 1 << 20), EINVAL);
    ck_fails(green_writev(fds[1], &iov, 1 << 20), EINVAL);
    ck_fails(green_readv(fds[0], huge, 2), EINVAL);
    ck_fails(green_writev(fds[1], huge, 2), EINVAL);
    ck_ok(green_close(number));
    ck_fails(green_read(number, &byte, 1), EBADF);
    ck_fails(green_write(number, &byte, 1), EBADF);
    ck_fails(green_readv(number, &iov, 1), EBADF);
    ck_fails(green_writev(number, &iov, 1), EBADF);
    ck_fails(green_read(-1, &byte, 1), EBADF);
    ck_fails(green_write(-1, &byte, 1), EBADF);
    ck_fails(green_close(number), EBADF);
    ck_fails(green_close(-1), EBADF);
}
END_TEST

START_TEST(the_wrong_end_of_a_pipe_is_ebadf)
{
    char byte = 0;

    ck_ok(green_pipe2(fds, O_CLOEXEC));
    ck_fails(green_read(fds[1], &byte, 1), EBADF);
    ck_fails(green_write(fds[0], &byte, 1), EBADF);
}
END_TEST

static void write_without_reader(int fd)
{
    struct iovec iov = {"x", 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    /* On TCP the peer answers the first write with a reset. */
    if (green_write(fd, "x", 1) == 1)
        green_sleep(GREEN_MSEC);
    for (int i = 0; i < 2; i++) {
        ssize_t n = green_write(fd, "x", 1);

        if (n < 0 && errno == ECONNRESET)
            continue; /* reported once */
        ck_assert_int_eq(n, -1);
        ck_assert_int_eq(errno, EPIPE);
    }
    ck_fails(green_write(fd, "x", 1), EPIPE);
    ck_fails(green_writev(fd, &iov, 1), EPIPE);
    ck_fails(green_send(fd, "x", 1, 0), EPIPE);
    ck_fails(green_sendmsg(fd, &message, 0), EPIPE);
    ck_fails(green_write_all(fd, "x", 1), EPIPE);
}

START_TEST(a_socket_without_a_peer_is_epipe_and_no_signal)
{
    make_pair(_i, fds);
    signal(SIGPIPE, SIG_DFL); /* would end this process */
    if (!is_pipe_kind(_i)) {
        ck_ok(green_close(fds[0]));
        write_without_reader(fds[1]);
    }
}
END_TEST

static void *fill_until_error(void *arg)
{
    static char block[65536];
    ssize_t n;

    (void)arg;
    do
        n = green_write(fds[1], block, sizeof block);
    while (n == (ssize_t)sizeof block);
    /* The call that has written a part returns its size first. */
    if (n >= 0)
        n = green_write(fds[1], block, sizeof block);
    return (void *)(intptr_t)(n < 0 ? errno : 0);
}

START_TEST(a_waiting_write_fails_when_the_reader_closes)
{
    struct green_thread *thread;
    void *error;

    make_pair(_i, fds);
    signal(SIGPIPE, SIG_IGN);
    thread = green_spawn(fill_until_error, NULL);
    green_sleep(GREEN_MSEC);
    ck_ok(green_close(fds[0]));
    ck_ok(green_join(thread, &error));
    ck_assert_msg((intptr_t)error == EPIPE || (intptr_t)error == ECONNRESET,
                  "errno %d", (int)(intptr_t)error);
}
END_TEST

START_TEST(regular_files_never_park)
{
    char path[] = "/tmp/greenhub-test-XXXXXX", buffer[8] = "";
    struct green_hub_stats before, after;
    struct iovec iov = {buffer, 7};
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    unlink(path);
    before = stats_now();
    ck_assert_int_eq(green_write(fd, "abc", 3), 3);
    ck_assert_int_eq(green_writev(fd, &(struct iovec){"def", 3}, 1), 3);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(green_read(fd, buffer, 3), 3);
    iov.iov_base = buffer + 3;
    iov.iov_len = 4;
    ck_assert_int_eq(green_readv(fd, &iov, 1), 3);
    ck_assert_str_eq(buffer, "abcdef");
    ck_assert_int_eq(green_read(fd, buffer, 3), 0);
    after = stats_now();
    /* Except where the hub itself waits for the disk. */
    if (!green_hub_can(green_get_hub(), GREEN_OP_WRITEV))
        ck_assert_uint_eq(before.iterations, after.iterations);
    ck_ok(green_close(fd));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_stream");
    TCase *pairs = add_tcase(suite, "pairs"), *rest = add_tcase(suite, "other");

    tcase_add_loop_test(pairs, a_read_waits_for_data, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, a_read_at_the_end_returns_0_each_time, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(pairs, a_waiting_read_sees_the_end, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, zero_bytes_are_read_and_written_at_once, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(pairs, vectors_are_gathered_and_scattered, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(pairs, a_readv_waits, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, bad_arguments, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, a_socket_without_a_peer_is_epipe_and_no_signal,
                        0, PAIR_KINDS);
    tcase_add_loop_test(pairs, a_waiting_write_fails_when_the_reader_closes, 0,
                        PAIR_KINDS);
    tcase_add_test(rest, the_wrong_end_of_a_pipe_is_ebadf);
    tcase_add_test(rest, regular_files_never_park);
    return run_suite(suite);
}
