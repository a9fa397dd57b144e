/* The limits of the HTTP server, and its time limits: the defaults in the virtual time of
 * sim, short ones on the other hubs. And stops. */
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_support.h"

#define GET "GET / HTTP/1.1\r\nHost: a.test\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a.test\r\n"

/* ---- Sizes ----------------------------------------------------------------------- */

/* "FIRST xxx LAST", of `size` bytes. */
static const char *long_request(const char *first, size_t size,
                                const char *last)
{
    static char text[200000];
    size_t begin = strlen(first);

    strcpy(text, first);
    memset(text + begin, 'x', size - begin - strlen(last));
    strcpy(text + size - strlen(last), last);
    return text;
}

START_TEST(a_long_target)
{
    static const char end[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t rest = 4 + sizeof end - 1;

    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL,
                               long_request("GET /", 8192 + rest, end))),
        "200");
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL,
                               long_request("GET /", 8193 + rest, end))),
        "414");
    ck_assert_str_eq(http_statuses(http_ask(
                         http_hello, NULL, long_request("GET /", 150000, end))),
                     "414");
}
END_TEST

START_TEST(a_long_header_section)
{
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL,
                               long_request(GET "A: ", 16384, "\r\n\r\n"))),
        "200");
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL,
                               long_request(GET "A: ", 16385, "\r\n\r\n"))),
        "431");
    /* And one that never ends. */
    ck_assert_str_eq(
        http_statuses(
            http_ask(http_hello, NULL, long_request(GET "A: ", 100000, "x"))),
        "431");
    ck_assert_str_eq(http_statuses(http_ask(http_hello, NULL,
                                            long_request(GET, 100000, ":"))),
                     "431");
}
END_TEST

START_TEST(many_fields)
{
    char text[2048] = GET;

    for (int i = 1; i < 100; i++)
        strcat(text, "A: b\r\n");
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL, strcat(text, "\r\n"))), "200");
    text[strlen(text) - 2] = '\0';
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, NULL, strcat(text, "A: b\r\n\r\n"))),
        "431");
}
END_TEST

/* A handler that wants no body: the limit is not for that. */
START_TEST(a_long_body)
{
    struct green_http_options options = {.max_body = 10};

    ck_assert_str_eq(
        http_statuses(http_ask(http_echo, &options,
                               POST "Content-Length: 11\r\n\r\n0123456789a")),
        "413");
    ck_assert_str_eq(
        http_statuses(
            http_ask(http_echo, NULL, POST "Content-Length: 1048577\r\n\r\n")),
        "413");
    ck_assert_str_eq(
        http_statuses(http_ask(http_hello, &options,
                               POST "Content-Length: 11\r\n\r\n0123456789a")),
        "200");
}
END_TEST

START_TEST(what_surrounds_chunks)
{
    static const char begin[] = POST "Transfer-Encoding: chunked\r\n\r\n";
    char text[4000] = "";

    strcpy(text, begin);
    for (int i = 0; i < 400; i++) /* is little for each */
        strcat(text, "1\r\nx\r\n");
    ck_assert_str_eq(
        http_statuses(http_ask(http_echo, NULL, strcat(text, "0\r\n\r\n"))),
        "200");
    strcpy(text, begin);
    ck_assert_str_eq(
        http_statuses(http_ask(
            http_echo, NULL,
            long_request(strcat(text, "1;"), 6000, "\r\nx\r\n0\r\n\r\n"))),
        "400");
    strcpy(text, begin);
    ck_assert_str_eq(
        http_statuses(
            http_ask(http_echo, NULL,
                     long_request(strcat(text, "0\r\nA: "), 6000, "\r\n\r\n"))),
        "400");
}
END_TEST

/* ---- Time limits -------------------------------------------------------------------- */

START_TEST(a_client_that_says_nothing)
{
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();

    http_open(&pair, http_hello, &options);
    ck_assert_str_eq(http_read_all(&pair), "");
    http_close(&pair);
    ck_took(begin, 60);
}
END_TEST

