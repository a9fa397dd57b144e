/* How WebSockets begin: handshakes of both sides. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "websocket_support.h"

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
    struct websocket_server server = {.options = {.origin = likes,
                                                  .arg = &server,
                                                  .protocols = protocols + 1}};
    int status = -1;
    struct green_websocket_options options = {
        .protocols = protocols, .fields = good, .status = &status};
    struct green_websocket *websocket;

    websocket_start(&server, websocket_echo);
    websocket = green_websocket_dial(server.url, &options);
    ck_assert_msg(websocket != NULL, "%s", strerror(errno));
    ck_assert_str_eq(green_websocket_protocol(websocket), "one");
    ck_assert_int_eq(status, 101);
    green_websocket_free(websocket);
    options.fields = bad;
    ck_fails_null(green_websocket_dial(server.url, &options), EPROTO);
    ck_assert_int_eq(status, 403);
    websocket_finish(&server);
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

static int says_two(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);

    ck_ok(green_websocket_print(websocket, "one"));
    return green_websocket_print(websocket, "two");
}

/* Passes a client's request on, and then the answer with all that follows it, at
 * once. */
static void *passes_on(void *arg)
{
    struct liar *liar = arg;
    int fd = green_accept(liar->listener, NULL, NULL);
    struct http_pair pair;
    char bytes[4096];
    ssize_t n;

    http_open(&pair, says_two, NULL);
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
    websocket_expect_text(websocket, "one");
    websocket_expect_text(websocket, "two");
    websocket_expect_end(websocket, 1000, "");
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
    struct green_websocket_options bad[] = {
        {.ping_interval = -1}, {.close_timeout = -1},   {.window_bits = 8},
        {.window_bits = 16},   {.protocols = no_token}, {.reserved = {1}}};
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
        struct websocket_server server = {0};

        websocket_start(&server, websocket_echo);
        ck_fails_null(green_websocket_dial(server.url, &options), EINVAL);
        websocket_finish(&server);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket begins");
    TCase *all = add_tcase(suite, "all");

    tcase_add_test(all, origins_and_subprotocols);
    tcase_add_test(all, answers_that_are_none);
    tcase_add_test(all, frames_that_come_with_the_handshake);
    tcase_add_test(all, frames_that_come_with_the_answer);
    tcase_add_test(all, an_answer_has_a_limit_and_a_time);
    tcase_add_test(all, urls_and_options_are_checked);
    return run_suite(suite);
}
