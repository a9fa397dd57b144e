/* WebSockets between a client and a server of this library. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream_layer.h"
#include "websocket_support.h"

/* ---- A server ----------------------------------------------------------------------- */

struct server {
    struct green_server server;
    struct green_serve_options serve;
    struct green_http_options http;
    struct green_websocket_options options;
    struct green_thread *thread;
    int (*handler)(struct green_http *http, void *arg);
    int listener, result;
    char url[80];
};

static void *runs(void *arg)
{
    struct server *server = arg;

    server->result =
        green_http_serve(server->listener, server->handler, &server->http);
    return NULL;
}

static void start(struct server *server,
                  int (*handler)(struct green_http *http, void *arg))
{
    char address[64];

    server->serve.server = &server->server;
    server->http.serve = &server->serve;
    server->http.arg = &server->options;
    server->handler = handler;
    server->listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(server->listener, 0);
    ck_assert_int_gt(
        green_local_address(server->listener, address, sizeof address), 0);
    snprintf(server->url, sizeof server->url, "%s://%s/chat?room=1",
             server->serve.wrap ? "wss" : "ws", address + strlen("tcp://"));
    server->thread = green_spawn(runs, server);
}

static void finish(struct server *server)
{
    ck_ok(green_server_stop(&server->server));
    ck_ok(green_join(server->thread, NULL));
    ck_assert_int_eq(server->result, 0);
    ck_ok(green_close(server->listener));
}

static struct green_websocket *dial(struct server *server)
{
    struct green_websocket_options options = server->options;
    struct green_websocket *websocket;

    options.wrap = server->serve.wrap;
    websocket = green_websocket_dial(server->url, &options);
    ck_assert_msg(websocket != NULL, "%s", strerror(errno));
    return websocket;
}

/* The next message is this one. */
static void expect(struct green_websocket *websocket,
                   enum green_websocket_kind kind, const void *bytes,
                   size_t size)
{
    struct green_websocket_message message;

    ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
    ck_assert_int_eq(message.kind, kind);
    ck_assert(message.last);
    ck_assert_uint_eq(message.size, size);
    ck_assert_mem_eq(message.bytes, bytes, size);
    ck_assert_int_eq(message.bytes[size], '\0');
}

static void expect_text(struct green_websocket *websocket, const char *text)
{
    expect(websocket, GREEN_WEBSOCKET_TEXT, text, strlen(text));
}

static void expect_end(struct green_websocket *websocket, int code,
                       const char *reason)
{
    struct green_websocket_message message;

    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_assert_int_eq(green_websocket_close_code(websocket), code);
    ck_assert_str_eq(green_websocket_close_reason(websocket), reason);
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1),
             EPIPE);
    ck_fails(green_websocket_ping(websocket, "x", 1), EPIPE);
}

/* ---- Messages ------------------------------------------------------------------------- */

static const struct green_websocket_options ways[] = {
    {0},
    {.fragment = 1000},
    {.compress = true},
    {.compress = true, .fragment = 100},
    {.compress = true, .no_context_takeover = true},
    {.compress = true, .window_bits = 9},
    {.compress = true, .window_bits = 15},
};

#define WAYS (int)(sizeof ways / sizeof ways[0])

/* Something that can be compressed, but not to nothing. */
static char *make_text(size_t size)
{
    char *text = malloc(size + 1);
    unsigned number = 1;

    for (size_t i = 0; i < size; i++) {
        number = number * 1103515245 + 12345;
        text[i] = (char)('a' + (number >> 16) % (i % 1000 < 500 ? 2 : 26));
    }
    text[size] = '\0';
    return text;
}

START_TEST(messages_of_all_sizes)
{
    static const size_t sizes[] = {0,   1,    63,    64,    125,   126,  127,
                                   999, 1000, 16384, 65535, 65536, 200000};
    struct server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    char *text = make_text(200000);

    start(&server, websocket_echo);
    websocket = dial(&server);
    ck_assert_ptr_null(green_websocket_protocol(websocket));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        enum green_websocket_kind kind =
            i % 2 ? GREEN_WEBSOCKET_BINARY : GREEN_WEBSOCKET_TEXT;

        ck_ok(green_websocket_send(websocket, kind, text, sizes[i]));
        expect(websocket, kind, text, sizes[i]);
    }
    green_websocket_free(websocket);
    finish(&server);
    ck_assert_int_eq(websocket_error, 0);
    free(text);
}
END_TEST