START_TEST(a_client_that_says_nothing_more)
{
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();

    http_open(&pair, http_hello, &options);
    http_send(&pair, GET "\r\n");
    http_read_until(&pair, "hello\n");
    ck_assert_str_eq(http_read_all(&pair), "");
    http_close(&pair);
    ck_took(begin, 60);
}
END_TEST

/* Each byte is no reason to wait longer. */
START_TEST(a_header_that_drips)
{
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();
    char *all;

    http_open(&pair, http_hello, &options);
    http_send(&pair, GET "A: ");
    for (int i = 0; i < 14; i++) {
        ck_ok(green_sleep(on_sim() ? GREEN_SEC : GREEN_MSEC));
        green_write(pair.client, "x", 1); /* it may be over already */
    }
    all = http_read_all(&pair);
    ck_assert_str_eq(http_statuses(all), "408");
    ck_has(all, "Connection: close\r\n");
    ck_took(begin, 15);
    green_shutdown(pair.client, SHUT_WR); /* a reset may have come first */
    http_close(&pair);
}
END_TEST

static int error_seen;

static int reads(struct green_http *http, void *arg)
{
    char bytes[16];
    ssize_t n;

    (void)arg;
    while ((n = green_http_read(http, bytes, sizeof bytes)) > 0)
        ;
    error_seen = n < 0 ? errno : 0;
    return (int)n;
}

START_TEST(a_body_that_does_not_come)
{
    static const char *const heads[] = {POST "Content-Length: 10\r\n\r\nabc",
                                        POST "Transfer-Encoding: chunked\r\n"
                                             "\r\n5\r\nabc"};
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();
    char *all;

    http_open(&pair, reads, &options);
    http_send(&pair, heads[_i]);
    all = http_read_all(&pair);
    ck_assert_str_eq(http_statuses(all), "408");
    ck_assert_int_eq(error_seen, ETIMEDOUT);
    ck_took(begin, 30);
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    http_close(&pair);
}
END_TEST

static int writes(struct green_http *http, void *arg)
{
    static char bytes[1 << 20];
    int result = 0;

    (void)arg;
    for (int i = 0; i < 16 && result == 0; i++)
        result = green_http_write(http, bytes, sizeof bytes);
    error_seen = result < 0 ? errno : 0;
    if (result < 0)
        ck_fails(green_http_write(http, "x", 1), EPIPE);
    return result;
}

START_TEST(a_client_that_does_not_read)
{
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();

    http_open(&pair, writes, &options);
    http_send(&pair, GET "\r\n");
    ck_ok(green_join(pair.thread, NULL));
    ck_assert_int_eq(error_seen, ETIMEDOUT);
    if (on_sim())
        ck_assert_int_le(green_now() - begin, 61 * GREEN_SEC);
    ck_ok(green_close(pair.client));
}
END_TEST

static uint64_t acknowledged(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size); /* or it is closed */
    return info.tcpi_bytes_acked;
}

/* The kernel's work takes real time: wait until it has sent what a read made room
 * for, unless that was the last. */
static ssize_t read_and_see(struct http_pair *pair, void *bytes, size_t size)
{
    uint64_t before = acknowledged(pair->stream.fd);
    ssize_t n = green_read(pair->client, bytes, size);

    for (int i = 0; i < 100 && acknowledged(pair->stream.fd) == before; i++)
        usleep(1000);
    return n;
}

/* It takes longer than the time limit, but goes on. */
START_TEST(a_client_that_reads_slowly)
{
    struct green_http_options options = {0};
    struct http_pair pair;
    static char bytes[1 << 20];
    ssize_t n;

    if (!on_sim()) {
        SKIP("takes minutes, but on sim");
        return;
    }
    http_open(&pair, writes, &options);
    http_send(&pair, GET "Connection: close\r\n\r\n");
    do {
        ck_ok(green_sleep(20 * GREEN_SEC));
        n = read_and_see(&pair, bytes, sizeof bytes);
    } while (n > 0);
    ck_assert_msg(n == 0, "%s", strerror(errno));
    ck_assert_int_eq(error_seen, 0);
    http_close(&pair);
}
END_TEST

