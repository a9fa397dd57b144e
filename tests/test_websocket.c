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

/* ---- Fairness ---------------------------------------------------------------------------- */

static unsigned ticks;
static bool ticking;

static void *tick(void *unused)
{
    (void)unused;
    for (ticks = 0, ticking = true; ticking; ticks++)
        ck_ok(green_yield());
    return NULL;
}

START_TEST(others_run_while_a_message_is_compressed)
{
    struct websocket_server server = {
        .options = {.compress = true, .max_message = 8 << 20}};
    struct green_websocket *websocket;
    struct green_thread *ticker;
    char *zeros = calloc(1, 8 << 20);

    websocket_start(&server, websocket_echo);
    websocket = websocket_dial(&server);
    ticker = green_spawn(tick, NULL);
    ck_ok(green_websocket_send(websocket, GREEN_WEBSOCKET_BINARY, zeros,
                               8 << 20));
    ticking = false;
    ck_assert_uint_ge(ticks, 100);
    ck_ok(green_join(ticker, NULL));
    green_websocket_free(websocket);
    websocket_finish(&server);
    free(zeros);
}
END_TEST

/* A stream whose input is there already, so that reading it never waits. */
struct memory {
    struct green_stream stream;
    char bytes[200000];
    size_t at, size;
};

static ssize_t memory_read(struct green_stream *stream, void *bytes,
                           size_t size)
{
    struct memory *memory = (struct memory *)stream;

    if (size > memory->size - memory->at)
        size = memory->size - memory->at;
    memcpy(bytes, memory->bytes + memory->at, size);
    memory->at += size;
    return (ssize_t)size;
}

static ssize_t memory_writev(struct green_stream *stream,
                             const struct iovec *iov, int count)
{
    ssize_t size = 0;

    (void)stream;
    for (int i = 0; i < count; i++)
        size += (ssize_t)iov[i].iov_len;
    return size;
}

static size_t memory_pending(const struct green_stream *stream)
{
    const struct memory *memory = (const struct memory *)stream;

    return memory->size - memory->at + 1; /* the end, too, is there */
}

/* Adds bits, the first to the lowest; of a Huffman code, the first is its
 * highest. */
static size_t put_bits(unsigned char *bytes, size_t at, const char *bits)
{
    for (; *bits; bits++, at++)
        if (*bits == '1')
            bytes[at / 8] |= (unsigned char)(1 << at % 8);
    return at;
}

/* A block of DEFLATE for 1 + 258 * count zeros, with fixed codes. */
static size_t deflate_zeros(unsigned char *bytes, int count)
{
    size_t at = put_bits(bytes, 0,
                         "010"
                         "00110000");

    while (count-- > 0)
        at = put_bits(bytes, at,
                      "11000101"
                      "00000");
    at = put_bits(bytes, at,
                  "0000000"
                  "000");
    return (at + 7) / 8;
}

static int receives_much(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;
    struct green_thread *ticker = green_spawn(tick, NULL);

    ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
    ticking = false;
    ck_assert_uint_eq(message.size, 1 + 258 * 60000);
    ck_assert_uint_ge(ticks, 40);
    ck_assert_uint_le(ticks, 1000);
    ck_ok(green_join(ticker, NULL));
    return 0;
}

/* 100 KiB that become 15 MiB. */
START_TEST(others_run_while_a_message_is_decompressed)
{
    static const struct green_stream_ops ops = {.name = "memory",
                                                .read = memory_read,
                                                .writev = memory_writev,
                                                .pending = memory_pending};
    static struct memory memory = {
        .stream.ops = &ops,
        .bytes = WEBSOCKET_REQUEST
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"};
    struct green_websocket_options options = {.compress = true,
                                              .max_message = 16 << 20};
    struct green_http_options http = {.arg = &options};
    unsigned char head[14] = {0xc2, 0xff};
    size_t size;
    int fds[2];

    tcp_pair(fds);
    memory.stream.fd = fds[1];
    memory.size = strlen(memory.bytes);
    size = deflate_zeros(
        (unsigned char *)memory.bytes + memory.size + sizeof head, 60000);
    for (int i = 0; i < 8; i++)
        head[2 + i] = (unsigned char)(size >> (56 - 8 * i));
    memcpy(memory.bytes + memory.size, head, sizeof head);
    memory.size += sizeof head + size;
    ck_ok(green_http_serve_stream(&memory.stream, receives_much, &http));
    ck_ok(green_close(fds[0]));
    ck_ok(green_close(fds[1]));
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
    tcase_add_test(all, others_run_while_a_message_is_compressed);
    tcase_add_test(all, others_run_while_a_message_is_decompressed);
    return run_suite(suite);
}
