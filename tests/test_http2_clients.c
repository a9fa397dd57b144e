/* HTTP/2: what has gone wrong between other servers and their clients. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http2_raw.h"
#include "http2_support.h"

#define POST ":method: POST\n:scheme: http\n:authority: a.test\n:path: /\n"

static char *large(size_t size)
{
    char *text = calloc(1, size + 1);

    memset(text, 'x', size);
    return text;
}

/* ---- Windows ----------------------------------------------------------------------- */

/* How much of the connection's window has not been given back. */
static int missing(struct h2_client *client)
{
    h2_sync(client);
    return (1 << 20) - nghttp2_session_get_remote_window_size(client->session);
}

static int refuses(struct green_http *http, void *arg)
{
    (void)arg;
    return strcmp(green_http_method(http), "GET") == 0
               ? http_hello(http, NULL)
               : green_http_error(http, 403);
}

/* Bodies that end early, for whatever reason, must not use the window up: those of
 * another length than they say, those that nobody reads, those that are reset. */
START_TEST(windows_do_not_leak)
{
    struct h2_client client;
    char *body = large(100000);
    int32_t id;

    h2_open(&client, _i == 1 ? refuses : http_echo, NULL);
    h2_sync(&client);
    h2_sync(&client);
    for (int i = 0; i < 40; i++) {
        id = h2_submit(&client,
                       _i == 0 ? POST "content-length: 50000\n"
                               : POST "content-length: 110000\n",
                       body, _i == 2);
        if (_i == 2) {
            h2_sync(&client);
            nghttp2_submit_rst_stream(client.session, 0, id, NGHTTP2_CANCEL);
        }
        h2_wait(&client, id);
    }
    /* nghttp2 gives back at least what is half a window. */
    ck_assert_int_le(missing(&client), 1 << 19);
    id = h2_post(&client, "/", body);
    ck_assert_int_eq(h2_status(h2_wait(&client, id)), _i == 1 ? 403 : 200);
    h2_close(&client);
    free(body);
}
END_TEST

static int sum(struct green_http *http, void *arg)
{
    size_t size = 0;
    char *body;

    (void)arg;
    ck_ok(green_http_limit_body(http, 10 << 20));
    body = green_http_read_all(http, &size);
    if (!body)
        return -1;
    free(body);
    return green_http_print(http, "%zu", size);
}

/* Padding counts for the window, too. */
START_TEST(padded_bodies)
{
    static const char padded[1 + 100 + 255] = "\xff";
    struct raw raw;

    raw_open(&raw, sum, NULL);
    raw_post(&raw, 1);
    for (int i = 0; i < 20000; i++) {
        ck_assert(raw_frame(&raw, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padded,
                            sizeof padded));
        if (i % 100 == 0)
            raw_sync(&raw);
    }
    raw_frame(&raw, NGHTTP2_DATA, RAW_END, 1, "", 0);
    raw_wait(&raw, NGHTTP2_DATA, 1);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 0);
    ck_assert_int_eq(raw.frames[NGHTTP2_RST_STREAM], 0);
    raw_close(&raw);
}
END_TEST

static int waits_or_sums(struct green_http *http, void *arg)
{
    if (strcmp(green_http_path(http), "/waits") == 0)
        ck_ok(green_event_wait(arg, NULL));
    return sum(http, NULL);
}

/* Six uploads whose handlers do not read: another one must not wait for them. */
START_TEST(slow_uploads_beside_another)
{
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event};
    struct h2_client client;
    char *body = large(1000000);

    h2_open(&client, waits_or_sums, &options);
    for (int i = 0; i < 6; i++)
        h2_post(&client, "/waits", body);
    h2_sync(&client);
    h2_sync(&client);
    ck_assert_str_eq(h2_wait(&client, h2_post(&client, "/", body))->body,
                     "1000000");
    ck_ok(green_event_send(&event, NULL));
    for (int32_t id = 1; id < 12; id += 2)
        ck_assert_str_eq(h2_wait(&client, id)->body, "1000000");
    h2_close(&client);
    free(body);
}
END_TEST

static int writes(struct green_http *http, void *arg)
{
    char *bytes = large(300000);
    int result = green_http_write(http, bytes, 300000);

    (void)arg;
    free(bytes);
    return result;
}

/* A client makes its windows smaller than what is on its way already, even 0, and larger
 * again. */
START_TEST(windows_that_shrink)
{
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_settings_entry some = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000};
    struct h2_client client;
    int32_t id;

    h2_open(&client, writes, NULL);
    client.starve = true;
    id = h2_get(&client, "/");
    while (h2_answer(&client, id)->size < 20000)
        ck_assert(h2_step(&client));
    ck_ok(nghttp2_submit_settings(client.session, 0, &none, 1));
    h2_sync(&client);
    ck_ok(nghttp2_session_consume(client.session, id,
                                  h2_answer(&client, id)->size));
    client.starve = false;
    h2_sync(&client);
    ck_ok(nghttp2_submit_settings(client.session, 0, &some, 1));
    nghttp2_submit_window_update(client.session, 0, id, 400000);
    nghttp2_submit_window_update(client.session, 0, 0, 400000);
    ck_assert_int_eq(h2_wait(&client, id)->size, 300000);
    h2_close(&client);
}
END_TEST

/* ---- Ends --------------------------------------------------------------------------- */

static int waits(struct green_http *http, void *arg)
{
    ck_ok(green_event_wait(arg, NULL));
    return http_hello(http, NULL);
}

