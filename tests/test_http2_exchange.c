/* HTTP/2: what handlers see and what clients get, which is what HTTP/1.1 gives them; and
 * streams of one connection, which do not wait for each other. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http2_support.h"

#define BEGIN ":method: GET\n:scheme: http\n:authority: a.test\n:path: /\n"
#define POST ":method: POST\n:scheme: http\n:authority: a.test\n:path: /\n"

/* ---- Requests -------------------------------------------------------------------- */

static int tell_all(struct green_http *http, void *arg)
{
    const char *name = NULL, *value = NULL;

    (void)arg;
    ck_ok(green_http_print(http, "%s|%s|%s|%s|%s|%d|%lld\n",
                           green_http_method(http), green_http_target(http),
                           green_http_path(http), green_http_query(http),
                           green_http_host(http), green_http_version(http),
                           (long long)green_http_length(http)));
    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        ck_ok(green_http_print(http, "%s=%s;", name, value));
    value = green_http_header(http, "X-ONE");
    return green_http_print(http, "%s\n", value ? value : "none");
}

/* What a handler is told of a request. */
static const char *told(struct h2_client *client, const char *fields)
{
    struct h2_answer *answer =
        h2_wait(client, h2_submit(client, fields, NULL, false));

    ck_assert_int_eq(h2_status(answer), 200);
    ck_assert_int_eq(answer->error, 0);
    return answer->body;
}

START_TEST(a_handler_sees_the_request)
{
    struct h2_client client;

    h2_open(&client, tell_all, NULL);
    ck_assert_str_eq(
        told(&client, ":method: GET\n:scheme: https\n:authority: A.test:80\n"
                      ":path: /a/b?c=d?e\nx-one: 1 2\nx-empty: \nx-one: 3\n"),
        "GET|/a/b?c=d?e|/a/b|c=d?e|A.test:80|20|0\n"
        "x-one=1 2;x-empty=;x-one=3;host=A.test:80;1 2\n");
    ck_assert_str_eq(told(&client, ":method: OPTIONS\n:scheme: http\n"
                                   ":path: *\nhost: b.test\n"),
                     "OPTIONS|*|*||b.test|20|0\nhost=b.test;none\n");
    ck_assert_str_eq(told(&client, BEGIN "host: A.TEST\ncookie: a=b\n"
                                         "te: trailers\ncookie: c=d\n"),
                     "GET|/|/||A.TEST|20|0\n"
                     "host=A.TEST;te=trailers;cookie=a=b; c=d;none\n");
    ck_assert_str_eq(told(&client, ":method: CONNECT\n:authority: c.test:80\n"),
                     "CONNECT|c.test:80|||c.test:80|20|0\n"
                     "host=c.test:80;none\n");
    h2_close(&client);
}
END_TEST

/* The preface in pieces, and as the beginning of what is none. */
START_TEST(the_preface_decides)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct green_http_options without = {.no_http2 = true};
    struct http_pair pair;
    uint8_t head[9];

    http_open(&pair, http_hello, NULL);
    for (size_t i = 0; i < sizeof preface - 1; i++) {
        ck_assert_int_eq(green_write(pair.client, preface + i, 1), 1);
        ck_ok(green_yield());
    }
    ck_ok(green_write_all(pair.client, "\0\0\0\4\0\0\0\0\0", 9));
    ck_assert_int_eq(green_read_full(pair.client, head, 9), 9);
    ck_assert_int_eq(head[3], NGHTTP2_SETTINGS);
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_read_all(&pair);
    http_close(&pair);
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL, "PRI * HTTP/2.0\r\n\r\n")),
        "400");
    ck_assert_str_eq(http_statuses(http_ask(http_hello, &without, preface)),
                     "505");
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL,
                               "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
        "200 505");
}
END_TEST

/* The status, or the error that has reset the stream as a negative number. */
static int asked(const char *fields)
{
    struct h2_client client;
    struct h2_answer *answer;
    int result;

    h2_open(&client, http_hello, NULL);
    answer = h2_wait(&client, h2_submit(&client, fields, NULL, false));
    result = h2_status(answer);
    if (result == 0)
        result = -(int)answer->error;
    ck_assert(!client.over);
    h2_close(&client);
    return result;
}

#define S ":scheme: http\n"
#define A ":authority: a.test\n"

