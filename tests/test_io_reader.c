/* The line reader. */
#include <unistd.h>

#include "support.h"

static int fds[2];
static struct green_reader reader;
static char buffer[16], *line;
static size_t length;

static void setup(void)
{
    make_pair(2, fds);
    ck_ok(green_reader_init(&reader, fds[0], buffer, sizeof buffer));
}

static void feed(const char *text, size_t size, bool end)
{
    ck_assert_int_eq(green_write(fds[1], text, size), (ssize_t)size);
    if (end)
        ck_ok(green_close(fds[1]));
}

/* The next line is `text`. */
static void ck_line(const char *text)
{
    length = 99;
    ck_assert_int_eq(green_read_line(&reader, &line, &length), 1);
    ck_assert_str_eq(line, text);
    ck_assert_uint_eq(length, strlen(text));
}

static void ck_end(void)
{
    line = buffer;
    length = 99;
    ck_assert_int_eq(green_read_line(&reader, &line, &length), 0);
    ck_assert_ptr_eq(line, buffer);
    ck_assert_uint_eq(length, 99);
}

START_TEST(lines_come_one_by_one)
{
    feed("one\n\ntwo\r\n3", 11, true);
    ck_line("one");
    ck_line("");
    ck_line("two\r");
    ck_line("3");
    ck_end();
    ck_end();
}
END_TEST

static void *feed_in_pieces(void *arg)
{
    const char *pieces[] = {"a", "bc", "\nd", "ef\n\n", "gh"};

    (void)arg;
    for (int i = 0; i < 5; i++) {
        green_sleep(GREEN_MSEC);
        feed(pieces[i], strlen(pieces[i]), i == 4);
    }
    return NULL;
}

START_TEST(lines_that_come_in_pieces)
{
    ck_ok(green_detach(green_spawn(feed_in_pieces, NULL)));
    ck_line("abc");
    ck_line("def");
    ck_line("");
    ck_line("gh");
    ck_end();
}
END_TEST

START_TEST(a_zero_byte_is_a_byte)
{
    feed("a\0b\n", 4, true);
    ck_assert_int_eq(green_read_line(&reader, &line, &length), 1);
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(line, "a\0b", 4);
}
END_TEST

/* A buffer of 16 bytes has room for a line of 15. */
START_TEST(a_line_that_just_fits_and_one_that_does_not)
{
    char piece[32] = "";

    feed("123456789012345\n", 16, false);
    ck_line("123456789012345");
    feed("x\n1234567890123456\nnext\n", 24, true);
    ck_line("x");
    ck_fails(green_read_line(&reader, &line, &length), EMSGSIZE);
    ck_fails(green_read_line(&reader, &line, &length), EMSGSIZE);
    ck_assert_int_eq(green_reader_read(&reader, piece, 5), 5);
    ck_assert_str_eq(piece, "12345");
    ck_line("67890123456");
    ck_line("next");
}
END_TEST

START_TEST(a_last_line_that_just_fits)
{
    feed("x\n123456789012345", 17, true);
    ck_line("x");
    ck_line("123456789012345");
    ck_end();
}
END_TEST

START_TEST(a_last_line_that_does_not_fit)
{
    feed("x\n1234567890123456", 18, true);
    ck_line("x");
    ck_fails(green_read_line(&reader, &line, &length), EMSGSIZE);
    ck_assert_int_eq(green_reader_skip_line(&reader), 0);
    ck_end();
}
END_TEST

START_TEST(reader_read_returns_buffered_bytes_first)
{
    char bytes[32] = "";

    feed("head\nbody", 9, false);
    ck_assert_int_eq(green_read_line(&reader, &line, NULL), 1);
    ck_assert_int_eq(green_reader_read(&reader, bytes, 0), 0);
    ck_assert_int_eq(green_reader_read(&reader, bytes, 2), 2);
    ck_assert_int_eq(green_reader_read(&reader, bytes + 2, 30), 2);
    ck_assert_str_eq(bytes, "body");
    feed("more", 4, true);
    ck_assert_int_eq(green_reader_read(&reader, bytes, 32), 4);
    ck_assert_mem_eq(bytes, "more", 4);
    ck_assert_int_eq(green_reader_read(&reader, bytes, 32), 0);
}
END_TEST

/* Longer than the buffer; empty; half read; the last, without a newline. */
START_TEST(a_line_is_skipped)
{
    char piece[1];

    feed("123456789012345678901234567890123456\nnext\n\n\nhalf\nl", 50, true);
    ck_fails(green_read_line(&reader, &line, &length), EMSGSIZE);
    ck_assert_int_eq(green_reader_skip_line(&reader), 1);
    ck_line("next");
    ck_assert_int_eq(green_reader_skip_line(&reader), 1);
    ck_line("");
    ck_assert_int_eq(green_reader_read(&reader, piece, 1), 1);
    ck_assert_int_eq(green_reader_skip_line(&reader), 1);
    ck_assert_int_eq(green_reader_skip_line(&reader), 0);
    ck_assert_int_eq(green_reader_skip_line(&reader), 0);
    ck_end();
}
END_TEST

START_TEST(skipping_continues_after_a_timeout)
{
    struct green_timeout timeout;

    feed("12345678901234567890", 20, false);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_reader_skip_line(&reader), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    feed("12345678901234567890\nnext\n", 26, true);
    ck_assert_int_eq(green_reader_skip_line(&reader), 1);
    ck_line("next");
    ck_fails(green_reader_skip_line(NULL), EINVAL);
    ck_ok(green_close(fds[0]));
    ck_fails(green_reader_skip_line(&reader), EBADF);
}
END_TEST

START_TEST(reader_errors)
{
    struct green_timeout timeout;

    ck_fails(green_reader_init(NULL, 0, buffer, 16), EINVAL);
    ck_fails(green_reader_init(&reader, 0, NULL, 16), EINVAL);
    ck_fails(green_reader_init(&reader, 0, buffer, 1), EINVAL);
    ck_fails(green_read_line(NULL, &line, &length), EINVAL);
    ck_fails(green_read_line(&reader, NULL, &length), EINVAL);
    ck_fails(green_reader_read(NULL, buffer, 1), EINVAL);
    ck_fails(green_reader_read(&reader, NULL, 1), EINVAL);
    /* Data that arrived before a timeout is there afterwards. */
    feed("par", 3, false);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_read_line(&reader, &line, &length), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    feed("tial\n", 5, false);
    ck_line("partial");
    ck_ok(green_close(fds[0]));
    ck_fails(green_read_line(&reader, &line, &length), EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_reader");
    TCase *tcase = add_tcase(suite, "reader");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, lines_come_one_by_one);
    tcase_add_test(tcase, lines_that_come_in_pieces);
    tcase_add_test(tcase, a_zero_byte_is_a_byte);
    tcase_add_test(tcase, a_line_that_just_fits_and_one_that_does_not);
    tcase_add_test(tcase, a_last_line_that_just_fits);
    tcase_add_test(tcase, a_last_line_that_does_not_fit);
    tcase_add_test(tcase, reader_read_returns_buffered_bytes_first);
    tcase_add_test(tcase, a_line_is_skipped);
    tcase_add_test(tcase, skipping_continues_after_a_timeout);
    tcase_add_test(tcase, reader_errors);
    return run_suite(suite);
}
