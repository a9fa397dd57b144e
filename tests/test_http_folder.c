/* Files, folders and access logs by the calls of the library; tests/http_files.py has the
 * rest. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_support.h"

#define GET "GET /a HTTP/1.1\r\nHost: a.test\r\n"

static int open_text(const char *text)
{
    char path[] = "/tmp/greenhub-http-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_ok(unlink(path));
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    return fd;
}

static int parts(struct green_http *http, void *arg)
{
    int fd = open_text("0123456789");

    (void)arg;
    ck_assert_ptr_nonnull(green_http_stream(http));
    ck_ok(green_http_write(http, "<", 1));
    ck_ok(green_http_sendfile(http, fd, 2, 3));
    ck_ok(green_http_sendfile(http, fd, 0, 0));
    ck_ok(green_http_write(http, ">", 1));
    ck_ok(close(fd));
    return 0;
}

START_TEST(a_part_of_a_file)
{
    ck_has(http_ask(parts, NULL, GET "\r\n"),
           "1\r\n<\r\n3\r\n234\r\n1\r\n>\r\n0\r\n\r\n");
    ck_has(http_ask(parts, NULL, "GET / HTTP/1.0\r\n\r\n"), "\r\n\r\n<234>");
}
END_TEST

static int whole(struct green_http *http, void *arg)
{
    int fd = open_text("0123456789");
    int result = green_http_file(http, fd, arg);

    ck_fails(green_http_file(NULL, fd, NULL), EINVAL);
    ck_ok(close(fd));
    return result;
}

START_TEST(a_file)
{
    struct green_http_options options = {.arg = "text/x"};
    char *all =
        http_ask(whole, &options, GET "Range: bytes=8-\r\n\r\n" GET "\r\n");

    ck_assert_str_eq(http_statuses(all), "206 200");
    ck_has(all, "Content-Range: bytes 8-9/10\r\n");
    ck_has(all, "Content-Type: text/x\r\n");
    ck_has(all, "\r\n\r\n0123456789");
}
END_TEST

START_TEST(a_folder)
{
    char path[] = "/tmp/greenhub-http-XXXXXX", name[64];
    struct green_http_options options = {0};
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(name, sizeof name, "%s/a", path);
    file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs("in a", file);
    fclose(file);
    options.arg = green_http_folder_open(path, NULL);
    ck_assert_ptr_nonnull(options.arg);
    ck_has(http_ask(green_http_folder_handler, &options, GET "\r\n"), "in a");
    /* No index, and no list was asked for. */
    ck_assert_str_eq(http_statuses(http_ask(green_http_folder_handler, &options,
                                            "GET / HTTP/1.0\r\n\r\n")),
                     "403");
    green_http_folder_close(options.arg);
    green_http_folder_close(NULL);
    ck_fails_null(green_http_folder_open(name, NULL), ENOTDIR);
    ck_fails_null(green_http_folder_open(NULL, NULL), EINVAL);
    ck_ok(unlink(name));
    ck_ok(rmdir(path));
}
END_TEST

START_TEST(a_line_of_a_log)
{
    struct green_http_record record = {.peer = "tcp://[::1]:5",
                                       .method = "GET",
                                       .target = "/\"\n",
                                       .host = "h",
                                       .referer = "",
                                       .agent = "a\\b",
                                       .version = 11,
                                       .status = 200,
                                       .sent = 7};
    char line[512], brief[8];
    size_t size;

    size =
        green_http_format(&record, GREEN_HTTP_LOG_COMBINED, line, sizeof line);
    ck_assert_uint_eq(size, strlen(line));
    ck_assert_int_eq(strncmp(line, "::1 - - [", 9), 0);
    ck_has(line, "] \"GET /\\x22\\x0a HTTP/1.1\" 200 7 \"-\" \"a\\x5cb\"\n");
    ck_assert_uint_eq(green_http_format(&record, GREEN_HTTP_LOG_COMBINED, brief,
                                        sizeof brief),
                      size);
    ck_assert_str_eq(brief, "::1 - -");
    green_http_format(&record, GREEN_HTTP_LOG_JSON, line, sizeof line);
    ck_has(line, "\"target\":\"/\\u0022\\u000a\",");
    ck_has(line, "\"cut\":false}\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http folder");
    TCase *files = add_tcase(suite, "files");

    tcase_add_test(files, a_part_of_a_file);
    tcase_add_test(files, a_file);
    tcase_add_test(files, a_folder);
    tcase_add_test(files, a_line_of_a_log);
    return run_suite(suite);
}
