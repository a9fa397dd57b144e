/* WebSockets whose peer is silent, slow, or too fast: the defaults in the virtual time of
 * sim, short limits on the other hubs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "websocket_support.h"

/* The defaults on sim. */
static void be_quick(struct green_websocket_options *options)
{
    if (on_sim())
        return;
    options->ping_interval = options->ping_timeout = 30 * GREEN_MSEC;
    options->write_timeout = options->close_timeout = 60 * GREEN_MSEC;
}

START_TEST(a_peer_that_is_silent_gets_a_ping_and_then_the_end)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options};
    struct http_pair pair;
    green_time begin = green_now();

    be_quick(&options);
    websocket_open(&pair, websocket_echo, &http, "");
    ck_assert_str_eq(websocket_hear_all(&pair), "89()");
    http_close(&pair);
    ck_assert_int_eq(websocket_error, ETIMEDOUT);
    ck_took(begin, 40);
}
END_TEST

/* Any bytes are a sign of life, and so is a pong. */
START_TEST(a_peer_that_answers_pings_is_not)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options};
    struct http_pair pair;
    green_time begin = green_now();

    be_quick(&options);
    websocket_open(&pair, websocket_echo, &http, "");
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(websocket_hear(&pair, 2), "89()");
        websocket_say(&pair, "8a()");
    }
    websocket_say(&pair, "81(a) 88<03e8>");
    ck_assert_str_eq(websocket_hear_all(&pair), "81(a) close(1000)");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
    ck_took(begin, 100);
}
END_TEST

static struct green_event may_receive;

static int receives_later(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;

    ck_assert_ptr_nonnull(websocket);
    ck_ok(green_event_wait(&may_receive, NULL));
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
    return green_websocket_print(websocket, "%s", message.bytes);
}

/* A program that does not receive cannot see whether the peer is silent. */
START_TEST(silence_counts_while_somebody_receives)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options};
    struct http_pair pair;

    be_quick(&options);
    websocket_open(&pair, receives_later, &http, "");
    websocket_say(&pair, "81(a)");
    ck_ok(green_sleep(on_sim() ? 100 * GREEN_SEC : 150 * GREEN_MSEC));
    ck_ok(green_event_send(&may_receive, NULL));
    ck_assert_str_eq(websocket_hear(&pair, 3), "81(a)");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
}
END_TEST

static int send_error;

static int floods(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    static char bytes[1 << 20];
    int result = 0;

    for (int i = 0; i < 16 && result == 0; i++)
        result = green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, bytes,
                                      sizeof bytes);
    send_error = result < 0 ? errno : 0;
    return result;
}

START_TEST(a_peer_that_does_not_read)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options};
    struct http_pair pair;

    be_quick(&options);
    websocket_open(&pair, floods, &http, "");
    ck_ok(green_join(pair.thread, NULL));
    ck_assert_int_eq(send_error, ETIMEDOUT);
    ck_ok(green_close(pair.client));
}
END_TEST

static int returns(struct green_http *http, void *arg)
{
    ck_assert_ptr_nonnull(green_websocket_accept(http, arg));
    return 0;
}

START_TEST(a_peer_that_does_not_answer_a_close_frame)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options,
                                      .linger_timeout = GREEN_MSEC};
    struct http_pair pair;
    green_time begin = green_now();

    be_quick(&options);
    websocket_open(&pair, returns, &http, "");
    ck_assert_str_eq(websocket_hear_all(&pair), "close(1000)");
    http_close(&pair);
    ck_took(begin, 5);
}
END_TEST

static int goes_on(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;
    int count = 0;

    while (green_websocket_receive(websocket, &message) > 0)
        count++;
    *(int *)((struct green_websocket_options *)arg)->arg = count;
    return 0;
}

/* Pings that come faster than their pongs are read: what waits is bounded, and other
 * messages come through. */