static int close_layer(struct green_stream *stream)
{
    int result = green_close(stream->fd);

    free(stream);
    return result;
}

/* By a layer, such as TLS. */
static struct green_stream *wrap_layer(int fd, const char *host, void *arg)
{
    static struct green_stream_ops ops;
    struct layer *layer = malloc(sizeof *layer);

    (void)arg;
    ck_assert(!host || strcmp(host, "127.0.0.1") == 0);
    ops = layer_ops;
    ops.close = close_layer;
    layer_init(layer, fd);
    layer->stream.ops = &ops;
    return &layer->stream;
}

START_TEST(through_a_layer)
{
    struct green_stream_wrap wrap = {.wrap = wrap_layer};
    struct server server = {.serve.wrap = &wrap, .options.compress = true};
    struct green_websocket *websocket;
    char *text = make_text(100000);

    start(&server, websocket_echo);
    websocket = dial(&server);
    for (size_t size = 1; size <= 100000; size *= 10) {
        ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text,
                                   size));
        expect(websocket, GREEN_WEBSOCKET_TEXT, text, size);
    }
    green_websocket_free(websocket);
    finish(&server);
    free(text);
}
END_TEST

struct sender {
    struct green_websocket *websocket;
    char letter;
};

#define SENDERS 10
#define MESSAGES 20

static void *sends_many(void *arg)
{
    struct sender *sender = arg;
    char bytes[3000];

    memset(bytes, sender->letter, sizeof bytes);
    for (int i = 0; i < MESSAGES; i++)
        ck_ok(green_websocket_send(sender->websocket, GREEN_WEBSOCKET_TEXT,
                                   bytes, sizeof bytes));
    return NULL;
}

/* Messages of several senders, in frames: none is mixed with another. */
START_TEST(many_send_at_once)
{
    struct server server = {.options = ways[_i]};
    struct sender senders[SENDERS];
    struct green_thread *threads[SENDERS];
    struct green_websocket *websocket;
    struct green_websocket_message message;
    int counts[SENDERS] = {0};

    start(&server, websocket_echo);
    websocket = dial(&server);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){websocket, (char)('a' + i)};
        threads[i] = green_spawn(sends_many, &senders[i]);
    }
    for (int i = 0; i < SENDERS * MESSAGES; i++) {
        ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
        ck_assert_uint_eq(message.size, 3000);
        ck_assert_int_eq(
            memcmp(message.bytes, message.bytes + 1, message.size - 1), 0);
        counts[message.bytes[0] - 'a']++;
    }
    for (int i = 0; i < SENDERS; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(counts[i], MESSAGES);
    }
    green_websocket_free(websocket);
    finish(&server);
}
END_TEST

static void *sends_one(void *websocket)
{
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "other", 5));
    return NULL;
}

START_TEST(a_message_is_sent_in_parts)
{
    struct server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    struct green_thread *other;

    start(&server, websocket_echo);
    websocket = dial(&server);
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT,
                                    "one \xe2\x82", 6, false));
    other = green_spawn(sends_one, websocket);
    ck_fails(green_websocket_send_part(websocket, 3, "", 0, false), EINVAL);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1),
             EBUSY);
    ck_ok(green_yield());
    ck_ok(green_websocket_ping(websocket, "p", 1));
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT,
                                    "\xac two ", 6, false));
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "", 0,
                                    true));
    ck_ok(green_join(other, NULL));
    expect_text(websocket, "one \xe2\x82\xac two ");
    expect_text(websocket, "other");
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_BINARY, "", 0,
                                    true));
    expect(websocket, GREEN_WEBSOCKET_BINARY, "", 0);
    green_websocket_free(websocket);
    finish(&server);
}
END_TEST

