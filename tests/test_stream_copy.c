/* Copies of much between plain streams, which go by splice; nothing is lost when they are
 * killed, timed out, or fail. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

/* outer[0] -> inner[0] | copy | inner[1] -> outer[1] */
static int outer[2];
static struct green_stream inner[2];

enum { KINDS = 5 };

/* The kinds of the two pairs. */
static void (*const pairs[KINDS][2])(int fds[2]) = {
    {tcp_pair, tcp_pair},   {unix_pair, unix_pair}, {pipe_pair, tcp_pair},
    {unix_pair, pipe_pair}, {pipe_pair, pipe_pair},
};

/* What is sent does not fit into the buffers. TCP's would grow to megabytes. */
static void limit(int fd, int buffer)
{
    (void)setsockopt(fd, SOL_SOCKET, buffer, &(int){100000}, sizeof(int));
}

static void make(int kind)
{
    int fds[2];

    pairs[kind][0](fds);
    outer[0] = fds[pairs[kind][0] == pipe_pair];
    ck_ok(green_stream_init(&inner[0], fds[pairs[kind][0] != pipe_pair]));
    pairs[kind][1](fds);
    limit(fds[1], SO_SNDBUF);
    limit(fds[0], SO_RCVBUF);
    outer[1] = fds[0];
    ck_ok(green_stream_init(&inner[1], fds[1]));
}

static size_t much;

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 251 + i / 65521);
}

static void *sends(void *unused)
{
    unsigned char *bytes = malloc(much);

    for (size_t i = 0; i < much; i++)
        bytes[i] = byte_at(i);
    ck_ok(green_write_all(outer[0], bytes, much));
    ck_ok(green_close(outer[0]));
    free(bytes);
    return unused;
}

/* The same, to one that goes away. */
static void *fills(void *unused)
{
    static unsigned char bytes[1 << 16];

    for (size_t at = 0; at < much; at += sizeof bytes) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = byte_at(at + i);
        if (green_write_all(outer[0], bytes, sizeof bytes) < 0)
            break;
    }
    return unused;
}

/* The bytes from `at` on. */
static void receives(size_t at, size_t size)
{
    unsigned char *bytes = malloc(size);
    size_t wrong = 0, done;

    ck_ok(green_read_full_counted(outer[1], bytes, size, &done));
    ck_assert_uint_eq(done, size);
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != byte_at(at + i);
    ck_assert_uint_eq(wrong, 0);
    free(bytes);
}

static uint64_t copied;
static bool ended;

static void *copies(void *unused)
{
    int result = green_stream_copy(&inner[0], &inner[1], &copied);

    (void)unused;
    ended = true;
    return (void *)(intptr_t)(result < 0 ? errno : 0);
}

static struct green_thread *begin(void *(*fn)(void *))
{
    struct green_thread *thread = green_spawn(fn, NULL);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static int error_of(struct green_thread *thread)
{
    void *error;

