/* Exchanges: what handlers see and what clients get. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http_support.h"

#define GET "GET / HTTP/1.1\r\nHost: a.test\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a.test\r\n"

/* ---- Requests ----------------------------------------------------------------- */

static int tell_all(struct green_http *http, void *arg)
{
    const char *name = NULL, *value = NULL;

    (void)arg;
    ck_ok(green_http_add(http, "Content-Type", "text/plain"));
    ck_ok(green_http_print(http, "%s|%s|%s|%s|%s|%d|%lld\n",
                           green_http_method(http), green_http_target(http),
                           green_http_path(http), green_http_query(http),
                           green_http_host(http), green_http_version(http),
                           (long long)green_http_length(http)));
    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        ck_ok(green_http_print(http, "%s=%s;", name, value));
    value = green_http_header(http, "x-ONE");
    ck_assert_ptr_null(green_http_header(http, "X-On"));
    return green_http_print(http, "%s\n", value ? value : "none");
}

START_TEST(a_handler_sees_the_request)
{
    char *all = http_ask(tell_all, NULL,
                         "GET /a/b?c=d?e HTTP/1.1\r\nHost: A.test:80\r\n"
                         "X-One:  1 2 \r\nX-Empty:\r\nx-one: 3\r\n\r\n"
                         "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"
                         "POST HTTP://B.test:81?q HTTP/1.1\r\nHost: c\r\n"
                         "Content-Length: 2\r\n\r\nxx"
                         "PUT / HTTP/1.0\r\n\r\n");

    ck_has(all, "\nGET|/a/b?c=d?e|/a/b|c=d?e|A.test:80|11|0\n"
                "Host=A.test:80;X-One=1 2;X-Empty=;x-one=3;1 2\n");
    ck_has(all, "\nOPTIONS|*|*|||11|0\nHost=;none\n");
    ck_has(all, "\nPOST|HTTP://B.test:81?q|/|q|B.test:81|11|2\n");
    ck_has(all, "\nPUT|/|/|||10|0\nnone\n");
    ck_assert_str_eq(http_statuses(all), "200 200 200 200");
}
END_TEST

START_TEST(percent_signs_are_decoded)
{
    char good[] = "/a%20b%2Fc%00d+", bad[] = "%2", worse[] = "%g0";

    ck_assert_int_eq(green_http_decode(good), 9);
    ck_assert_int_eq(memcmp(good, "/a b/c\0d+", 10), 0);
    ck_fails(green_http_decode(bad), EINVAL);
    ck_fails(green_http_decode(worse), EINVAL);
    ck_fails(green_http_decode(NULL), EINVAL);
}
END_TEST

/* ---- Their bodies ---------------------------------------------------------------- */

static int trailers(struct green_http *http, void *arg)
{
    char bytes[64];

    (void)arg;
    ck_assert_ptr_null(green_http_trailer(http, "A"));
    while (green_http_read(http, bytes, 2) > 0)
        ;
    ck_assert_str_eq(green_http_trailer(http, "a"), "b");
    ck_assert_str_eq(green_http_trailer(http, "E"), "");
    ck_assert_ptr_null(green_http_trailer(http, "Content-Length"));
    ck_assert_ptr_null(green_http_trailer(http, "X"));
    ck_assert_ptr_null(green_http_header(http, "A"));
    return green_http_reply(http, 201, NULL, "", 0);
}

START_TEST(trailers_are_read_behind_the_body)
{
    char *all = http_ask(trailers, NULL,
                         POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                              "0\r\nA: b \r\nE:\r\nContent-Length: 3\r\n\r\n");

    ck_assert_str_eq(http_statuses(all), "201");
    ck_has(all, "Content-Length: 0\r\n");
}
END_TEST