/* An error is answered, but what the client goes on sending is not for ever read. */
START_TEST(a_client_that_goes_on_sending)
{
    struct green_http_options options = http_quick();
    struct http_pair pair;
    green_time begin = green_now();

    http_open(&pair, http_hello, &options);
    http_send(&pair, "X\r\n\r\n");
    ck_assert_str_eq(http_statuses(http_read_all(&pair)), "400");
    http_close(&pair);
    ck_took(begin, 5);
}
END_TEST

/* ---- Servers, and stops --------------------------------------------------------------- */

static void dial(struct http_server *server, struct http_pair *pair)
{
    *pair = (struct http_pair){.client = green_dial(server->address)};
    ck_assert_int_ge(pair->client, 0);
}

START_TEST(connections_of_one_address)
{
    struct http_server server = {.options.max_per_address = 2};
    struct http_pair pairs[3];

    http_server_start(&server, http_hello);
    for (int i = 0; i < 3; i++) {
        dial(&server, &pairs[i]);
        http_send(&pairs[i], GET "\r\n");
        if (i < 2)
            http_read_until(&pairs[i], "hello\n");
    }
    ck_assert_str_eq(http_statuses(http_read_all(&pairs[2])), "503");
    ck_ok(green_close(pairs[2].client));
    ck_ok(green_close(pairs[1].client));
    while (server.server.active > 1)
        ck_ok(green_sleep(GREEN_MSEC));
    dial(&server, &pairs[1]);
    http_send(&pairs[1], GET "\r\n");
    http_read_until(&pairs[1], "hello\n");
    ck_ok(green_close(pairs[1].client));
    ck_ok(green_close(pairs[0].client));
    http_server_stop(&server);
}
END_TEST

static int slow(struct green_http *http, void *arg)
{
    ck_ok(green_event_send(arg, NULL));
    ck_ok(green_sleep(20 * GREEN_MSEC));
    while (!green_server_stopping(NULL))
        ck_ok(green_sleep(GREEN_MSEC));
    return http_hello(http, NULL);
}

/* One connection waits for a request, one is in the middle of one: the first ends
 * at once, the second after its response, which says so. */
START_TEST(a_stop_lets_exchanges_finish)
{
    struct green_event event = {0};
    struct http_server server = {.options.arg = &event};
    struct http_pair idle, busy;
    char *all;

    http_server_start(&server, slow);
    dial(&server, &idle);
    dial(&server, &busy);
    http_send(&busy, GET "\r\n");
    ck_ok(green_event_wait(&event, NULL));
    ck_ok(green_server_stop(&server.server));
    ck_assert_str_eq(http_read_all(&idle), "");
    all = http_read_all(&busy);
    ck_has(all, "Connection: close\r\n");
    ck_has(all, "hello\n");
    http_server_stop(&server);
    ck_ok(green_close(idle.client));
    ck_ok(green_close(busy.client));
}
END_TEST

static int hangs(struct green_http *http, void *arg)
{
    ck_ok(green_event_send(arg, NULL));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    return http_hello(http, NULL);
}

START_TEST(a_stop_has_a_limit)
{
    struct green_event event = {0};
    struct http_server server = {.options.arg = &event};
    struct http_pair busy;
    green_time begin;

    if (!on_sim())
        server.serve.stop_timeout = 50 * GREEN_MSEC;
    http_server_start(&server, hangs);
    dial(&server, &busy);
    http_send(&busy, GET "\r\n");
    ck_ok(green_event_wait(&event, NULL));
    begin = green_now();
    http_server_stop(&server);
    ck_took(begin, 30);
    ck_ok(green_close(busy.client));
}
END_TEST