/* Sends back in parts what it gets in parts. */
static int echo_parts(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message part;
    int n;

    ck_assert_ptr_nonnull(websocket);
    while ((n = green_websocket_receive_part(websocket, &part)) > 0) {
        ck_assert_uint_le(part.size, 16384);
        if (green_websocket_send_part(websocket, part.kind, part.bytes,
                                      part.size, part.last) < 0)
            return -1;
    }
    return n;
}

/* It is longer than the server's limit for messages that it keeps. */
START_TEST(a_long_message_is_received_in_parts)
{
    struct server server = {.options = ways[_i]};
    struct green_websocket_options options = ways[_i];
    struct green_websocket *websocket;
    char *text = make_text(300000);

    server.options.max_message = 1000;
    start(&server, echo_parts);
    options.max_message = 300000;
    websocket = green_websocket_dial(server.url, &options);
    for (size_t size = 1; size <= 300000; size = 3 * size + 1) {
        ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text,
                                   size));
        expect(websocket, GREEN_WEBSOCKET_TEXT, text, size);
    }
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "", 0));
    expect_text(websocket, "");
    green_websocket_free(websocket);
    finish(&server);
    free(text);
}
END_TEST

START_TEST(the_rest_of_a_message_can_be_received_whole)
{
    struct green_websocket_options options = {.max_message = 100};
    struct green_http_options http = {.arg = &options};
    struct green_websocket_message message;
    struct server server = {0};
    struct green_websocket *websocket;

    (void)http;
    start(&server, websocket_echo);
    websocket = green_websocket_dial(server.url, &options);
    ck_ok(green_websocket_print(websocket, "%0*d", 20050, 7));
    ck_assert_int_eq(green_websocket_receive_part(websocket, &message), 1);
    while (message.size > 0 && !message.last) {
        size_t before = message.size;

        ck_assert_int_eq(green_websocket_receive_part(websocket, &message), 1);
        ck_assert(message.size > 0 || before > 0);
    }
    ck_assert_int_eq(message.bytes[message.size - 1], '7');
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1));
    expect_text(websocket, "x");
    green_websocket_free(websocket);
    finish(&server);
}
END_TEST

START_TEST(a_text_must_be_one)
{
    struct server server = {0};
    struct green_websocket *websocket;

    start(&server, websocket_echo);
    websocket = dial(&server);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "\xff", 1),
             EILSEQ);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "\xe2", 1),
             EILSEQ);
    ck_fails(green_websocket_send(websocket, 8, "", 0), EINVAL);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, NULL, 1),
             EINVAL);
    ck_fails(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "\xff",
                                       1, false),
             EILSEQ);
    ck_ok(green_websocket_print(websocket, "%s %d", "number", 7));
    expect_text(websocket, "number 7");
    green_websocket_free(websocket);
    finish(&server);
}
END_TEST

/* A little that becomes much. */
START_TEST(what_is_decompressed_has_a_limit)
{
    struct server server = {.options.compress = true};
    struct green_websocket *websocket;
    struct green_websocket_message message;
    char *zeros = calloc(1, 8 << 20);

    start(&server, websocket_echo);
    websocket = dial(&server);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, zeros,
                               8 << 20));
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_assert_int_eq(green_websocket_close_code(websocket), 1009);
    ck_assert_int_eq(websocket_error, EMSGSIZE);
    green_websocket_free(websocket);
    finish(&server);
    free(zeros);
}
END_TEST

/* As what is not. */
START_TEST(the_limit_is_that_of_what_was_decompressed)
{
    struct server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    char *text = make_text(5001);

    server.options.max_message = 5000;
    start(&server, websocket_echo);
    websocket = dial(&server);
    for (int i = 0; i < 2; i++) {
        ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text,
                                   5000));
        expect(websocket, GREEN_WEBSOCKET_TEXT, text, 5000);
    }
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, 5001));
    expect_end(websocket, 1009, "");
    green_websocket_free(websocket);
    finish(&server);
    free(text);
}
END_TEST

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
        expect_text(websocket, "late");
        expect_end(websocket, 3001, "");
    }
    if (closing_way == 3)
        ck_ok(green_websocket_close(websocket, 0, NULL));
    if (closing_way == 5)
        for (int i = 0; i < 2; i++)
            ck_ok(green_websocket_print(websocket, i ? "two" : "one"));
    if (closing_way == 4)
        green_websocket_free(websocket);
    return closing_way == 1 ? -1 : 0;
}