    ck_ok(green_join(thread, &error));
    return (int)(intptr_t)error;
}

/* Until nobody can go on: the copy waits for room, and holds what it can. */
static void run_others(void)
{
    for (int i = 0; i < 20; i++)
        ck_ok(green_sleep(GREEN_MSEC));
}

static void ends_well(struct green_thread *copier)
{
    char byte;

    ck_assert_int_eq(error_of(copier), 0);
    ck_ok(green_stream_close(&inner[1]));
    ck_assert_int_eq(green_read(outer[1], &byte, 1), 0);
    ck_ok(green_stream_close(&inner[0]));
    ck_ok(green_close(outer[1]));
}

START_TEST(much_arrives)
{
    struct green_thread *copier, *sender;
    int fds;

    ck_ok(green_sleep(0));
    fds = count_fds();
    make(_i);
    much = (4 << 20) + 17;
    copier = begin(copies);
    sender = begin(sends);
    receives(0, much);
    ck_ok(green_join(sender, NULL));
    ends_well(copier);
    ck_assert_uint_eq(copied, much);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* Each time it holds what it has read, and the next copy begins with that. */
START_TEST(nothing_is_lost_by_kills_and_timeouts)
{
    struct green_thread *copier = NULL, *sender;
    size_t got = 0, step = 300007;
    struct green_timeout timeout;

    make(_i);
    much = 8 << 20;
    sender = begin(sends);
    for (int i = 0; got + (4 << 20) < much; i++) {
        copied = 0;
        copier = begin(copies);
        receives(got, step);
        got += step;
        if (i % 3)
            run_others();
        else
            ck_ok(green_sleep(0));
        ck_ok(green_kill(copier));
        ck_assert_int_eq(error_of(copier), ECANCELED);
        ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
        ck_fails(green_stream_copy(&inner[0], &inner[1], NULL), ETIMEDOUT);
        ck_ok(green_timeout_cancel(&timeout));
    }
    copier = begin(copies);
    receives(got, much - got);
    ck_ok(green_join(sender, NULL));
    ends_well(copier);
}
END_TEST

/* What was put back is what the stream's next reads return, and then what follows. */
START_TEST(reads_return_what_was_put_back)
{
    struct green_thread *copier, *sender;
    unsigned char *bytes;
    size_t at, put_back, done, wrong = 0;

    if (lacks_linux()) {
        SKIP("POSIX has no splice, which takes more than it can give");
        return;
    }
    make(_i);
    much = 6 << 20;
    sender = begin(sends);
    copier = begin(copies);
    run_others();
    ck_ok(green_kill(copier));
    ck_assert_int_eq(error_of(copier), ECANCELED);
    at = (size_t)copied;
    put_back = green_stream_pending(&inner[0]);
    ck_assert_uint_gt(put_back, 0);
    bytes = malloc(much);
    ck_assert_int_eq(green_stream_read(&inner[0], bytes, 10), 10);
    ck_assert_uint_eq(green_stream_pending(&inner[0]), put_back - 10);
    ck_ok(green_stream_read_full_counted(&inner[0], bytes + 10, much - at - 10,
                                         &done));
    ck_assert_uint_eq(done, much - at - 10);
    for (size_t i = 0; i < much - at; i++)
        wrong += bytes[i] != byte_at(at + i);
    ck_assert_uint_eq(wrong, 0);
    ck_ok(green_join(sender, NULL));
    ck_assert_uint_eq(green_stream_pending(&inner[0]), 0);
    receives(0, at);
    free(bytes);
}
END_TEST

/* Writes, ends and closes pass by what was put back. */
START_TEST(a_stream_with_bytes_put_back_is_whole)
{
    struct green_thread *copier;
    struct green_buffer *buffer;
    char got[6] = "";

    make(1);
    much = 4 << 20;
    begin(sends);
    copier = begin(copies);
    run_others();
    ck_ok(green_kill(copier));
    ck_assert_int_eq(error_of(copier), ECANCELED);
    ck_assert_uint_gt(green_stream_pending(&inner[0]), 0);
    ck_assert_int_eq(green_stream_write(&inner[0], "hello", 5), 5);
    ck_assert_int_eq(green_read(outer[0], got, 5), 5);
    ck_assert_str_eq(got, "hello");
    if (_i == 0) {
        ck_assert_int_gt(green_stream_lend(&inner[0], &buffer), 0);
        ck_assert_uint_eq((unsigned char)buffer->data[0],
                          byte_at((size_t)copied));
        green_buffer_return(buffer);
        ck_assert_uint_eq(green_stream_pending(&inner[0]), 0);
    }
    ck_ok(green_stream_shutdown(&inner[0], SHUT_WR));
    ck_assert_int_eq(green_read(outer[0], got, 1), 0);
    ck_ok(green_stream_close(&inner[0]));
    ck_fails(green_stream_close(&inner[0]), EBADF);
}
END_TEST

/* splice refuses to write to what appends. */
START_TEST(a_descriptor_without_splice_gets_copies)
{
    struct green_thread *copier, *sender;

    make(0);
    ck_ok(fcntl(inner[1].fd, F_SETFL, O_APPEND));
    much = 6 << 20;
    copier = begin(copies);
    sender = begin(sends);
    receives(0, much);
    ck_ok(green_join(sender, NULL));
    ends_well(copier);
    ck_assert_uint_eq(copied, much);
}
END_TEST

/* No SIGPIPE, which would end the case. */
START_TEST(a_reader_that_goes_away)
{
    struct green_thread *copier;
    int error;

    make(_i);
    much = 8 << 20;
    begin(fills);
    copier = begin(copies);
    receives(0, 3 << 20);
    ck_ok(green_close(outer[1]));
    error = error_of(copier);
    ck_assert_msg(error == EPIPE || error == ECONNRESET, "%s", strerror(error));
    ck_assert_uint_ge(copied, 3 << 20);
}
END_TEST

/* It waits to write: takes what comes until it has ended. */
static void make_room(void)
{
    char bytes[4096];

    while (!ended)
        if (recv(outer[1], bytes, sizeof bytes, MSG_DONTWAIT) < 0)
            ck_ok(green_sleep(0));
}

START_TEST(closed_meanwhile)
{
    struct green_thread *copier;

    make(0);
    much = 8 << 20;
    begin(fills);
    copier = begin(copies);
    receives(0, 2 << 20);
    run_others();
    ck_ok(green_close(inner[_i].fd));
    if (_i == 0)
        make_room();
    ck_assert_int_eq(error_of(copier), EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream copy");
    TCase *tcase = add_tcase(suite, "copy");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, much_arrives, 0, KINDS);
    tcase_add_loop_test(tcase, nothing_is_lost_by_kills_and_timeouts, 0, KINDS);
    tcase_add_loop_test(tcase, reads_return_what_was_put_back, 0, KINDS);
    tcase_add_loop_test(tcase, a_stream_with_bytes_put_back_is_whole, 0, 2);
    tcase_add_test(tcase, a_descriptor_without_splice_gets_copies);
    tcase_add_loop_test(tcase, a_reader_that_goes_away, 0, 2);
    tcase_add_loop_test(tcase, closed_meanwhile, 0, 2);
    return run_suite(suite);
}