START_TEST(options_are_checked)
{
    struct green_http_options bad[] = {{.max_fields = 101},
                                       {.idle_timeout = -1},
                                       {.linger_timeout = -1},
                                       {.reserved = {1}}};
    struct green_stream stream = {.fd = 0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_fails(green_http_serve(0, http_hello, &bad[i]), EINVAL);
        ck_fails(green_http_serve_stream(&stream, http_hello, &bad[i]), EINVAL);
    }
    ck_fails(green_http_serve(0, NULL, NULL), EINVAL);
    ck_fails(green_http_serve_stream(NULL, http_hello, NULL), EINVAL);
    ck_fails(green_http_serve(-1, http_hello, NULL), EBADF);
}
END_TEST

/* ---- The PROXY protocol ------------------------------------------------------------------ */

static int peer(struct green_http *http, void *arg)
{
    (void)arg;
    return green_http_print(http, "<%s>", green_http_peer(http));
}

START_TEST(the_proxy_protocol)
{
    static const char binary[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08"
        "\x01\x00\0\x50" GET "\r\n";
    struct green_http_options options = {.proxy_protocol = true};
    struct http_pair pair;

    ck_has(http_ask(peer, &options,
                    "PROXY TCP4 9.8.7.6 1.2.3.4 567 80\r\n" GET "\r\n"),
           "<tcp://9.8.7.6:567>");
    ck_has(
        http_ask(peer, &options, "PROXY TCP6 1::2 ::1 567 80\r\n" GET "\r\n"),
        "<tcp://[1::2]:567>");
    ck_has(http_ask(peer, &options, "PROXY UNKNOWN\r\n" GET "\r\n"),
           "<tcp://127.0.0.1:");
    http_open(&pair, peer, &options);
    ck_ok(green_write_all(pair.client, binary, sizeof binary - 1));
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    ck_has(http_read_all(&pair), "<tcp://1.2.3.4:256>");
    http_close(&pair);
}
END_TEST

START_TEST(what_is_no_proxy_header)
{
    static const char *const bad[] = {
        GET "\r\n",
        "PROXY TCP4 9.8.7.6.5 1.2.3.4 567 80\r\n" GET "\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 567 65536\r\n" GET "\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 567 80 1\r\n" GET "\r\n",
        "PROXY TCP4 9.8.7.6 1.2.3.4 567 80\n" GET "\r\n",
        "PROXY TCP4",
        "\r\n\r\n"};
    struct green_http_options options = {.proxy_protocol = true};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_str_eq(http_ask(peer, &options, bad[i]), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http limits");
    TCase *sizes = add_tcase(suite, "sizes");
    TCase *times = add_tcase(suite, "times");
    TCase *servers = add_tcase(suite, "servers");

    tcase_add_test(sizes, a_long_target);
    tcase_add_test(sizes, a_long_header_section);
    tcase_add_test(sizes, many_fields);
    tcase_add_test(sizes, a_long_body);
    tcase_add_test(sizes, what_surrounds_chunks);
    tcase_add_test(times, a_client_that_says_nothing);
    tcase_add_test(times, a_client_that_says_nothing_more);
    tcase_add_test(times, a_header_that_drips);
    tcase_add_loop_test(times, a_body_that_does_not_come, 0, 2);
    tcase_add_test(times, a_client_that_does_not_read);
    tcase_add_test(times, a_client_that_reads_slowly);
    tcase_add_test(times, a_client_that_goes_on_sending);
    tcase_add_test(servers, connections_of_one_address);
    tcase_add_test(servers, a_stop_lets_exchanges_finish);
    tcase_add_test(servers, a_stop_has_a_limit);
    tcase_add_test(servers, options_are_checked);
    tcase_add_test(servers, the_proxy_protocol);
    tcase_add_test(servers, what_is_no_proxy_header);
    return run_suite(suite);
}