START_TEST(a_server_closes)
{
    static const int codes[] = {1000, 1011, 3001, 1005, 1000};
    struct server server = {0};
    struct green_websocket *websocket;

    closing_way = _i;
    start(&server, closes);
    websocket = dial(&server);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "late", 4));
    expect_end(websocket, codes[_i], _i == 2 ? "enough" : "");
    green_websocket_free(websocket);
    finish(&server);
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
    struct server server = {0};
    struct green_websocket *websocket;

    start(&server, sees);
    websocket = dial(&server);
    ck_ok(green_websocket_close(websocket, 4000, "b\xc3\xa4h"));
    expect_end(websocket, 4000, "");
    ck_assert_str_eq(seen, "4000 b\xc3\xa4h");
    green_websocket_free(websocket);
    websocket = dial(&server);
    green_websocket_free(websocket);
    ck_assert_str_eq(seen, "1000 ");
    green_websocket_free(NULL);
    finish(&server);
}
END_TEST

/* A stop says so to clients that are idle, and lets them answer. */
START_TEST(a_server_stops)
{
    struct server server = {0};
    struct green_websocket *websockets[3];

    start(&server, websocket_echo);
    for (int i = 0; i < 3; i++) {
        websockets[i] = dial(&server);
        ck_ok(green_websocket_send(websockets[i], GREEN_WEBSOCKET_TEXT, "a",
                                   1));
        expect_text(websockets[i], "a");
    }
    ck_ok(green_server_stop(&server.server));
    for (int i = 0; i < 3; i++) {
        expect_end(websockets[i], 1001, "");
        green_websocket_free(websockets[i]);
    }
    finish(&server);
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
    struct server server = {.options.close_timeout = 50 * GREEN_MSEC};
    struct green_thread *threads[3];
    struct green_websocket *websocket;
    int failed = 0;

    start(&server, shares);
    websocket = dial(&server);
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(sends_until_it_fails, &failed);
    ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_assert_int_eq(failed, 0);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(failed, 3);
    green_websocket_free(websocket);
    finish(&server);
}
END_TEST

/* ---- Kills and timeouts --------------------------------------------------------------------- */

START_TEST(a_receive_that_times_out_can_be_repeated)
{
    struct green_websocket_message message;
    struct green_timeout timeout;
    struct server server = {0};
    struct green_websocket *websocket;

    start(&server, websocket_echo);
    websocket = dial(&server);
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "one ", 4,
                                    false));
    ck_ok(green_timeout_start(&timeout, 10 * GREEN_MSEC));
    ck_fails(green_websocket_receive(websocket, &message), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_TEXT, "two", 3,
                                    true));
    expect_text(websocket, "one two");
    green_websocket_free(websocket);
    finish(&server);
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
    struct server server = {0};
    struct green_websocket *websocket;
    struct green_thread *thread;
    void *result;

    start(&server, websocket_echo);
    websocket = dial(&server);
    thread = green_spawn(receives, websocket);
    ck_ok(green_yield());
    ck_fails(green_websocket_receive(websocket, &message), EBUSY);
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, ECANCELED);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "a", 1));
    expect_text(websocket, "a");
    green_websocket_free(websocket);
    finish(&server);
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
    struct server server = {.serve.kill_on_stop = true};
    struct green_websocket *websocket;
    struct green_thread *first, *second;
    void *result;

    start(&server, sleeps);
    websocket = dial(&server);
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
    finish(&server);
}
END_TEST

/* ---- Silence ---------------------------------------------------------------------------------- */

/* The defaults on sim. */
static void be_quick(struct green_websocket_options *options)
{
    if (on_sim())
        return;
    options->ping_interval = options->ping_timeout = 30 * GREEN_MSEC;
    options->write_timeout = options->close_timeout = 60 * GREEN_MSEC;
}

