/* HTTP/2: how a server stops. */
#include <stdlib.h>

#include "http2_raw.h"
#include "http2_support.h"

#define SHORT (10 * GREEN_MSEC)

static int start(struct http_server *server,
                 int (*handler)(struct green_http *http, void *arg))
{
    http_server_start(server, handler);
    return green_dial(server->address);
}

struct busy {
    struct green_event begun, done;
};

static int is_busy(struct green_http *http, void *arg)
{
    struct busy *busy = arg;

    green_event_send(&busy->begun, NULL);
    if (strcmp(green_http_path(http), "/busy") == 0)
        ck_ok(green_event_wait(&busy->done, NULL));
    return http_hello(http, NULL);
}

/* What was on its way when the stop came still counts; what comes later does not. */
START_TEST(a_stop_says_goodbye_twice)
{
    struct busy busy = {0};
    struct http_server server = {.options.arg = &busy};
    struct h2_client client;
    int32_t id, late;

    h2_open_fd(&client, start(&server, is_busy));
    id = h2_get(&client, "/busy");
    h2_flush(&client);
    ck_ok(green_event_wait(&busy.begun, NULL));
    ck_ok(green_server_stop(&server.server));
    while (client.goaways == 0)
        ck_assert(h2_step(&client));
    ck_assert_int_eq(client.last_ids[0], INT32_MAX);
    while (client.goaways == 1)
        ck_assert(h2_step(&client));
    ck_assert_int_eq(client.last_ids[1], id);
    ck_assert_int_eq(client.goaway_error, NGHTTP2_NO_ERROR);
    late = h2_answer(&client, id)->closed;
    ck_assert_int_eq(late, 0);
    ck_ok(green_event_send(&busy.done, NULL));
    ck_assert_str_eq(h2_wait(&client, id)->body, "hello\n");
    h2_wait_end(&client);
    h2_close(&client);
    http_server_stop(&server);
}
END_TEST

START_TEST(a_request_between_the_goodbyes)
{
    struct busy busy = {0};
    struct http_server server = {.options.arg = &busy};
    struct raw raw = {.pair = NULL};

    raw_open_fd(&raw, start(&server, is_busy));
    raw_get(&raw, 1);
    ck_ok(green_event_wait(&busy.begun, NULL));
    raw_wait(&raw, NGHTTP2_DATA, 1);
    ck_ok(green_server_stop(&server.server));
    raw_get(&raw, 3);
    raw_wait_end(&raw);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 2);
    ck_assert_int_eq(raw.last_ids[1], 3);
    ck_assert_int_eq(raw.ended, 2);
    http_server_stop(&server);
}
END_TEST

/* A client that does not answer the PING delays the stop for a second. */
START_TEST(a_stop_that_the_client_ignores)
{
    struct busy busy = {0};
    struct http_server server = {
        .options = {.arg = &busy, .linger_timeout = SHORT}};
    struct raw raw = {.pair = NULL};
    green_time begin;

    raw_open_fd(&raw, start(&server, is_busy));
    raw_get(&raw, 1);
    raw_wait(&raw, NGHTTP2_DATA, 1);
    raw.paused = true;
    begin = green_now();
    http_server_stop(&server);
    if (on_sim())
        ck_assert_int_ge(green_now() - begin, GREEN_SEC);
    raw.paused = false;
    raw_wait_end(&raw);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 2);
}
END_TEST

static int hangs(struct green_http *http, void *arg)
{
    green_event_send(arg, NULL);
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    return http_hello(http, NULL);
}

START_TEST(a_stop_has_a_limit)
{
    struct green_event event = {0};
    struct http_server server = {.options.arg = &event};
    struct raw raw = {.pair = NULL};
    green_time begin;

    if (!on_sim())
        server.serve.stop_timeout = 50 * GREEN_MSEC;
    raw_open_fd(&raw, start(&server, hangs));
    for (int32_t id = 1; id < 20; id += 2)
        raw_get(&raw, id);
    ck_ok(green_event_wait(&event, NULL));
    begin = green_now();
    http_server_stop(&server);
    if (on_sim())
        ck_assert_int_ge(green_now() - begin, 30 * GREEN_SEC);
    raw_wait_end(&raw);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2 stops");
    TCase *stops = add_tcase(suite, "stops");

    tcase_add_test(stops, a_stop_says_goodbye_twice);
    tcase_add_test(stops, a_request_between_the_goodbyes);
    tcase_add_test(stops, a_stop_that_the_client_ignores);
    tcase_add_test(stops, a_stop_has_a_limit);
    return run_suite(suite);
}