/* A client's GOAWAY ends no stream. */
START_TEST(a_client_that_says_goodbye)
{
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event};
    struct h2_client client;
    int32_t id;

    h2_open(&client, waits, &options);
    id = h2_get(&client, "/");
    h2_sync(&client);
    ck_ok(
        nghttp2_submit_goaway(client.session, 0, 0, NGHTTP2_NO_ERROR, NULL, 0));
    h2_sync(&client);
    ck_ok(green_event_send(&event, NULL));
    ck_assert_str_eq(h2_wait(&client, id)->body, "hello\n");
    h2_wait_end(&client); /* by the server: there is nothing more to do */
    h2_close(&client);
}
END_TEST

/* One that has ended its side opens no window any more. */
START_TEST(a_client_that_ends_with_a_closed_window)
{
    struct h2_client client;
    green_time begin = green_now();
    int32_t id;

    h2_open(&client, writes, NULL);
    client.starve = true;
    id = h2_get(&client, "/");
    while (h2_answer(&client, id)->size < 65535)
        ck_assert(h2_step(&client));
    ck_ok(green_shutdown(client.fd, SHUT_WR));
    h2_wait_end(&client);
    ck_assert_int_eq(h2_answer(&client, id)->error, NGHTTP2_INTERNAL_ERROR);
    ck_assert_int_lt(green_now() - begin, 20 * GREEN_SEC);
    h2_close(&client);
}
END_TEST

static unsigned failed;

static int writes_until_it_fails(struct green_http *http, void *arg)
{
    (void)arg;
    if (green_http_path(http)[1] == 's')
        return http_hello(http, NULL);
    while (writes(http, NULL) == 0)
        ;
    ck_assert_int_eq(errno, ECONNRESET);
    failed++;
    return -1;
}

/* A client that cancels a response: its handler is told, and the others go on. */
START_TEST(a_response_that_is_cancelled)
{
    struct h2_client client;

    h2_open(&client, writes_until_it_fails, NULL);
    for (int i = 0; i < 30; i++) {
        int32_t id = h2_get(&client, "/");

        while (h2_answer(&client, id)->size < 5000)
            ck_assert(h2_step(&client));
        nghttp2_submit_rst_stream(client.session, 0, id, NGHTTP2_CANCEL);
    }
    ck_assert_str_eq(h2_wait(&client, h2_get(&client, "/small"))->body,
                     "hello\n");
    h2_sync(&client);
    ck_assert_int_eq(failed, 30);
    h2_close(&client);
}
END_TEST

/* Trailers have no pseudo fields, and end the body. */
START_TEST(wrong_trailers)
{
    static const char *const blocks[] = {"\x84", "\0\1a\1b"};
    struct raw raw;

    raw_open(&raw, sum, NULL);
    raw_post(&raw, 1);
    raw_frame(&raw, NGHTTP2_DATA, 0, 1, "x", 1);
    raw_frame(&raw, NGHTTP2_HEADERS, _i == 0 ? RAW_HEAD | RAW_END : RAW_HEAD, 1,
              blocks[_i], _i == 0 ? 1 : 5);
    raw_wait(&raw, NGHTTP2_RST_STREAM, 1);
    ck_assert_int_eq(raw.reset_error, NGHTTP2_PROTOCOL_ERROR);
    raw_get(&raw, 3);
    raw_wait(&raw, NGHTTP2_DATA, 1);
    raw_close(&raw);
}
END_TEST

/* ---- Heads --------------------------------------------------------------------------- */

static int many_fields(struct green_http *http, void *arg)
{
    char name[32], value[1100];

    (void)arg;
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        ck_ok(green_http_add(http, name, value));
    }
    return http_hello(http, NULL);
}

/* More than fits a frame, and a client without a table. */
START_TEST(long_heads_of_responses)
{
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0};
    struct h2_client client;
    struct h2_answer *answer;

    h2_open(&client, many_fields, NULL);
    if (_i)
        ck_ok(nghttp2_submit_settings(client.session, 0, &none, 1));
    for (int i = 0; i < 3; i++) {
        answer = h2_wait(&client, h2_get(&client, "/"));
        ck_assert_int_eq(h2_status(answer), 200);
        ck_has(answer->fields, "x-0: vvvv");
        ck_assert_str_eq(answer->body, "hello\n");
    }
    h2_close(&client);
}
END_TEST

/* A head in pieces, byte by byte. */
START_TEST(heads_in_pieces)
{
    struct raw raw;

    raw_open(&raw, http_hello, NULL);
    raw_frame(&raw, NGHTTP2_HEADERS, RAW_END, 1, RAW_GET, 1);
    for (int i = 1; i < 6; i++)
        raw_frame(&raw, NGHTTP2_CONTINUATION, i == 5 ? RAW_HEAD : 0, 1,
                  RAW_GET + i, 1);
    raw_wait(&raw, NGHTTP2_DATA, 1);
    ck_assert_int_eq(raw.ended, 1);
    raw_close(&raw);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2 clients");
    TCase *windows = add_tcase(suite, "windows");
    TCase *ends = add_tcase(suite, "ends");
    TCase *heads = add_tcase(suite, "heads");

    tcase_add_loop_test(windows, windows_do_not_leak, 0, 3);
    tcase_add_test(windows, padded_bodies);
    tcase_add_test(windows, slow_uploads_beside_another);
    tcase_add_test(windows, windows_that_shrink);
    tcase_add_test(ends, a_client_that_says_goodbye);
    tcase_add_test(ends, a_client_that_ends_with_a_closed_window);
    tcase_add_test(ends, a_response_that_is_cancelled);
    tcase_add_loop_test(ends, wrong_trailers, 0, 2);
    tcase_add_loop_test(heads, long_heads_of_responses, 0, 2);
    tcase_add_test(heads, heads_in_pieces);
    return run_suite(suite);
}