static void ck_took(green_time begin, int seconds)
{
    green_time took = green_now() - begin;

    if (!on_sim())
        return;
    ck_assert_int_ge(took, seconds * GREEN_SEC);
    ck_assert_int_lt(took, 2 * seconds * GREEN_SEC);
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

START_TEST(a_peer_that_does_not_answer_a_close_frame)
{
    struct green_websocket_options options = {0};
    struct green_http_options http = {.arg = &options,
                                      .linger_timeout = GREEN_MSEC};
    struct http_pair pair;
    green_time begin = green_now();

    be_quick(&options);
    closing_way = 0;
    websocket_open(&pair, closes, &http, "");
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

static int streams(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;
    struct sender sender = {websocket, 'a'};
    struct green_thread *thread = green_spawn(sends_many, &sender);

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

/* ---- Handshakes ------------------------------------------------------------------------------- */

static bool likes(const char *origin, struct green_http *http, void *arg)
{
    ck_assert_str_eq(green_http_path(http), "/chat");
    ck_assert_str_eq(green_http_query(http), "room=1");
    ck_assert_ptr_nonnull(arg);
    return strcmp(origin, "https://good.test") == 0;
}

START_TEST(origins_and_subprotocols)
{
    static const char *const protocols[] = {"two", "one", NULL};
    static const char *const good[] = {"Origin: https://good.test", "X: y",
                                       NULL};
    static const char *const bad[] = {"Origin: https://bad.test", NULL};
    struct server server = {.options = {.origin = likes,
                                        .arg = &server,
                                        .protocols = protocols + 1}};
    int status = -1;
    struct green_websocket_options options = {
        .protocols = protocols, .fields = good, .status = &status};
    struct green_websocket *websocket;

    start(&server, websocket_echo);
    websocket = green_websocket_dial(server.url, &options);
    ck_assert_msg(websocket != NULL, "%s", strerror(errno));
    ck_assert_str_eq(green_websocket_protocol(websocket), "one");
    ck_assert_int_eq(status, 101);
    green_websocket_free(websocket);
    options.fields = bad;
    ck_fails_null(green_websocket_dial(server.url, &options), EPROTO);
    ck_assert_int_eq(status, 403);
    finish(&server);
}
END_TEST

/* A server that answers with a text. */
struct liar {
    int listener;
    const char *answer;
};

static void *lies(void *arg)
{
    struct liar *liar = arg;
    int fd = green_accept(liar->listener, NULL, NULL);
    char bytes[2048];

    ck_assert_int_gt(green_read(fd, bytes, sizeof bytes), 0);
    ck_ok(green_write_all(fd, liar->answer, strlen(liar->answer)));
    ck_ok(green_shutdown(fd, SHUT_WR));
    while (green_read(fd, bytes, sizeof bytes) > 0)
        ;
    ck_ok(green_close(fd));
    return NULL;
}

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define BOTH "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define WRONG "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

START_TEST(answers_that_are_none)
{
    static const struct {
        const char *answer;
        int error, status;
    } rows[] = {
        {"", ECONNRESET, 0},
        {SWITCH, ECONNRESET, 0},
        {"hello\r\n\r\n", EPROTO, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EPROTO, 200},
        {"HTTP/1.1 301 Moved\r\nLocation: ws://b.test/\r\n\r\n", EPROTO, 301},
        {SWITCH BOTH "\r\n", EPROTO, 101},
        {SWITCH BOTH WRONG "\r\n", EPROTO, 101},
        {SWITCH BOTH WRONG WRONG "\r\n", EPROTO, 101},
        {"HTTP/1.0 101 Switching Protocols\r\n" BOTH WRONG "\r\n", EPROTO, 101},
        {SWITCH BOTH "A: \x01\r\n\r\n", EPROTO, 0},
    };
    int status, port;
    struct green_websocket_options options = {.status = &status};
    struct liar liar = {.listener = tcp_listener(&port)};
    char url[64];

    snprintf(url, sizeof url, "ws://127.0.0.1:%d", port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct green_thread *thread;

        liar.answer = rows[i].answer;
        thread = green_spawn(lies, &liar);
        ck_fails_null(green_websocket_dial(url, &options), rows[i].error);
        ck_assert_int_eq(status, rows[i].status);
        ck_ok(green_join(thread, NULL));
    }
    ck_ok(green_close(liar.listener));
}
END_TEST

/* The client does not wait for the answer. */
START_TEST(frames_that_come_with_the_handshake)
{
    struct green_http_options http = {0};
    char bytes[1024] = WEBSOCKET_REQUEST "\r\n";
    struct http_pair pair;
    const char *frames;
    size_t head = strlen(bytes), size;

    for (size_t some = 0; some < 3; some++) {
        http_open(&pair, websocket_echo, &http);
        size = websocket_encode("81(a) 81(bcd) 88<03e8>", &frames);
        memcpy(bytes + head, frames, size);
        ck_ok(green_write_all(pair.client, bytes, head + 3 * some));
        http_read_until(&pair, "\r\n\r\n");
        ck_ok(green_write_all(pair.client, bytes + head + 3 * some,
                              size - 3 * some));
        ck_assert_str_eq(websocket_hear_all(&pair),
                         "81(a) 81(bcd) close(1000)");
        ck_ok(green_shutdown(pair.client, SHUT_WR));
        http_close(&pair);
    }
}
END_TEST

/* Passes a client's request on, and then the answer with all that follows it, at
 * once. */
static void *passes_on(void *arg)
{
    struct liar *liar = arg;
    int fd = green_accept(liar->listener, NULL, NULL);
    struct http_pair pair;
    char bytes[4096];
    ssize_t n;

    closing_way = 5;
    http_open(&pair, closes, NULL);
    n = green_read(fd, bytes, sizeof bytes);
    ck_ok(green_write_all(pair.client, bytes, (size_t)n));
    for (size_t size = 0;; size += (size_t)n) {
        n = green_read(pair.client, bytes + size, sizeof bytes - size);
        ck_assert_int_gt(n, 0);
        if (memmem(bytes, size + (size_t)n, "\x88\x02\x03\xe8", 4)) {
            ck_ok(green_write_all(fd, bytes, size + (size_t)n));
            break;
        }
    }
    ck_ok(green_close(fd));
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
    return NULL;
}

START_TEST(frames_that_come_with_the_answer)
{
    struct green_websocket *websocket;
    struct green_thread *thread;
    struct liar liar;
    char url[64];
    int port;

    liar.listener = tcp_listener(&port);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
    thread = green_spawn(passes_on, &liar);
    websocket = green_websocket_dial(url, NULL);
    ck_assert_msg(websocket != NULL, "%s", strerror(errno));
    expect_text(websocket, "one");
    expect_text(websocket, "two");
    expect_end(websocket, 1000, "");
    green_websocket_free(websocket);
    ck_ok(green_join(thread, NULL));
    ck_ok(green_close(liar.listener));
}
END_TEST

/* The answer never ends. */
START_TEST(an_answer_has_a_limit_and_a_time)
{
    struct green_websocket_options options = {
        .handshake_timeout = on_sim() ? 0 : 30 * GREEN_MSEC};
    static char many[20000];
    struct liar liar = {.answer = many};
    struct green_thread *thread;
    char url[64];
    int port;

    liar.listener = tcp_listener(&port);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
    ck_fails_null(green_websocket_dial(url, &options), ETIMEDOUT);
    memset(many, 'x', sizeof many - 1);
    memcpy(many, SWITCH "A: ", strlen(SWITCH "A: "));
    green_close(green_accept(liar.listener, NULL, NULL));
    thread = green_spawn(lies, &liar);
    ck_fails_null(green_websocket_dial(url, NULL), EMSGSIZE);
    ck_ok(green_join(thread, NULL));
    ck_ok(green_close(liar.listener));
}
END_TEST

START_TEST(urls_and_options_are_checked)
{
    static const char *const urls[] = {"",
                                       "ws://",
                                       "ws:///path",
                                       "ws://a b",
                                       "ws://a:0",
                                       "ws://a:65536",
                                       "ws://a:1x",
                                       "ws://[::1",
                                       "ws://user@a/",
                                       "ws://a/#here",
                                       "ws://a/\r\nX: y",
                                       NULL};
    static const char *const no_token[] = {"a b", NULL};
    struct green_websocket_options bad[] = {{.ping_interval = -1},
                                            {.close_timeout = -1},
                                            {.window_bits = 8},
                                            {.window_bits = 16},
                                            {.protocols = no_token},
                                            {.reserved = {1}}};
    static const char *const bad_fields[] = {"no colon", "A: b\r\nC: d", ": x"};

    for (size_t i = 1; urls[i]; i++)
        ck_fails_null(green_websocket_dial(urls[i], NULL), EINVAL);
    ck_fails_null(green_websocket_dial(NULL, NULL), EINVAL);
    ck_fails_null(green_websocket_dial("http://a/", NULL), EPROTONOSUPPORT);
    ck_fails_null(green_websocket_dial("wss://a/", NULL), EPROTONOSUPPORT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_fails_null(green_websocket_dial("ws://a/", &bad[i]), EINVAL);
    ck_fails_null(green_websocket_accept(NULL, NULL), EINVAL);
    ck_fails(green_websocket_receive(NULL, NULL), EINVAL);
    ck_fails(green_websocket_close(NULL, 1000, NULL), EINVAL);
    for (size_t i = 0; i < 3; i++) {
        const char *fields[] = {bad_fields[i], NULL};
        struct green_websocket_options options = {.fields = fields};
        struct server server = {0};

        start(&server, websocket_echo);
        ck_fails_null(green_websocket_dial(server.url, &options), EINVAL);
        finish(&server);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket");
    TCase *messages = add_tcase(suite, "messages");
    TCase *ends = add_tcase(suite, "ends");
    TCase *times = add_tcase(suite, "times");
    TCase *begins = add_tcase(suite, "begins");

    tcase_add_loop_test(messages, messages_of_all_sizes, 0, WAYS);
    tcase_add_test(messages, through_a_layer);
    tcase_add_loop_test(messages, many_send_at_once, 0, 4);
    tcase_add_loop_test(messages, a_message_is_sent_in_parts, 0, WAYS);
    tcase_add_loop_test(messages, a_long_message_is_received_in_parts, 0, 4);
    tcase_add_test(messages, the_rest_of_a_message_can_be_received_whole);
    tcase_add_test(messages, a_text_must_be_one);
    tcase_add_test(messages, what_is_decompressed_has_a_limit);
    tcase_add_loop_test(messages, the_limit_is_that_of_what_was_decompressed, 0,
                        WAYS);
    tcase_add_loop_test(ends, a_server_closes, 0, 5);
    tcase_add_test(ends, a_client_closes);
    tcase_add_test(ends, a_server_stops);
    tcase_add_test(ends, a_handler_returns_while_others_send);
    tcase_add_test(times, a_receive_that_times_out_can_be_repeated);
    tcase_add_test(times, one_receives_at_a_time_and_may_be_killed);
    tcase_add_test(times, senders_are_killed);
    tcase_add_test(times, a_peer_that_is_silent_gets_a_ping_and_then_the_end);
    tcase_add_test(times, a_peer_that_answers_pings_is_not);
    tcase_add_test(times, silence_counts_while_somebody_receives);
    tcase_add_test(times, a_peer_that_does_not_read);
    tcase_add_test(times, a_peer_that_does_not_answer_a_close_frame);
    tcase_add_test(times, a_flood_of_pings);
    tcase_add_test(times, pings_while_much_is_sent);
    tcase_add_test(times, a_peer_that_reads_slowly_is_not_silent);
    tcase_add_test(begins, origins_and_subprotocols);
    tcase_add_test(begins, frames_that_come_with_the_handshake);
    tcase_add_test(begins, frames_that_come_with_the_answer);
    tcase_add_test(begins, answers_that_are_none);
    tcase_add_test(begins, an_answer_has_a_limit_and_a_time);
    tcase_add_test(begins, urls_and_options_are_checked);
    return run_suite(suite);
}
