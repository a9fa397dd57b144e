/* Ten million bytes, exactly; half-closed connections; sendfile. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "support.h"

#define SIZE ((size_t)10 << 20)

static int fds[2];
static char *sent, *got;

/* Bytes that depend on their position. */
static void setup(void)
{
    uint32_t x = 12345;

    sent = malloc(SIZE);
    got = calloc(1, SIZE + 1);
    for (size_t i = 0; i < SIZE; i += sizeof x) {
        x = x * 1664525u + 1013904223u;
        memcpy(sent + i, &x, sizeof x);
    }
}

static void teardown(void)
{
    free(sent);
    free(got);
}

static struct green_thread *spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static void *write_it(void *arg)
{
    (void)arg;
    ck_assert_int_eq(green_write(fds[1], sent, SIZE), SIZE);
    ck_ok(green_close(fds[1]));
    return NULL;
}

static void *write_all_of_it(void *arg)
{
    (void)arg;
    ck_ok(green_write_all(fds[1], sent, SIZE));
    ck_ok(green_close(fds[1]));
    return NULL;
}

static void *writev_it(void *arg)
{
    struct iovec iov[40];
    size_t piece = SIZE / 40;

    (void)arg;
    for (size_t i = 0; i < 40; i++)
        iov[i] = (struct iovec){sent + i * piece, piece};
    iov[39].iov_len = SIZE - 39 * piece;
    ck_assert_int_eq(green_writev(fds[1], iov, 40), SIZE);
    ck_ok(green_close(fds[1]));
    return NULL;
}

static void *sendmsg_it(void *arg)
{
    struct iovec iov[3] = {{sent, 1},
                           {sent + 1, SIZE / 2},
                           {sent + 1 + SIZE / 2, SIZE - 1 - SIZE / 2}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};

    (void)arg;
    ck_assert_int_eq(green_sendmsg(fds[1], &message, 0), SIZE);
    ck_ok(green_close(fds[1]));
    return NULL;
}

static void *send_it(void *arg)
{
    (void)arg;
    ck_assert_int_eq(green_send(fds[1], sent, SIZE, 0), SIZE);
    ck_ok(green_close(fds[1]));
    return NULL;
}

static void *(*const writers[])(void *) = {write_it, write_all_of_it, writev_it,
                                           send_it, sendmsg_it};
#define WRITERS 5

static bool possible(int writer, int kind)
{
    return writer < 3 || !is_pipe_kind(kind);
}