START_TEST(what_is_no_request)
{
    static const struct {
        const char *fields;
        int result;
    } rows[] = {
        {BEGIN, 200},
        {BEGIN "host: b.test\n", 400},
        {":method: GET\n" S ":path: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {":method: GET\n" S A, -NGHTTP2_PROTOCOL_ERROR},
        {":method: GET\n" A ":path: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {S A ":path: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {":method: GET\n" S A ":path: a\n", -NGHTTP2_PROTOCOL_ERROR},
        {":method: GET\n:scheme: ftp\n" A ":path: /\n", 400},
        {":method: GET\n:scheme: ftp\n" A ":path: http://b/\n", 400},
        {":method: GET\n" S ":authority: u@a.test\n:path: /\n", 400},
        {":method: GET\n" S ":authority: a.test:99999\n:path: /\n", 400},
        {":method: GET\n" S A ":path: /#f\n", 400},
        {":method: GET\n" S A ":path: *\n", -NGHTTP2_PROTOCOL_ERROR},
        {":method: CONNECT\n" S A ":path: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {":method: CONNECT\n" A, 400},
        {BEGIN ":path: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN ":other: /\n", -NGHTTP2_PROTOCOL_ERROR},
        {"x: y\n" BEGIN, -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "connection: close\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "transfer-encoding: chunked\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "upgrade: h2c\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "te: gzip\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "a: b\rc: d\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "a b: c\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "content-length: 5\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "content-length: x\n", -NGHTTP2_PROTOCOL_ERROR},
        {BEGIN "expect: x\n", 417},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(asked(rows[i].fields) == rows[i].result, "%s: %d",
                      rows[i].fields, asked(rows[i].fields));
}
END_TEST

/* ---- Bodies ------------------------------------------------------------------------ */

START_TEST(a_body_is_read)
{
    struct h2_client client;
    struct h2_answer *answer;
    char *body = calloc(1, 300001);
    int32_t id;

    h2_open(&client, http_echo, NULL);
    answer = h2_wait(&client, h2_post(&client, "/a", "some"));
    ck_assert_str_eq(answer->body, "POST /a\nsome");
    ck_has(answer->fields, "content-length: 12\n");
    answer = h2_wait(
        &client, h2_submit(&client, POST "content-length: 4\n", "some", false));
    ck_assert_str_eq(answer->body, "POST /\nsome");
    answer = h2_wait(&client, h2_post(&client, "/", ""));
    ck_assert_str_eq(answer->body, "POST /\n");
    memset(body, 'x', 300000); /* more than a window */
    answer = h2_wait(&client, h2_post(&client, "/b", body));
    ck_assert_int_eq(answer->size, 300000 + 8);
    ck_has_not(answer->fields, "content-length");
    id = h2_submit(&client, POST "content-length: 5\n", "some", false);
    ck_assert_int_eq(h2_wait(&client, id)->error, NGHTTP2_PROTOCOL_ERROR);
    h2_close(&client);
    free(body);
}
END_TEST

static int reads_trailers(struct green_http *http, void *arg)
{
    const char *one, *type;
    char bytes[16];

    (void)arg;
    ck_ok(green_http_add_trailer(http, "X-Sum", "5"));
    ck_assert_ptr_null(green_http_trailer(http, "x-one"));
    ck_ok(green_http_flush(http));
    while (green_http_read(http, bytes, sizeof bytes) > 0)
        ;
    one = green_http_trailer(http, "X-One");
    type = green_http_trailer(http, "content-type");
    return green_http_print(http, "%s %s", one ? one : "none",
                            type ? type : "none");
}

START_TEST(trailers_both_ways)
{
    nghttp2_nv fields[] = {
        {(uint8_t *)(uintptr_t) "x-one", (uint8_t *)(uintptr_t) "1 2", 5, 3, 0},
        {(uint8_t *)(uintptr_t) "content-type", (uint8_t *)(uintptr_t) "a", 12,
         1, 0}};
    struct h2_client client;
    struct h2_answer *answer;
    int32_t id;

    h2_open(&client, reads_trailers, NULL);
    id = h2_submit(&client, POST, "some", true);
    h2_flush(&client);
    ck_ok(nghttp2_submit_trailer(client.session, id, fields, 2));
    answer = h2_wait(&client, id);
    ck_assert_str_eq(answer->body, "1 2 none");
    ck_has(answer->fields, "--\nx-sum: 5\n");
    ck_assert_int_eq(answer->error, 0);
    h2_close(&client);
}
END_TEST

static int continues(struct green_http *http, void *arg)
{
    (void)arg;
    return *green_http_path(http) && green_http_path(http)[1] == 'n'
               ? green_http_error(http, 403)
               : http_echo(http, NULL);
}

START_TEST(a_client_that_expects_100)
{
    struct h2_client client;
    struct h2_answer *answer;
    int32_t id;

    h2_open(&client, continues, NULL);
    id = h2_submit(&client, POST "expect: 100-continue\n", "", true);
    while (!strstr(h2_answer(&client, id)->fields, ":status: 100\n"))
        ck_assert(h2_step(&client));
    ck_ok(nghttp2_submit_rst_stream(client.session, 0, id, NGHTTP2_CANCEL));
    answer = h2_wait(&client, h2_submit(&client,
                                        ":method: POST\n" S A ":path: /no\n"
                                        "expect: 100-continue\n",
                                        "", true));
    ck_has_not(answer->fields, ":status: 100");
    ck_assert_int_eq(h2_status(answer), 403);
    ck_assert_int_eq(answer->error, NGHTTP2_NO_ERROR);
    h2_close(&client);
}
END_TEST

/* A handler that does not read: what is short is skipped, and the rest is not
 * sent. */
START_TEST(a_body_that_nobody_reads)
{
    struct h2_client client;
    struct h2_answer *answer;
    char *body = calloc(1, 3000001);

    memset(body, 'x', 3000000);
    h2_open(&client, http_hello, NULL);
    answer = h2_wait(&client, h2_post(&client, "/", "short"));
    ck_assert_str_eq(answer->body, "hello\n");
    ck_assert_int_eq(client.resets, 0);
    answer = h2_wait(&client, h2_post(&client, "/", body));
    ck_assert_str_eq(answer->body, "hello\n");
    ck_assert_int_eq(answer->error, NGHTTP2_NO_ERROR);
    ck_assert_int_eq(client.resets, 1);
    /* It has taken nothing from the window of the connection. */
    for (int i = 0; i < 10; i++)
        h2_wait(&client, h2_post(&client, "/", body));
    answer = h2_wait(&client, h2_get(&client, "/"));
    ck_assert_str_eq(answer->body, "hello\n");
    ck_assert_int_eq(
        nghttp2_session_get_remote_window_size(client.session) > 300000, 1);
    h2_close(&client);
    free(body);
}
END_TEST

/* ---- Flow control ------------------------------------------------------------------- */

struct gate {
    struct green_event open;
    size_t read;
};

static int reads_when_open(struct green_http *http, void *arg)
{
    struct gate *gate = arg;
    char bytes[5000];
    ssize_t n;

    ck_ok(green_http_limit_body(http, 10 << 20));
    ck_ok(green_event_wait(&gate->open, NULL));
    while ((n = green_http_read(http, bytes, sizeof bytes)) > 0)
        gate->read += (size_t)n;
    ck_assert_int_eq(n, 0);
    return http_hello(http, NULL);
}

/* The window is not renewed before the handler reads. */
START_TEST(a_slow_handler_drives_the_window)
{
    struct gate gate = {.read = 0};
    struct green_http_options options = {.arg = &gate};
    struct h2_client client;
    char *body = calloc(1, 2000001);
    int32_t id;

    memset(body, 'x', 2000000);
    h2_open(&client, reads_when_open, &options);
    id = h2_post(&client, "/", body);
    h2_sync(&client);
    h2_sync(&client);
    ck_assert_int_eq(
        nghttp2_session_get_stream_remote_window_size(client.session, id), 0);
    ck_assert_int_eq(gate.read, 0);
    ck_ok(green_event_send(&gate.open, NULL));
    ck_assert_str_eq(h2_wait(&client, id)->body, "hello\n");
    ck_assert_int_eq(gate.read, 2000000);
    h2_close(&client);
    free(body);
}
END_TEST

struct progress {
    size_t written;
};

static int writes_much(struct green_http *http, void *arg)
{
    struct progress *progress = arg;
    static char bytes[50000];

    memset(bytes, 'x', sizeof bytes);
    for (int i = 0; i < 20; i++) {
        if (green_http_write(http, bytes, sizeof bytes) < 0)
            return -1;
        progress->written += sizeof bytes;
    }
    return 0;
}

/* The client has the windows of the standard, 65,535 bytes, and does not renew them. */
START_TEST(a_closed_window_parks_the_handler)
{
    struct progress progress = {.written = 0};
    struct green_http_options options = {.arg = &progress};
    struct h2_client client;
    struct h2_answer *answer;
    int32_t id;

    h2_open(&client, writes_much, &options);
    client.starve = true;
    id = h2_get(&client, "/");
    while (h2_answer(&client, id)->size < 65535)
        ck_assert(h2_step(&client));
    h2_sync(&client);
    ck_assert_int_eq(h2_answer(&client, id)->size, 65535);
    ck_assert_int_eq(progress.written, 50000);
    client.starve = false;
    ck_ok(nghttp2_session_consume(client.session, id, 65535));
    answer = h2_wait(&client, id);
    ck_assert_int_eq(answer->size, 1000000);
    ck_assert_int_eq(progress.written, 1000000);
    h2_close(&client);
}
END_TEST

/* ---- Responses -------------------------------------------------------------------- */

static int answers(struct green_http *http, void *arg)
{
    const char *path = green_http_path(http);

    (void)arg;
    ck_ok(green_http_add(http, "X-Mixed-Case", "Yes: it is"));
    if (strcmp(path, "/fails") == 0)
        return -1;
    if (strcmp(path, "/204") == 0)
        return green_http_status(http, 204);
    if (strcmp(path, "/short") == 0) {
        ck_ok(green_http_add(http, "Content-Length", "10"));
        ck_ok(green_http_flush(http));
        return green_http_print(http, "short");
    }
    if (strcmp(path, "/cut") == 0) {
        ck_ok(green_http_print(http, "part"));
        ck_ok(green_http_flush(http));
        return -1;
    }
    if (strcmp(path, "/many") == 0)
        for (int i = 0; i < 50; i++)
            ck_ok(green_http_add(http, "A", "b"));
    if (strcmp(path, "/upgrade") == 0) {
        ck_fails_null(green_http_upgrade(http, "websocket"), EINVAL);
        return green_http_error(http, 501);
    }
    return green_http_reply(http, 200, "text/plain", "0123456789", 10);
}

START_TEST(responses)
{
    struct h2_client client;
    struct h2_answer *answer;

    h2_open(&client, answers, NULL);
    answer = h2_wait(&client, h2_get(&client, "/"));
    ck_has(answer->fields, "x-mixed-case: Yes: it is\n");
    ck_has(answer->fields, "content-type: text/plain\n");
    ck_has(answer->fields, "content-length: 10\n");
    ck_has(answer->fields, "date: ");
    answer =
        h2_wait(&client, h2_submit(&client, ":method: HEAD\n" S A ":path: /\n",
                                   NULL, false));
    ck_has(answer->fields, "content-length: 10\n");
    ck_assert_int_eq(answer->size, 0);
    answer = h2_wait(&client, h2_get(&client, "/204"));
    ck_assert_int_eq(h2_status(answer), 204);
    ck_has_not(answer->fields, "content-length");
    answer = h2_wait(&client, h2_get(&client, "/fails"));
    ck_assert_int_eq(h2_status(answer), 500);
    ck_has_not(answer->fields, "x-mixed-case");
    answer = h2_wait(&client, h2_get(&client, "/cut"));
    ck_assert_str_eq(answer->body, "part");
    ck_assert_int_eq(answer->error, NGHTTP2_INTERNAL_ERROR);
    answer = h2_wait(&client, h2_get(&client, "/short"));
    ck_assert_int_eq(answer->error, NGHTTP2_INTERNAL_ERROR);
    answer = h2_wait(&client, h2_get(&client, "/many"));
    ck_assert_int_eq(h2_status(answer), 200);
    answer = h2_wait(&client, h2_get(&client, "/upgrade"));
    ck_assert_int_eq(h2_status(answer), 501);
    h2_close(&client);
}
END_TEST

/* ---- Streams --------------------------------------------------------------------------- */

static int waits_for_the_last(struct green_http *http, void *arg)
{
    struct green_event *event = arg;

    if (strcmp(green_http_path(http), "/last") == 0)
        ck_ok(green_event_send(event, NULL));
    else
        ck_ok(green_event_wait(event, NULL));
    return green_http_print(http, "%s", green_http_path(http));
}

START_TEST(streams_do_not_wait_for_each_other)
{
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event};
    struct h2_client client;
    char path[16];

    h2_open(&client, waits_for_the_last, &options);
    for (int i = 0; i < 99; i++) {
        snprintf(path, sizeof path, "/%d", i);
        ck_assert_int_eq(h2_get(&client, path), 2 * i + 1);
    }
    h2_wait(&client, h2_get(&client, "/last"));
    for (int i = 0; i < 99; i++) {
        snprintf(path, sizeof path, "/%d", i);
        ck_assert_str_eq(h2_wait(&client, 2 * i + 1)->body, path);
    }
    h2_close(&client);
}
END_TEST

static void log_one(const struct green_http_record *record, void *arg)
{
    char line[300], *all = arg;

    green_http_format(record, GREEN_HTTP_LOG_COMBINED, line, sizeof line);
    ck_ok(green_yield());
    snprintf(all + strlen(all), 4096 - strlen(all), "%s %llu %d %s",
             record->host, (unsigned long long)record->received, record->cut,
             strchr(line, '"'));
}

static int fails_at_bad(struct green_http *http, void *arg)
{
    (void)arg;
    return green_http_path(http)[1] == 'b' ? answers(http, NULL)
                                           : http_echo(http, NULL);
}

START_TEST(exchanges_are_logged)
{
    char all[4096] = "";
    struct green_http_options options = {.log = log_one, .arg = all};
    struct h2_client client;

    h2_open(&client, fails_at_bad, &options);
    h2_wait(&client, h2_post(&client, "/a", "some"));
    h2_wait(&client, h2_submit(&client, BEGIN "host: b\nuser-agent: \"x\n",
                               NULL, false));
    h2_close(&client);
    ck_assert_str_eq(all, "a.test 4 0 \"POST /a HTTP/2.0\" 200 12 \"-\" \"-\"\n"
                          "b 0 0 \"GET / HTTP/2.0\" 400 70 \"-\" "
                          "\"\\x22x\"\n");
}
END_TEST

/* A client that has gone: handlers see it when they read or write. */
static int sees_the_end(struct green_http *http, void *arg)
{
    char byte;

    ck_fails(green_http_read(http, &byte, 1), ECONNRESET);
    ck_ok(green_event_send(arg, NULL));
    return -1;
}

START_TEST(a_client_that_goes)
{
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event};
    struct h2_client client;
    int32_t id;

    h2_open(&client, sees_the_end, &options);
    id = h2_submit(&client, POST, "", true);
    h2_flush(&client);
    if (_i) {
        ck_ok(green_sleep(GREEN_MSEC));
        ck_ok(nghttp2_submit_rst_stream(client.session, 0, id, NGHTTP2_CANCEL));
        h2_flush(&client);
        ck_ok(green_event_wait(&event, NULL));
    }
    h2_close(&client);
    ck_assert(green_event_ready(&event));
}
END_TEST

/* One that ends its side still gets the answers. */
START_TEST(a_client_that_ends_its_side)
{
    struct h2_client client;
    int32_t id;

    h2_open(&client, http_echo, NULL);
    id = h2_post(&client, "/", "some");
    h2_flush(&client);
    ck_ok(green_shutdown(client.fd, SHUT_WR));
    ck_assert_str_eq(h2_wait(&client, id)->body, "POST /\nsome");
    h2_close(&client);
}
END_TEST

START_TEST(protocols)
{
    const char *const *list = green_http_protocols();

    ck_assert_str_eq(list[0], "h2");
    ck_assert_str_eq(list[1], "http/1.1");
    ck_assert_ptr_null(list[2]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2 exchange");
    TCase *requests = add_tcase(suite, "requests");
    TCase *bodies = add_tcase(suite, "bodies");
    TCase *streams = add_tcase(suite, "streams");

    tcase_add_test(requests, a_handler_sees_the_request);
    tcase_add_test(requests, the_preface_decides);
    tcase_add_test(requests, what_is_no_request);
    tcase_add_test(requests, protocols);
    tcase_add_test(bodies, a_body_is_read);
    tcase_add_test(bodies, trailers_both_ways);
    tcase_add_test(bodies, a_client_that_expects_100);
    tcase_add_test(bodies, a_body_that_nobody_reads);
    tcase_add_test(bodies, a_slow_handler_drives_the_window);
    tcase_add_test(bodies, a_closed_window_parks_the_handler);
    tcase_add_test(bodies, responses);
    tcase_add_test(streams, streams_do_not_wait_for_each_other);
    tcase_add_test(streams, exchanges_are_logged);
    tcase_add_loop_test(streams, a_client_that_goes, 0, 2);
    tcase_add_test(streams, a_client_that_ends_its_side);
    return run_suite(suite);
}