/* The client sends its body when it is asked to, and not before. */
START_TEST(the_first_read_asks_a_client_to_go_on)
{
    struct http_pair pair;

    http_open(&pair, http_echo, NULL);
    http_send(&pair, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    http_read_until(&pair, "HTTP/1.1 100 Continue\r\n\r\n");
    http_send(&pair, "abc");
    http_read_until(&pair, "POST /\nabc");
    http_send(&pair, GET "Connection: close\r\n\r\n");
    ck_assert_str_eq(http_statuses(http_read_all(&pair)), "200");
    http_close(&pair);
}
END_TEST

/* It may send the body even so, or not: the connection cannot go on. */
START_TEST(a_client_that_waits_and_is_not_asked)
{
    struct http_pair pair;
    char *all;

    http_open(&pair, http_hello, NULL);
    http_send(&pair, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    all = http_read_all(&pair);
    ck_assert_str_eq(http_statuses(all), "200");
    ck_has(all, "Connection: close\r\n");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
}
END_TEST

START_TEST(what_is_not_read_is_skipped)
{
    char *all = http_ask(http_hello, NULL,
                         POST "Content-Length: 5\r\n\r\nabcde" POST
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n0\r\n\r\n" GET "\r\n");

    ck_assert_str_eq(http_statuses(all), "200 200 200");
    ck_has_not(all, "Connection: close");
}
END_TEST

/* More than is worth reading: the response says that it is the last. */
START_TEST(much_that_is_not_read_ends_the_connection)
{
    struct http_pair pair;
    char *all;

    http_open(&pair, http_hello, NULL);
    http_send(&pair, POST "Content-Length: 1000000\r\n\r\nabc");
    all = http_read_until(&pair, "hello\n");
    ck_has(all, "Connection: close\r\n");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    ck_assert_str_eq(http_read_all(&pair), "");
    http_close(&pair);
}
END_TEST

static int raised(struct green_http *http, void *arg)
{
    char byte;

    ck_ok(green_http_limit_body(http, *(uint64_t *)arg));
    if (green_http_read(http, &byte, 1) != 1)
        return -1;
    ck_fails(green_http_limit_body(http, 1), EBUSY);
    return http_echo(http, NULL);
}

START_TEST(a_handler_changes_the_limit_of_a_body)
{
    uint64_t limit = 10;
    struct green_http_options options = {.arg = &limit, .max_body = 5};

    ck_assert_str_eq(http_statuses(http_ask(raised, &options,
                                            POST "Content-Length: 10\r\n\r\n"
                                                 "0123456789")),
                     "200");
    ck_assert_str_eq(http_statuses(http_ask(raised, &options,
                                            POST "Content-Length: 11\r\n\r\n"
                                                 "0123456789a")),
                     "413");
    ck_assert_str_eq(
        http_statuses(http_ask(raised, &options,
                               POST "Transfer-Encoding: chunked\r\n\r\n"
                                    "8\r\n01234567\r\n3\r\nabc\r\n0\r\n\r\n")),
        "413");
}
END_TEST

/* ---- Responses ---------------------------------------------------------------------- */

/* Bytes with a pattern, so many that they are not kept back. */
static const char *pattern(size_t size)
{
    static char bytes[300000];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 26);
    return bytes;
}

static int streams(struct green_http *http, void *arg)
{
    (void)arg;
    ck_ok(green_http_write(http, "one", 3));
    ck_ok(green_http_flush(http));
    ck_ok(green_http_flush(http));
    ck_fails(green_http_add(http, "A", "b"), EBUSY);
    ck_fails(green_http_status(http, 404), EBUSY);
    ck_ok(green_http_add_trailer(http, "X-Sum", "7"));
    ck_fails(green_http_add_trailer(http, "Content-Length", "7"), EINVAL);
    return green_http_print(http, "two%d", 2);
}

START_TEST(a_response_of_unknown_length_goes_in_chunks)
{
    char *all = http_ask(streams, NULL, GET "\r\n" GET "\r\n");

    ck_assert_str_eq(http_statuses(all), "200 200");
    ck_has(all, "Transfer-Encoding: chunked\r\n\r\n"
                "3\r\none\r\n4\r\ntwo2\r\n0\r\nX-Sum: 7\r\n\r\nHTTP");
}
END_TEST

START_TEST(to_an_old_client_its_end_is_that_of_the_connection)
{
    char *all =
        http_ask(streams, NULL,
                 "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET "\r\n");

    ck_assert_str_eq(http_statuses(all), "200");
    ck_has(all, "Connection: close\r\n\r\nonetwo2");
    ck_has_not(all, "chunked");
}
END_TEST

static int large(struct green_http *http, void *arg)
{
    const char *bytes = pattern(300000);

    if (arg)
        ck_ok(green_http_add(http, "Content-Length", "300006"));
    ck_ok(green_http_write(http, "begin", 5));
    ck_ok(green_http_write(http, bytes, 100000));
    ck_ok(green_http_write(http, bytes + 100000, 7));
    ck_ok(green_http_write(http, bytes + 100007, 199993));
    return green_http_write(http, "!", 1);
}

START_TEST(large_responses)
{
    char *whole =
        http_ask(large, &(struct green_http_options){.arg = ""}, GET "\r\n");
    char *head = http_ask(large, NULL,
                          "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET
                          "Connection: close\r\n\r\n");
    char *body = strstr(whole, "\r\n\r\n") + 4;

    ck_has(whole, "Content-Length: 300006\r\n");
    ck_assert_uint_eq(strlen(body), 300006);
    ck_assert_int_eq(memcmp(body + 5, pattern(300000), 300000), 0);
    ck_assert_str_eq(http_statuses(head), "200 200");
    ck_assert_int_eq(strncmp(strstr(head, "\r\n\r\n") + 4, "HTTP", 4), 0);
    ck_has(head, "\r\n\r\n186a5\r\nbegin");
}
END_TEST

static int fields(struct green_http *http, void *arg)
{
    (void)arg;
    ck_fails(green_http_add(http, "A", "b\r\nC: d"), EINVAL);
    ck_fails(green_http_add(http, "A", "b\nC: d"), EINVAL);
    ck_fails(green_http_add(http, "A:", "b"), EINVAL);
    ck_fails(green_http_add(http, "", "b"), EINVAL);
    ck_fails(green_http_add(http, "A\r\n", "b"), EINVAL);
    ck_fails(green_http_add(http, NULL, "b"), EINVAL);
    ck_fails(green_http_add(http, "A", NULL), EINVAL);
    ck_fails(green_http_add(http, "transfer-encoding", "chunked"), EINVAL);
    ck_fails(green_http_add(http, "Connection", "close"), EINVAL);
    ck_fails(green_http_add(http, "Content-Length", "x"), EINVAL);
    ck_fails(green_http_add(http, "Content-Length", "-1"), EINVAL);
    ck_fails(green_http_status(http, 199), EINVAL);
    ck_fails(green_http_status(http, 600), EINVAL);
    ck_fails(green_http_status(NULL, 200), EINVAL);
    ck_ok(green_http_add(http, "A", "b\tc \xc3\xa4"));
    ck_ok(green_http_add(http, "Date", "today"));
    ck_ok(green_http_add(http, "Content-Length", "2"));
    ck_fails(green_http_add(http, "Content-Length", "2"), EINVAL);
    ck_fails(green_http_write(http, "abc", 3), EMSGSIZE);
    ck_fails(green_http_write(http, NULL, 3), EINVAL);
    return green_http_write(http, "ab", 2);
}

START_TEST(fields_are_checked)
{
    char *all = http_ask(fields, NULL, GET "\r\n");

    ck_has(all, "HTTP/1.1 200 OK\r\nA: b\tc \xc3\xa4\r\nDate: today\r\n"
                "Content-Length: 2\r\n\r\nab");
}
END_TEST

static int fails(struct green_http *http, void *arg)
{
    const char *how = arg;

    ck_ok(green_http_add(http, "A", "b"));
    if (strcmp(how, "short") == 0)
        ck_ok(green_http_add(http, "Content-Length", "10"));
    ck_ok(green_http_write(http, "part", 4));
    if (strcmp(how, "late") == 0)
        ck_ok(green_http_flush(http));
    return strcmp(how, "short") == 0 ? 0 : -1;
}

START_TEST(a_handler_that_fails)
{
    char *early = http_ask(fails, &(struct green_http_options){.arg = "early"},
                           GET "\r\n" GET "\r\n");
    char *late = http_ask(fails, &(struct green_http_options){.arg = "late"},
                          GET "\r\n" GET "\r\n");
    char *brief = http_ask(fails, &(struct green_http_options){.arg = "short"},
                           GET "\r\n");

    ck_assert_str_eq(http_statuses(early), "500 500");
    ck_has_not(early, "A: b");
    ck_has_not(early, "part");
    ck_has_not(late, "0\r\n\r\n");
    ck_assert_str_eq(http_statuses(brief), "500");
}
END_TEST

static int page(struct green_http *http, int status, void *arg)
{
    (void)arg;
    if (status == 404)
        return -1;
    ck_ok(green_http_add(http, "X-Page", "own"));
    return green_http_print(http, "my %d", status);
}

static int missing(struct green_http *http, void *arg)
{
    (void)arg;
    return green_http_error(http,
                            strcmp(green_http_path(http), "/") ? 404 : 410);
}

START_TEST(error_pages_of_a_program)
{
    struct green_http_options options = {.error_page = page};
    char *all = http_ask(missing, &options,
                         GET "\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"
                             "GET / HTTP/1.1\r\n\r\n");

    ck_assert_str_eq(http_statuses(all), "410 404 400");
    ck_has(all, "my 410");
    ck_has(all, "<h1>404 Not Found</h1>");
    ck_has(all, "my 400");
}
END_TEST

static int bodiless(struct green_http *http, void *arg)
{
    return green_http_reply(http, *(int *)arg, NULL, "x", 1);
}

START_TEST(some_statuses_have_no_body)
{
    int statuses[] = {204, 304};

    for (int i = 0; i < 2; i++) {
        struct green_http_options options = {.arg = &statuses[i]};
        char *all = http_ask(bodiless, &options, GET "\r\n" GET "\r\n");

        ck_assert_int_eq(strncmp(strstr(all, "\r\n\r\n") + 4, "HTTP", 4), 0);
        ck_has_not(all, "Content-Length");
    }
}
END_TEST

/* ---- Other protocols --------------------------------------------------------------------- */

static int switches(struct green_http *http, void *arg)
{
    struct green_stream *stream;
    char byte;

    (void)arg;
    ck_fails_null(green_http_upgrade(http, "other"), EINVAL);
    stream = green_http_upgrade(http, "echo");
    if (!stream)
        return http_echo(http, NULL);
    ck_fails(green_http_write(http, "x", 1), EBUSY);
    while (green_stream_read(stream, &byte, 1) == 1)
        ck_ok(green_stream_write_all(stream, &byte, 1));
    return 0;
}

START_TEST(an_upgrade_gives_the_stream)
{
    char *all = http_ask(switches, NULL,
                         GET "Connection: keep-alive, Upgrade\r\n"
                             "Upgrade: h2c, echo\r\n\r\nGET /");

    ck_has(all, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                "Upgrade: echo\r\n\r\nGET /");
    all = http_ask(switches, NULL, GET "Upgrade: echo\r\n\r\n");
    ck_assert_str_eq(http_statuses(all), "200");
    all = http_ask(switches, NULL,
                   POST "Connection: upgrade\r\nUpgrade: echo\r\n"
                        "Content-Length: 1\r\n\r\nx");
    ck_assert_str_eq(http_statuses(all), "200");
}
END_TEST

static int tunnels(struct green_http *http, void *arg)
{
    struct green_stream *stream = green_http_upgrade(http, NULL);
    char bytes[8];
    ssize_t n;

    (void)arg;
    ck_assert_str_eq(green_http_host(http), "b.test:443");
    ck_assert_ptr_nonnull(stream);
    n = green_stream_read(stream, bytes, sizeof bytes);
    return green_stream_write_all(stream, bytes, (size_t)n);
}

START_TEST(connect_gives_the_stream)
{
    char *all = http_ask(tunnels, NULL,
                         "CONNECT b.test:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16!");

    ck_assert_str_eq(all, "HTTP/1.1 200 OK\r\n\r\n\x16!");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http exchange");
    TCase *requests = add_tcase(suite, "requests");
    TCase *responses = add_tcase(suite, "responses");

    tcase_add_test(requests, a_handler_sees_the_request);
    tcase_add_test(requests, percent_signs_are_decoded);
    tcase_add_test(requests, trailers_are_read_behind_the_body);
    tcase_add_test(requests, the_first_read_asks_a_client_to_go_on);
    tcase_add_test(requests, a_client_that_waits_and_is_not_asked);
    tcase_add_test(requests, what_is_not_read_is_skipped);
    tcase_add_test(requests, much_that_is_not_read_ends_the_connection);
    tcase_add_test(requests, a_handler_changes_the_limit_of_a_body);
    tcase_add_test(responses, a_response_of_unknown_length_goes_in_chunks);
    tcase_add_test(responses,
                   to_an_old_client_its_end_is_that_of_the_connection);
    tcase_add_test(responses, large_responses);
    tcase_add_test(responses, fields_are_checked);
    tcase_add_test(responses, a_handler_that_fails);
    tcase_add_test(responses, error_pages_of_a_program);
    tcase_add_test(responses, some_statuses_have_no_body);
    tcase_add_test(responses, an_upgrade_gives_the_stream);
    tcase_add_test(responses, connect_gives_the_stream);
    return run_suite(suite);
}
