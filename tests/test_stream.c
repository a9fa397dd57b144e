/* Streams: plain ones, and one with a layer. */
#include <stdio.h>
#include <unistd.h>

#include "stream_layer.h"

static int fds[2];
static struct green_stream plain, *ends[2];
static struct layer layers[2];

/* Two ends of a socket pair, both plain (0) or both with the layer (1). */
static void make_ends(int layered)
{
    static struct green_stream plains[2];

    make_pair(1, fds);
    for (int i = 0; i < 2; i++) {
        ck_ok(green_stream_init(&plains[i], fds[i]));
        layer_init(&layers[i], fds[i]);
        ends[i] = layered ? &layers[i].stream : &plains[i];
    }
}

static void later(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    ck_ok(green_detach(thread));
}

START_TEST(a_stream_reads_what_the_other_writes)
{
    struct iovec iov[2] = {{.iov_base = "ab", .iov_len = 2},
                           {.iov_base = "cde", .iov_len = 3}};
    char buffer[16] = "";

    make_ends(_i);
    ck_assert_int_eq(green_stream_write(ends[0], "123", 3), 3);
    ck_assert_int_eq(green_stream_writev(ends[0], iov, 2), 5);
    ck_ok(green_stream_write_all(ends[0], "xyz", 3));
    ck_ok(green_stream_shutdown(ends[0], SHUT_WR));
    ck_assert_int_eq(green_stream_read_full(ends[1], buffer, 11), 11);
    ck_assert_str_eq(buffer, "123abcdexyz");
    ck_assert_int_eq(green_stream_read(ends[1], buffer, 1), 0);
    ck_assert_int_eq(green_stream_read_full(ends[1], buffer, 9), 0);
}
END_TEST

static void *write_slowly(void *stream)
{
    for (int i = 0; i < 10; i++) {
        green_sleep(0);
        ck_assert_int_eq(green_stream_write(stream, &"0123456789"[i], 1), 1);
    }
    ck_ok(green_stream_close(stream));
    return NULL;
}

START_TEST(a_full_read_waits_for_all_bytes_or_the_end)
{
    char buffer[16] = "";
    size_t done = 99;

    make_ends(_i);
    later(write_slowly, ends[0]);
    ck_ok(green_stream_read_full_counted(ends[1], buffer, 7, &done));
    ck_assert_uint_eq(done, 7);
    ck_ok(green_stream_read_full_counted(ends[1], buffer + 7, 7, &done));
    ck_assert_uint_eq(done, 3);
    ck_assert_str_eq(buffer, "0123456789");
}
END_TEST

START_TEST(only_a_layer_has_bytes_pending)
{
    char byte;

    make_ends(_i);
    ck_assert_uint_eq(green_stream_pending(ends[1]), 0);
    ck_ok(green_stream_write_all(ends[0], "abc", 3));
    ck_assert_uint_eq(green_stream_pending(ends[1]), 0);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 1);
    ck_assert_uint_eq(green_stream_pending(ends[1]), _i ? 2 : 0);
}
END_TEST

START_TEST(an_error_of_a_layer_says_how_much_was_written)
{
    char buffer[4];
    size_t done = 99;

    make_ends(1);
    layers[0].fail_writes = EPROTO;
    errno = 0;
    ck_assert_int_eq(green_stream_write_all_counted(ends[0], "abc", 3, &done),
                     -1);
    ck_assert_int_eq(errno, EPROTO);
    ck_assert_uint_eq(done, 1);
    ck_fails(green_stream_write_all(ends[0], "abc", 3), EPROTO);
    ck_assert_int_eq(green_read(fds[1], buffer, 4), 1);
}
END_TEST

/* A file of `size` bytes. */
static int make_file(size_t size)
{
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < size; i++)
        ck_assert_int_ne(fputc((int)(i % 251), file), EOF);
    ck_assert_int_eq(fflush(file), 0);
    return fileno(file);
}

static void *check_file(void *stream)
{
    static unsigned char buffer[300000];
    ssize_t n = green_stream_read_full(stream, buffer, sizeof buffer);
    int wrong = 0;

    for (ssize_t i = 0; i < n; i++)
        wrong += buffer[i] != (i + 1000) % 251;
    ck_assert_int_eq(wrong, 0);
    return (void *)n;
}

static ssize_t received_of(struct green_thread *reader)
{
    void *n;

    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_join(reader, &n));
    return (ssize_t)n;
}

START_TEST(a_file_is_sent_from_an_offset)
{
    struct green_thread *reader;
    int file = make_file(100000);
    off_t offset = 1000;

    make_ends(_i);
    reader = green_spawn(check_file, ends[1]);
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, &offset, 20000),
                     20000);
    ck_assert_int_eq(offset, 21000);
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, &offset, 200000),
                     79000);
    ck_assert_int_eq(offset, 100000);
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, &offset, 10), 0);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 100000); /* as written */
    ck_assert_int_eq(received_of(reader), 99000);
}
END_TEST