START_TEST(a_flood_of_pings)
{
    int count = 0;
    struct green_websocket_options options = {.arg = &count};
    struct green_http_options http = {.arg = &options};
    struct http_pair pair;
    const char *bytes;
    size_t size;
    char *many = malloc(131 * 100 + 20);

    websocket_open(&pair, goes_on, &http, "");
    size = websocket_encode("89[125]", &bytes);
    for (size_t i = 0; i < 100; i++)
        memcpy(many + i * size, bytes, size);
    for (int i = 0; i < fewer_if_checked(1000, 10); i++)
        ck_ok(green_write_all(pair.client, many, 100 * size));
    websocket_say(&pair, "81(a) 81(b) 88<03e8>");
    ck_assert_ptr_nonnull(strstr(websocket_hear_all(&pair), "8a["));
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
    ck_assert_int_eq(count, 2);
    free(many);
}
END_TEST

#define MESSAGES 20

static void *sends_many(void *websocket)
{
    static char bytes[3000];

    for (int i = 0; i < MESSAGES; i++)
        ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, bytes,
                                   sizeof bytes));
    return NULL;
}

static int streams(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;
    struct green_thread *thread = green_spawn(sends_many, websocket);

    while (green_websocket_receive(websocket, &message) > 0)
        ;
    ck_ok(green_join(thread, NULL));
    return 0;
}

/* Pongs come between the frames of messages, and never in one. */
START_TEST(pings_while_much_is_sent)
{
    struct green_websocket_options options = {.fragment = 1000};
    struct green_http_options http = {.arg = &options};
    static char ping[20], all[MESSAGES * 3012 + 10 * 3 + 10 * 4];
    const char *words;
    struct http_pair pair;
    size_t size = 0;

    websocket_open(&pair, streams, &http, "");
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(ping, sizeof ping, "89(%d)", i);
        websocket_say(&pair, ping);
        ck_assert_int_eq(green_read_full(pair.client, all + size, 1000), 1000);
        size += 1000;
    }
    ck_assert_int_eq(
        green_read_full(pair.client, all + size, sizeof all - size),
        (ssize_t)(sizeof all - size));
    words = websocket_decode(all, sizeof all);
    ck_assert_ptr_null(strstr(words, "..."));
    ck_assert_ptr_nonnull(strstr(words, "8a(0)"));
    ck_assert_ptr_nonnull(strstr(words, "8a(19)"));
    websocket_say(&pair, "88<03e8>");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
}
END_TEST

static struct green_websocket *shared;

static void *sends_much(void *arg)
{
    static char bytes[8 << 20];

    ck_ok(
        green_websocket_send(arg, GREEN_WEBSOCKET_BINARY, bytes, sizeof bytes));
    return NULL;
}

static int shares(struct green_http *http, void *arg)
{
    struct green_websocket_message message;

    shared = green_websocket_accept(http, arg);
    green_websocket_receive(shared, &message);
    return -1;
}

/* A peer that reads slowly what it is sent cannot answer a ping that is behind it. */
START_TEST(a_peer_that_reads_slowly_is_not_silent)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options};
    struct green_thread *thread;
    struct http_pair pair;
    static char bytes[1 << 20];

    if (!on_sim()) {
        SKIP("takes minutes, but on sim");
        return;
    }
    websocket_open(&pair, shares, &http, "");
    thread = green_spawn(sends_much, shared);
    for (int i = 0; i < 7; i++) {
        ck_ok(green_sleep(15 * GREEN_SEC));
        ck_assert_int_eq(green_read_full(pair.client, bytes, sizeof bytes),
                         sizeof bytes);
        usleep(20000); /* the kernel's work takes real time */
    }
    while (green_wait(pair.client, GREEN_READ, green_after(GREEN_SEC)) > 0)
        ck_assert_int_gt(green_read(pair.client, bytes, sizeof bytes), 0);
    ck_ok(green_join(thread, NULL));
    websocket_say(&pair, "81(a) 88<03e8>");
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket times");
    TCase *all = add_tcase(suite, "all");

    tcase_add_test(all, a_peer_that_is_silent_gets_a_ping_and_then_the_end);
    tcase_add_test(all, a_peer_that_answers_pings_is_not);
    tcase_add_test(all, silence_counts_while_somebody_receives);
    tcase_add_test(all, a_peer_that_does_not_read);
    tcase_add_test(all, a_peer_that_does_not_answer_a_close_frame);
    tcase_add_test(all, a_flood_of_pings);
    tcase_add_test(all, pings_while_much_is_sent);
    tcase_add_test(all, a_peer_that_reads_slowly_is_not_silent);
    return run_suite(suite);
}
