/* Messages of WebSockets, between a client and a server of this library. */
#include <stdlib.h>

#include "stream_layer.h"
#include "websocket_support.h"

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
    static const size_t sizes[] = {0,   1,    63,    64,    125,   126,   127,
                                   999, 1000, 16384, 65535, 65536, 200000};
    struct websocket_server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    char *text = make_text(200000);

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    ck_assert_ptr_null(green_websocket_protocol(websocket));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        enum green_websocket_kind kind =
            i % 2 ? GREEN_WEBSOCKET_BINARY : GREEN_WEBSOCKET_TEXT;

        ck_ok(green_websocket_send(websocket, kind, text, sizes[i]));
        websocket_expect(websocket, kind, text, sizes[i]);
    }
    green_websocket_free(websocket);
    websocket_finish(&server);
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
    struct websocket_server server = {.serve.wrap = &wrap,
                                      .options.compress = true};
    struct green_websocket *websocket;
    char *text = make_text(100000);

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    for (size_t size = 1; size <= 100000; size *= 10) {
        ck_ok(
            green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, size));
        websocket_expect(websocket, GREEN_WEBSOCKET_TEXT, text, size);
    }
    green_websocket_free(websocket);
    websocket_finish(&server);
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
    struct websocket_server server = {.options = ways[_i]};
    struct sender senders[SENDERS];
    struct green_thread *threads[SENDERS];
    struct green_websocket *websocket;
    struct green_websocket_message message;
    int counts[SENDERS] = {0};

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
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
    websocket_finish(&server);
}
END_TEST

static void *sends_one(void *websocket)
{
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "other", 5));
    return NULL;
}

START_TEST(a_message_is_sent_in_parts)
{
    struct websocket_server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    struct green_thread *other;

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
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
    websocket_expect_text(websocket, "one \xe2\x82\xac two ");
    websocket_expect_text(websocket, "other");
    ck_ok(green_websocket_send_part(websocket, GREEN_WEBSOCKET_BINARY, "", 0,
                                    true));
    websocket_expect(websocket, GREEN_WEBSOCKET_BINARY, "", 0);
    green_websocket_free(websocket);
    websocket_finish(&server);
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
    struct websocket_server server = {.options = ways[_i]};
    struct green_websocket_options options = ways[_i];
    struct green_websocket *websocket;
    char *text = make_text(300000);

    server.options.max_message = 1000;
    websocket_start(&server, echo_parts);
    options.max_message = 300000;
    websocket = green_websocket_dial(server.url, &options);
    for (size_t size = 1; size <= 300000; size = 3 * size + 1) {
        ck_ok(
            green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, size));
        websocket_expect(websocket, GREEN_WEBSOCKET_TEXT, text, size);
    }
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "", 0));
    websocket_expect_text(websocket, "");
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(text);
}
END_TEST

START_TEST(the_rest_of_a_message_can_be_received_whole)
{
    struct green_websocket_options options = {.max_message = 5000};
    struct green_websocket_message message;
    struct websocket_server server = {0};
    struct green_websocket *websocket;
    char *text = make_text(20000);
    size_t size = 0;

    websocket_start(&server, websocket_echo);
    websocket = green_websocket_dial(server.url, &options);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, 20000));
    while (size < 15000) {
        ck_assert_int_eq(green_websocket_receive_part(websocket, &message), 1);
        ck_assert_mem_eq(message.bytes, text + size, message.size);
        ck_assert(!message.last);
        size += message.size;
    }
    websocket_expect_text(websocket, text + size);
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(text);
}
END_TEST

START_TEST(a_text_must_be_one)
{
    struct websocket_server server = {0};
    struct green_websocket *websocket;

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
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
    websocket_expect_text(websocket, "number 7");
    green_websocket_free(websocket);
    websocket_finish(&server);
}
END_TEST

/* A little that becomes much. */
START_TEST(what_is_decompressed_has_a_limit)
{
    struct websocket_server server = {.options.compress = true};
    struct green_websocket *websocket;
    struct green_websocket_message message;
    char *zeros = calloc(1, 8 << 20);

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, zeros,
                               8 << 20));
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_assert_int_eq(green_websocket_close_code(websocket), 1009);
    ck_assert_int_eq(websocket_error, EMSGSIZE);
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(zeros);
}
END_TEST

/* As what is not. */
START_TEST(the_limit_is_that_of_what_was_decompressed)
{
    struct websocket_server server = {.options = ways[_i]};
    struct green_websocket *websocket;
    char *text = make_text(5001);

    server.options.max_message = 5000;
    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    for (int i = 0; i < 2; i++) {
        ck_ok(
            green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, 5000));
        websocket_expect(websocket, GREEN_WEBSOCKET_TEXT, text, 5000);
    }
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, 5001));
    websocket_expect_end(websocket, 1009, "");
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(text);
}
END_TEST

static unsigned ticks, ticks_of_receive;
static bool ticking;
static struct green_event all_sent;

static void *tick(void *unused)
{
    (void)unused;
    for (ticking = true; ticking; ticks++)
        ck_ok(green_yield());
    return NULL;
}

static int receives_much(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;

    ck_ok(green_event_wait(&all_sent, NULL));
    ticks_of_receive = ticks;
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
    ticks_of_receive = ticks - ticks_of_receive;
    ticking = false;
    return 0;
}

/* A message of 16 KiB that becomes 16 MiB: others run while it does, and while it is
 * compressed. */
START_TEST(compression_lets_others_run)
{
    struct websocket_server server = {
        .options = {.compress = true, .max_message = 16 << 20}};
    struct green_websocket *websocket;
    struct green_thread *ticker;
    char *zeros = calloc(1, 16 << 20);
    unsigned before;

    websocket_start(&server, receives_much);
    websocket = websocket_dial(&server);
    ticker = green_spawn(tick, NULL);
    before = ticks;
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, zeros,
                               16 << 20));
    ck_assert_uint_ge(ticks - before, 200);
    ck_ok(green_event_send(&all_sent, NULL));
    websocket_expect_end(websocket, 1000, "");
    ck_assert_uint_ge(ticks_of_receive, 10);
    ck_ok(green_join(ticker, NULL));
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(zeros);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket");
    TCase *all = add_tcase(suite, "all");

    tcase_add_loop_test(all, messages_of_all_sizes, 0, WAYS);
    tcase_add_test(all, through_a_layer);
    tcase_add_loop_test(all, many_send_at_once, 0, 4);
    tcase_add_loop_test(all, a_message_is_sent_in_parts, 0, WAYS);
    tcase_add_loop_test(all, a_long_message_is_received_in_parts, 0, 4);
    tcase_add_test(all, the_rest_of_a_message_can_be_received_whole);
    tcase_add_test(all, a_text_must_be_one);
    tcase_add_test(all, what_is_decompressed_has_a_limit);
    tcase_add_loop_test(all, the_limit_is_that_of_what_was_decompressed, 0,
                        WAYS);
    tcase_add_test(all, compression_lets_others_run);
    return run_suite(suite);
}