START_TEST(a_file_is_sent_from_its_own_position)
{
    struct green_thread *reader;
    int file = make_file(50000);

    make_ends(_i);
    reader = green_spawn(check_file, ends[1]);
    ck_assert_int_eq(lseek(file, 1000, SEEK_SET), 1000);
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, NULL, 30000), 30000);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 31000);
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, NULL, 30000), 19000);
    ck_assert_int_eq(received_of(reader), 49000);
}
END_TEST

START_TEST(a_file_moves_by_what_was_sent)
{
    int file = make_file(100);

    make_ends(1);
    ck_assert_int_eq(lseek(file, 10, SEEK_SET), 10);
    layers[0].fail_writes = EPROTO;
    ck_assert_int_eq(green_stream_sendfile(ends[0], file, NULL, 50), 1);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 11);
    ck_fails(green_stream_sendfile(ends[0], file, NULL, 50), EPROTO);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 11);
    ck_fails(green_stream_sendfile(ends[0], fds[1], NULL, 50), ESPIPE);
}
END_TEST

START_TEST(the_layer_shuts_down_and_closes)
{
    char byte;

    make_ends(1);
    ck_ok(green_stream_shutdown(ends[0], SHUT_WR));
    ck_assert_int_eq(layers[0].shutdowns, 1);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 0);
    ck_ok(green_stream_close(ends[0]));
    ck_assert_int_eq(layers[0].closes, 1);
    ck_fails(green_read(fds[0], &byte, 1), EBADF);
}
END_TEST

static ssize_t read_nothing_more(struct green_stream *stream, void *buffer,
                                 size_t size)
{
    return green_read(stream->fd, buffer, size);
}

START_TEST(a_layer_may_leave_things_out)
{
    static const struct green_stream_ops least = {.name = "least",
                                                  .read = read_nothing_more};
    struct green_stream stream = {.ops = &least};
    char byte;

    make_pair(1, fds);
    stream.fd = fds[0];
    ck_assert_uint_eq(green_stream_pending(&stream), 0);
    ck_assert_int_eq(green_stream_read(&stream, &byte, 0), 0);
    ck_ok(green_stream_shutdown(&stream, SHUT_WR));
    ck_assert_int_eq(green_read(fds[1], &byte, 1), 0);
    ck_ok(green_stream_close(&stream));
    ck_fails(green_read(fds[0], &byte, 1), EBADF);
}
END_TEST

static void *read_one(void *stream)
{
    char byte;
    ssize_t n = green_stream_read(stream, &byte, 1);

    return (void *)(intptr_t)(n < 0 ? errno : 0);
}

START_TEST(a_kill_ends_a_read)
{
    struct green_thread *thread;
    void *error;

    make_ends(_i);
    thread = green_spawn(read_one, ends[0]);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &error));
    ck_assert_int_eq((intptr_t)error, ECANCELED);
}
END_TEST

/* ---- Lines ------------------------------------------------------------ */

START_TEST(lines_come_from_a_stream)
{
    static struct green_reader reader;
    char space[16], *line, rest[8] = "";
    size_t length;

    make_ends(_i);
    ck_ok(green_reader_init_stream(&reader, ends[1], space, sizeof space));
    ck_ok(green_stream_write_all(ends[0], "one\nlonger than the space\nab\nz",
                                 30));
    ck_assert_int_eq(green_read_line(&reader, &line, &length), 1);
    ck_assert_str_eq(line, "one");
    ck_fails(green_read_line(&reader, &line, &length), EMSGSIZE);
    ck_assert_int_eq(green_reader_skip_line(&reader), 1);
    ck_assert_int_eq(green_reader_read(&reader, rest, 3), 3);
    ck_assert_str_eq(rest, "ab\n");
    ck_ok(green_stream_shutdown(ends[0], SHUT_WR));
    ck_assert_int_eq(green_read_line(&reader, &line, &length), 1);
    ck_assert_str_eq(line, "z");
    ck_assert_int_eq(green_reader_read(&reader, rest, 3), 0);
    ck_ok(green_stream_close(ends[1]));
    ck_fails(green_read_line(&reader, &line, &length), EBADF);
}
END_TEST

START_TEST(a_reader_of_no_stream_is_refused)
{
    struct green_reader reader;
    char space[16];

    make_ends(1);
    ck_fails(green_reader_init_stream(NULL, ends[0], space, 16), EINVAL);
    ck_fails(green_reader_init_stream(&reader, NULL, space, 16), EINVAL);
    ck_fails(green_reader_init_stream(&reader, ends[0], NULL, 16), EINVAL);
    ck_fails(green_reader_init_stream(&reader, ends[0], space, 1), EINVAL);
}
END_TEST

/* ---- Choosing --------------------------------------------------------- */

static struct green_case case_of(struct green_stream *stream, unsigned events)
{
    return (struct green_case){
        .kind = GREEN_CASE_STREAM, .stream = stream, .events = events};
}