START_TEST(bytes_arrive_exactly)
{
    struct green_thread *writer;
    size_t done = 0, step = 1;
    ssize_t n;
    int kind = _i / WRITERS;

    if (!possible(_i % WRITERS, kind))
        return;
    make_pair(kind, fds);
    writer = spawn(writers[_i % WRITERS], NULL);
    while ((n = green_read(fds[0], got + done, step)) > 0) {
        done += (size_t)n;
        step = step * 7 % 65521 + 1;
        if (step > SIZE + 1 - done)
            step = SIZE + 1 - done;
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(done, SIZE);
    ck_assert_mem_eq(sent, got, SIZE);
    ck_ok(green_join(writer, NULL));
}
END_TEST

START_TEST(read_full_and_recv_waitall_fill_the_buffer)
{
    struct green_thread *writer;

    make_pair(_i, fds);
    writer = spawn(write_it, NULL);
    ck_assert_int_eq(green_read_full(fds[0], got, SIZE / 2), SIZE / 2);
    if (is_pipe_kind(_i))
        ck_assert_int_eq(green_read_full(fds[0], got + SIZE / 2, SIZE / 2),
                         SIZE / 2);
    else
        ck_assert_int_eq(
            green_recv(fds[0], got + SIZE / 2, SIZE / 2, MSG_WAITALL),
            SIZE / 2);
    ck_assert_mem_eq(sent, got, SIZE);
    ck_assert_int_eq(green_read_full(fds[0], got, 1), 0);
    ck_ok(green_join(writer, NULL));
}
END_TEST

START_TEST(read_full_returns_less_only_at_the_end)
{
    make_pair(_i, fds);
    ck_assert_int_eq(green_write(fds[1], "abc", 3), 3);
    ck_ok(green_close(fds[1]));
    ck_assert_int_eq(green_read_full(fds[0], got, 10), 3);
    ck_assert_mem_eq(got, "abc", 3);
    ck_assert_int_eq(green_read_full(fds[0], got, 10), 0);
    ck_assert_int_eq(green_read_full(fds[0], got, 0), 0);
    ck_fails(green_read_full(-1, got, 1), EBADF);
    ck_fails(green_write_all(-1, got, 1), EBADF);
    ck_ok(green_write_all(-1, got, 0));
}
END_TEST

static void *finish_with_data(void *arg)
{
    (void)arg;
    ck_assert_int_eq(send(fds[1], "last", 4, 0), 4);
    ck_ok(shutdown(fds[1], SHUT_WR));
    return NULL;
}

/* The end must be reported even if it arrives in one event with data. */
START_TEST(an_end_together_with_data_is_reported)
{
    struct green_thread *thread;
    char buffer[16];

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    thread = spawn(finish_with_data, NULL);
    ck_assert_int_eq(green_read(fds[0], buffer, sizeof buffer), 4);
    ck_assert_int_eq(green_read(fds[0], buffer, sizeof buffer), 0);
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* After the peer has shut down its side, this side can still write. */
START_TEST(a_half_closed_connection_still_works)
{
    struct green_thread *writer;

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    ck_ok(green_shutdown(fds[0], SHUT_WR));
    ck_assert_int_eq(green_read(fds[1], got, 1), 0);
    writer = spawn(write_it, NULL);
    ck_assert_int_eq(green_read_full(fds[0], got, SIZE), SIZE);
    ck_assert_mem_eq(sent, got, SIZE);
    ck_ok(green_join(writer, NULL));
    ck_fails(green_write(fds[0], "x", 1), EPIPE);
    ck_fails(green_shutdown(-1, SHUT_RD), EBADF);
}
END_TEST

static void *shut_read(void *arg)
{
    (void)arg;
    ck_ok(green_shutdown(fds[0], SHUT_RD));
    return NULL;
}

START_TEST(a_shutdown_ends_a_waiting_read)
{
    make_pair(_i, fds);
    if (is_pipe_kind(_i)) {
        ck_fails(green_shutdown(fds[0], SHUT_RD), ENOTSOCK);
        return;
    }
    ck_ok(green_detach(spawn(shut_read, NULL)));
    ck_assert_int_eq(green_read(fds[0], got, 1), 0);
}
END_TEST

static int file_with_it(void)
{
    char path[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    unlink(path);
    ck_assert_int_eq(write(fd, sent, SIZE), SIZE);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int flags_before;

static void *sendfile_it(void *arg)
{
    int file = *(int *)arg;
    off_t offset = 1000;

    /* More than there is: sends up to the end of the file. */
    ck_assert_int_eq(green_sendfile(fds[1], file, NULL, 1000), 1000);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 1000);
    ck_assert_int_eq(green_sendfile(fds[1], file, &offset, SIZE), SIZE - 1000);
    ck_assert_int_eq(offset, SIZE);
    ck_assert_int_eq(green_sendfile(fds[1], file, &offset, SIZE), 0);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 1000);
    ck_assert_int_eq(fcntl(fds[1], F_GETFL), flags_before);
    ck_ok(green_close(fds[1]));
    return NULL;
}

START_TEST(sendfile_sends_a_large_file)
{
    struct green_thread *writer;
    int file = file_with_it();

    make_pair(_i, fds);
    flags_before = fcntl(fds[1], F_GETFL);
    writer = spawn(sendfile_it, &file);
    /* The flags stay unchanged also while it waits for room. */
    ck_assert_int_eq(green_read_full(fds[0], got, 1), 1);
    ck_assert_int_eq(fcntl(fds[1], F_GETFL), flags_before);
    ck_assert_int_eq(green_read_full(fds[0], got + 1, SIZE), SIZE - 1);
    ck_assert_mem_eq(sent, got, SIZE);
    ck_ok(green_join(writer, NULL));
}
END_TEST

START_TEST(sendfile_fails_as_the_kernel_does)
{
    int file = file_with_it();

    make_pair(_i, fds);
    ck_fails(green_sendfile(-1, file, NULL, 1), EBADF);
    ck_fails(green_sendfile(fds[1], -1, NULL, 1), EBADF);
    ck_ok(green_fcntl(fds[1], F_SETFL,
                      (intptr_t)(fcntl(fds[1], F_GETFL) | O_NONBLOCK)));
    ck_assert_int_gt(green_sendfile(fds[1], file, NULL, SIZE), 0);
    lseek(file, 0, SEEK_SET);
    errno = 0;
    while (green_sendfile(fds[1], file, NULL, SIZE) > 0)
        lseek(file, 0, SEEK_SET); /* TCP's buffers may have grown meanwhile */
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

/* A pipe with room for a part; a peer that sends a part. */
START_TEST(a_failure_reports_the_bytes_done)
{
    struct green_timeout timeout;
    size_t done = 1;

    make_pair(2, fds);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_write_all_counted(fds[1], sent, SIZE, &done), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert(done > 0 && done < SIZE);
    ck_assert_int_eq(green_read_full(fds[0], got, done), (ssize_t)done);
    ck_assert_mem_eq(got, sent, done);
    ck_ok(green_write_all_counted(fds[1], sent, 5, &done));
    ck_assert_uint_eq(done, 5);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_read_full_counted(fds[0], got, 8, &done), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_uint_eq(done, 5);
    ck_assert_mem_eq(got, sent, 5);
    ck_ok(green_write_all_counted(fds[1], sent, 3, &done));
    ck_ok(green_close(fds[1]));
    ck_ok(green_read_full_counted(fds[0], got, 8, &done));
    ck_assert_uint_eq(done, 3);
    ck_ok(green_close(fds[0]));
    ck_fails(green_read_full_counted(fds[0], got, 8, &done), EBADF);
    ck_assert_uint_eq(done, 0);
    ck_fails(green_read_full_counted(fds[0], got, 8, NULL), EINVAL);
    ck_fails(green_write_all_counted(fds[0], got, 8, NULL), EINVAL);
}
END_TEST

/* ---- Killed ---------------------------------------------------------- */

static int pair[2], next_error, last_error;
static ssize_t written;
static struct green_thread *victim;

static void *writes_much(void *arg)
{
    int *other = arg;
    static char much[1 << 20];

    written = green_write(pair[1], much, sizeof much);
    next_error = green_write(*other, "x", 1) < 0 ? errno : 0;
    last_error = green_write(*other, "x", 1) < 0 ? errno : 0;
    return NULL;
}

static void kill_victim(struct green_call *call)
{
    (void)call;
    ck_ok(green_kill(victim));
}

/* A transfer that was woken when it is killed returns the bytes done, without
 * an error; the next call fails, though it does not have to wait. */
START_TEST(a_kill_that_a_transfer_does_not_report)
{
    struct green_call call = {.callback = kill_victim};
    static char buffer[65536];
    int other[2];

    unix_pair(pair);
    unix_pair(other);
    victim = green_spawn(writes_much, &other[1]);
    ck_ok(green_sleep(GREEN_MSEC));
    /* So that it is woken in the iteration in which it is killed. */
    while (recv(pair[0], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        ;
    ck_ok(green_hub_call(green_get_hub(), &call));
    ck_ok(green_join(victim, NULL));
    ck_assert_int_gt(written, 0);
    ck_assert_int_lt(written, 1 << 20);
    ck_assert_int_eq(next_error, ECANCELED);
    ck_assert_int_eq(last_error, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_transfer");
    TCase *tcase = add_tcase(suite, "transfer");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_kill_that_a_transfer_does_not_report);
    tcase_add_loop_test(tcase, bytes_arrive_exactly, 0, PAIR_KINDS * WRITERS);
    tcase_add_loop_test(tcase, read_full_and_recv_waitall_fill_the_buffer, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, read_full_returns_less_only_at_the_end, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, an_end_together_with_data_is_reported, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, a_half_closed_connection_still_works, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, a_shutdown_ends_a_waiting_read, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, sendfile_sends_a_large_file, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, sendfile_fails_as_the_kernel_does, 0,
                        PAIR_KINDS);
    tcase_add_test(tcase, a_failure_reports_the_bytes_done);
    return run_suite(suite);
}
