/* How WebSockets end: by either side, by a stop, a kill, a timeout. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "websocket_support.h"

/* ---- Closing ---------------------------------------------------------------------------- */

static int closing_way;

static int closes(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);

    ck_assert_ptr_nonnull(websocket);
    if (closing_way == 2) {
        ck_fails(green_websocket_close(websocket, 1005, NULL), EINVAL);
        ck_fails(green_websocket_close(websocket, 1000, "\xff"), EINVAL);
        ck_fails(green_websocket_close(websocket, 0, "why"), EINVAL);
        ck_ok(green_websocket_close(websocket, 3001, "enough"));
        ck_ok(green_websocket_close(websocket, 3002, "ignored"));
        ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "", 0),
                 EPIPE);
        websocket_expect_text(websocket, "late");
        websocket_expect_end(websocket, 3001, "");
    }
    if (closing_way == 3)
        ck_ok(green_websocket_close(websocket, 0, NULL));
    if (closing_way == 4)
        green_websocket_free(websocket);
    return closing_way == 1 ? -1 : 0;
}

START_TEST(a_server_closes)
{
    static const int codes[] = {1000, 1011, 3001, 1005, 1000};
    struct websocket_server server = {0};
    struct green_websocket *websocket;

    closing_way = _i;
    websocket_start(&server, closes);
    websocket = websocket_dial(&server);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "late", 4));
    websocket_expect_end(websocket, codes[_i], _i == 2 ? "enough" : "");
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

static char seen[64];

static int sees(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;

    ck_assert_ptr_nonnull(websocket);
    while (green_websocket_receive(websocket, &message) > 0)
        ;
    snprintf(seen, sizeof seen, "%d %s", green_websocket_close_code(websocket),
             green_websocket_close_reason(websocket));
    return 0;
}

START_TEST(a_client_closes)
{
    struct websocket_server server = {0};
    struct green_websocket *websocket;

    websocket_start(&server, sees);
    websocket = websocket_dial(&server);
    ck_ok(green_websocket_close(websocket, 4000, "b\xc3\xa4h"));
    websocket_expect_end(websocket, 4000, "");
    ck_assert_str_eq(seen, "4000 b\xc3\xa4h");
    green_websocket_free(websocket);
    websocket = websocket_dial(&server);
    green_websocket_free(websocket);
    ck_assert_str_eq(seen, "1000 ");
    green_websocket_free(NULL);
    websocket_finish(&server);
}
END_TEST

/* A stop says so to clients that are idle, and lets them answer. */
START_TEST(a_server_stops)
{
    struct websocket_server server = {0};
    struct green_websocket *websockets[3];

    websocket_start(&server, websocket_echo);
    for (int i = 0; i < 3; i++) {
        websockets[i] = websocket_dial(&server);
        ck_ok(
            green_websocket_send(websockets[i], GREEN_WEBSOCKET_TEXT, "a", 1));
        websocket_expect_text(websockets[i], "a");
    }
    ck_ok(green_server_stop(&server.server));
    for (int i = 0; i < 3; i++) {
        websocket_expect_end(websockets[i], 1001, "");
        green_websocket_free(websockets[i]);
    }
    websocket_finish(&server);
    ck_assert_int_eq(websocket_error, 0);
}
END_TEST

static struct green_websocket *shared;

static void *sends_until_it_fails(void *counter)
{
    static char bytes[1 << 16];
    int *failed = counter;

    while (green_websocket_send(shared, GREEN_WEBSOCKET_BINARY, bytes,
                                sizeof bytes) == 0)
        ;
    (*failed)++;
    return NULL;
}

static int shares(struct green_http *http, void *arg)
{
    struct green_websocket_message message;

    shared = green_websocket_accept(http, arg);
    green_websocket_receive(shared, &message);
    return -1;
}

/* The handler returns while others send: they fail, and only then is it freed. */
START_TEST(a_handler_returns_while_others_send)
{
    struct websocket_server server = {.options.close_timeout = 50 * GREEN_MSEC};
    struct green_thread *threads[3];
    struct green_websocket *websocket;
    int failed = 0;

    websocket_start(&server, shares);
    websocket = websocket_dial(&server);
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(sends_until_it_fails, &failed);
    ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_assert_int_eq(failed, 0);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(failed, 3);
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

/* ---- Kills and timeouts --------------------------------------------------------------------- */

START_TEST(a_receive_that_times_out_can_be_repeated)
{
    struct green_websocket_message message;
    struct green_timeout timeout;
    struct websocket_server server = {0};
    struct green_websocket *websocket;

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "one ", 4,
                                    false));
    ck_ok(green_timeout_start(&timeout, 10 * GREEN_MSEC));
    ck_fails(green_websocket_receive(websocket, &message), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "two", 3,
                                    true));
    websocket_expect_text(websocket, "one two");
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

static void *receives(void *websocket)
{
    struct green_websocket_message message;
    int n = green_websocket_receive(websocket, &message);

    return (void *)(intptr_t)(n < 0 ? errno : n);
}

START_TEST(one_receives_at_a_time_and_may_be_killed)
{
    struct green_websocket_message message;
    struct websocket_server server = {0};
    struct green_websocket *websocket;
    struct green_thread *thread;
    void *result;

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    thread = green_spawn(receives, websocket);
    ck_ok(green_yield());
    ck_fails(green_websocket_receive(websocket, &message), EBUSY);
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, ECANCELED);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "a", 1));
    websocket_expect_text(websocket, "a");
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

static void *sends_much(void *arg)
{
    static char bytes[8 << 20];

    return (void *)(intptr_t)(green_websocket_send(arg, GREEN_WEBSOCKET_BINARY,
                                                   bytes, sizeof bytes) < 0
                                  ? errno
                                  : 0);
}

static int sleeps(struct green_http *http, void *arg)
{
    ck_assert_ptr_nonnull(green_websocket_accept(http, arg));
    green_sleep(GREEN_FOREVER);
    return -1;
}

/* One that is killed while it waits for its turn breaks nothing; one that is killed
 * in the middle of a frame does. */
START_TEST(senders_are_killed)
{
    struct websocket_server server = {.serve.kill_on_stop = true};
    struct green_websocket *websocket;
    struct green_thread *first, *second;
    void *result;

    websocket_start(&server, sleeps);
    websocket = websocket_dial(&server);
    first = green_spawn(sends_much, websocket);
    ck_ok(green_yield());
    second = green_spawn(sends_much, websocket);
    ck_ok(green_yield());
    ck_ok(green_kill(second));
    ck_ok(green_join(second, &result));
    ck_assert_int_eq((intptr_t)result, ECANCELED);
    ck_ok(green_kill(first));
    ck_ok(green_join(first, &result));
    ck_assert_int_ne((intptr_t)result, 0);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1),
             EPIPE);
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket ends");
    TCase *all = add_tcase(suite, "all");

    tcase_add_loop_test(all, a_server_closes, 0, 5);
    tcase_add_test(all, a_client_closes);
    tcase_add_test(all, a_server_stops);
    tcase_add_test(all, a_handler_returns_while_others_send);
    tcase_add_test(all, a_receive_that_times_out_can_be_repeated);
    tcase_add_test(all, one_receives_at_a_time_and_may_be_killed);
    tcase_add_test(all, senders_are_killed);
    return run_suite(suite);
}