START_TEST(a_stream_can_be_chosen)
{
    struct green_case one;
    char byte;

    make_ends(_i);
    one = case_of(ends[1], GREEN_READ);
    ck_fails(green_choose(&one, 1, 0), EAGAIN);
    later(write_slowly, ends[0]);
    ck_assert_int_eq(green_choose(&one, 1, GREEN_FOREVER), 0);
    ck_assert_uint_eq(one.ready & GREEN_READ, GREEN_READ);
    ck_assert_int_eq(one.fd, ends[1]->fd);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 1);
}
END_TEST

/* Nothing is left in the socket, so only the layer knows of the second byte. */
START_TEST(what_a_layer_has_decoded_can_be_chosen)
{
    struct green_case cases[2];
    char byte;

    make_ends(1);
    ck_ok(green_stream_write_all(ends[0], "ab", 2));
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 1);
    ck_fails(green_wait(ends[1]->fd, GREEN_READ, 0), EAGAIN);
    cases[0] = case_of(ends[0], GREEN_READ);
    cases[1] = case_of(ends[1], GREEN_READ | GREEN_WRITE);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_assert_uint_eq(cases[1].ready, GREEN_READ | GREEN_WRITE);
    cases[1] = case_of(ends[1], GREEN_WRITE);
    ck_assert_int_eq(green_choose(cases, 2, 0), 1);
    ck_assert_uint_eq(cases[1].ready, GREEN_WRITE);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 1);
    cases[1] = case_of(ends[1], GREEN_READ);
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
}
END_TEST

static void *close_stream(void *stream)
{
    ck_ok(green_stream_close(stream));
    return NULL;
}

START_TEST(a_stream_that_is_closed_meanwhile_is_chosen)
{
    struct green_case one;

    make_ends(_i);
    one = case_of(ends[1], GREEN_READ);
    later(close_stream, ends[1]);
    ck_assert_int_eq(green_choose(&one, 1, GREEN_FOREVER), 0);
    ck_assert_int_eq(one.error, EBADF);
    one = case_of(NULL, GREEN_READ);
    ck_fails(green_choose(&one, 1, 0), EINVAL);
    one = case_of(ends[0], 0);
    ck_fails(green_choose(&one, 1, 0), EINVAL);
}
END_TEST

START_TEST(invalid_arguments_are_refused)
{
    char byte;
    size_t done;

    make_ends(_i);
    ck_fails(green_stream_init(NULL, 1), EINVAL);
    ck_fails(green_stream_read_full(NULL, &byte, 1), EINVAL);
    ck_fails(green_stream_read_full_counted(NULL, &byte, 1, &done), EINVAL);
    ck_fails(green_stream_read_full_counted(ends[0], &byte, 1, NULL), EINVAL);
    ck_fails(green_stream_write_all_counted(NULL, &byte, 1, &done), EINVAL);
    ck_fails(green_stream_write_all_counted(ends[0], &byte, 1, NULL), EINVAL);
    ck_fails(green_stream_sendfile(NULL, 0, NULL, 1), EINVAL);
    ck_fails(green_stream_shutdown(NULL, SHUT_WR), EINVAL);
    ck_fails(green_stream_shutdown(ends[0], 77), EINVAL);
    ck_fails(green_stream_close(NULL), EINVAL);
    ck_ok(green_stream_init(&plain, -1));
    ck_fails(green_stream_read(&plain, &byte, 1), EBADF);
    ck_fails(green_stream_close(&plain), EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = add_tcase(suite, "stream");

    tcase_add_loop_test(tcase, a_stream_reads_what_the_other_writes, 0, 2);
    tcase_add_loop_test(tcase, a_full_read_waits_for_all_bytes_or_the_end, 0,
                        2);
    tcase_add_loop_test(tcase, only_a_layer_has_bytes_pending, 0, 2);
    tcase_add_test(tcase, an_error_of_a_layer_says_how_much_was_written);
    tcase_add_loop_test(tcase, a_file_is_sent_from_an_offset, 0, 2);
    tcase_add_loop_test(tcase, a_file_is_sent_from_its_own_position, 0, 2);
    tcase_add_test(tcase, a_file_moves_by_what_was_sent);
    tcase_add_test(tcase, the_layer_shuts_down_and_closes);
    tcase_add_test(tcase, a_layer_may_leave_things_out);
    tcase_add_loop_test(tcase, a_kill_ends_a_read, 0, 2);
    tcase_add_loop_test(tcase, lines_come_from_a_stream, 0, 2);
    tcase_add_test(tcase, a_reader_of_no_stream_is_refused);
    tcase_add_loop_test(tcase, a_stream_can_be_chosen, 0, 2);
    tcase_add_test(tcase, what_a_layer_has_decoded_can_be_chosen);
    tcase_add_loop_test(tcase, a_stream_that_is_closed_meanwhile_is_chosen, 0,
                        2);
    tcase_add_loop_test(tcase, invalid_arguments_are_refused, 0, 2);
    return run_suite(suite);
}
