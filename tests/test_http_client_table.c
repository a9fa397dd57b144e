/* Responses that have one meaning only, or none: what the HTTP client takes and what it
 * refuses, at once and byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_client_support.h"

/* ---- Responses ------------------------------------------------------------------- */

#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define LENGTH(n) OK_HEAD "Content-Length: " n "\r\n\r\n"

static const struct {
    const char *response;
    int error; /* 0: it is taken, and its body is "hello" */
} rows[] = {
    {LENGTH("5") "hello", 0},
    {CHUNKED "5\r\nhello\r\n0\r\n\r\n", 0},
    {CHUNKED "005\r\nhello\r\n000\r\n\r\n", 0},
    {CHUNKED "1;a=b\r\nh\r\n4\r\nello\r\n0;z\r\nA: b\r\n\r\n", 0},
    {OK_HEAD "\r\nhello", 0},
    {"HTTP/1.0 200 OK\r\n\r\nhello", 0},
    {"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", 0},
    {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", 0},
    {"HTTP/1.1 299 \xc3\xa4 b\tc\r\nContent-Length: 5\r\n\r\nhello", 0},
    {OK_HEAD "a:\r\nB:\tc\t \r\nContent-length:5\r\n\r\nhello", 0},
    {"HTTP/1.1 102 X\r\n\r\nHTTP/1.1 103 Y\r\nA: b\r\n\r\n" LENGTH("5") "hello",
     0},
    {"HTTP/1.1 100 Continue\r\n\r\n" LENGTH("5") "hello", 0},
    /* Ends too early. */
    {"", ECONNRESET},
    {"HTTP/1.1", ECONNRESET},
    {OK_HEAD, ECONNRESET},
    {"HTTP/1.1 100 Continue\r\n\r\n", ECONNRESET},
    {LENGTH("5") "hell", ECONNRESET},
    {CHUNKED, ECONNRESET},
    {CHUNKED "5\r\nhell", ECONNRESET},
    {CHUNKED "5\r\nhello", ECONNRESET},
    {CHUNKED "5\r\nhello\r\n", ECONNRESET},
    {CHUNKED "5\r\nhello\r\n0\r\n", ECONNRESET},
    {CHUNKED "5\r\nhello\r\n0\r\nA: b", ECONNRESET},
    /* First lines. */
    {"hello\r\n\r\n", EPROTO},
    {"HTTP/2.0 200 OK\r\n\r\n", EPROTO},
    {"HTTP/0.9 200 OK\r\n\r\n", EPROTO},
    {"http/1.1 200 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 20 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 2000 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 099 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 600 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1  200 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 200 OK\n\r\n", EPROTO},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", EPROTO},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", EPROTO},
    {"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     EPROTO},
    {"220 mail.test ESMTP\r\n", EPROTO},
    {"\x16\x03\x01\x02", EPROTO},
    /* Fields. */
    {OK_HEAD "A: b\nC: d\r\n\r\n", EPROTO},
    {OK_HEAD "A : b\r\n\r\n", EPROTO},
    {OK_HEAD " A: b\r\n\r\n", EPROTO},
    {OK_HEAD "A: b\r\n c\r\n\r\n", EPROTO},
    {OK_HEAD "A\r\n\r\n", EPROTO},
    {OK_HEAD ": b\r\n\r\n", EPROTO},
    {OK_HEAD "A: b\x01\r\n\r\n", EPROTO},
    {OK_HEAD "A: b\rC: d\r\n\r\n", EPROTO},
    /* Two lengths, or none that is one. */
    {OK_HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", EPROTO},
    {OK_HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", EPROTO},
    {LENGTH("5, 5") "hello", EPROTO},
    {LENGTH("+5") "hello", EPROTO},
    {LENGTH("-5") "hello", EPROTO},
    {LENGTH("0x5") "hello", EPROTO},
    {LENGTH("5 5") "hello", EPROTO},
    {LENGTH("") "hello", EPROTO},
    {LENGTH("99999999999999999999") "hello", EPROTO},
    {OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n0\r\n\r\n",
     EPROTO},
    {OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n0\r\n\r\n",
     EPROTO},
    {OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", EPROTO},
    {OK_HEAD "Transfer-Encoding: gzip\r\n\r\nhello", EPROTO},
    {OK_HEAD "Transfer-Encoding: identity\r\n\r\nhello", EPROTO},
    {OK_HEAD "Transfer-Encoding: xchunked\r\n\r\nhello", EPROTO},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n",
     EPROTO},
    /* Chunks. */
    {CHUNKED "hello", EPROTO},
    {CHUNKED "-5\r\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED " 5\r\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "5 \r\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "5\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "5\r\nhelloo\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "5\r\nhello0\r\n\r\n", EPROTO},
    {CHUNKED "\r\nhello\r\n0\r\n\r\n", EPROTO},
    {CHUNKED "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", EPROTO},
};

static void ck_row(struct green_http_client *client, const struct act *act,
                   int expected)
{
    static struct script script;
    char reason[200] = "";
    struct green_http_fetch_options options = {.reason = reason,
                                               .reason_size = sizeof reason};
    struct green_http_fetched *fetched;

    script_start(&script, act, 1);
    errno = 0;
    fetched = green_http_fetch(client, script.url, &options);
    if (expected == 0) {
        ck_assert_msg(fetched != NULL, "%s: %s", act->text, reason);
        ck_assert_str_eq(fetched->body, "hello");
    } else {
        ck_assert_msg(!fetched && errno == expected, "%s: %s, %s", act->text,
                      fetched ? fetched->body : reason, strerror(errno));
        ck_assert_msg(*reason, "%s", act->text);
        ck_assert_uint_eq(stats_of(client).connections, stats_of(client).idle);
    }
    green_http_fetched_free(fetched);
    script_stop(&script);
}

START_TEST(a_row)
{
    struct green_http_client_options options = {.idle_timeout = GREEN_SEC};
    struct green_http_client *client;

    for (int drips = 0; drips < 2; drips++) {
        struct act act = {
            .text = rows[_i].response, .closes = true, .drips = drips};

        client = new_client(&options);
        ck_row(client, &act, rows[_i].error);
        end_client(client);
    }
}
END_TEST

/* "FIRST xxx LAST", of `size` bytes. */
static const char *long_response(const char *first, size_t size,
                                 const char *last)
{
    static char text[200000];
    size_t begin = strlen(first);

    strcpy(text, first);
    memset(text + begin, 'x', size - begin - strlen(last));
    strcpy(text + size - strlen(last), last);
    return text;
}

START_TEST(sizes)
{
    static const char end[] = "\r\nContent-Length: 5\r\n\r\nhello";
    struct green_http_client *client = new_client(NULL);
    char many[3000] = OK_HEAD "Content-Length: 5\r\n";

    ck_row(client,
           &(struct act){.text = long_response(OK_HEAD "A: ", 65536 + 5, end)},
           0);
    ck_row(client,
           &(struct act){.text = long_response(OK_HEAD "A: ", 65537 + 5, end)},
           EMSGSIZE);
    ck_row(client,
           &(struct act){.text = long_response(OK_HEAD "A: ", 190000, "x")},
           EMSGSIZE);
    for (int i = 0; i < 99; i++)
        strcat(many, "A: b\r\n");
    ck_row(client, &(struct act){.text = strcat(many, "\r\nhello")}, 0);
    strcpy(many + strlen(many) - 7, "A: b\r\n\r\nhello");
    ck_row(client, &(struct act){.text = many}, EMSGSIZE);
    ck_row(client,
           &(struct act){.text = long_response(CHUNKED "5;", 30000,
                                               "\r\nhello\r\n0\r\n\r\n")},
           EPROTO);
    ck_row(client,
           &(struct act){.text = long_response(CHUNKED "5\r\nhello\r\n0\r\nA: ",
                                               30000, "\r\n\r\n")},
           EPROTO);
    end_client(client);
}
END_TEST

START_TEST(a_failure_lasts)
{
    const struct act act = {.text = long_response(OK_HEAD "A: ", 190000, "x")};
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    static struct script script;
    char byte;

    script_start(&script, &act, 1);
    exchange = begin_exchange(client, "GET", script.url);
    for (int i = 0; i < 2; i++)
        ck_fails(green_http_client_response(exchange), EMSGSIZE);
    ck_fails(green_http_client_read(exchange, &byte, 1), EINVAL);
    ck_fails(green_http_client_write(exchange, "x", 1), EMSGSIZE);
    ck_has(green_http_client_reason(exchange), "too long");
    ck_assert_uint_eq(stats_of(client).connections, 0);
    green_http_client_close(exchange);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A server that says nothing of a response but interim ones. */
START_TEST(interim_responses_without_end)
{
    char text[3000] = "";
    struct green_http_client *client = new_client(NULL);

    for (int i = 0; i < 60; i++)
        strcat(text, "HTTP/1.1 102 Wait\r\n\r\n");
    ck_row(client, &(struct act){.text = text}, EPROTO);
    end_client(client);
}
END_TEST

START_TEST(long_bodies)
{
    struct green_http_client_options few = {.max_body = 4};
    struct green_http_client *client = new_client(&few);
    struct green_http_fetch_options options = {.max_body = 5};
    struct green_http_fetched *fetched;
    SCRIPT(script, {.text = HELLO});

    for (int i = 0; i < 3; i++)
        ck_row(client,
               &(struct act){
                   .text = (const char *const[]){HELLO, OK_HEAD "\r\nhello",
                                                 CHUNKED
                                                 "5\r\nhello\r\n0\r\n\r\n"}[i],
                   .closes = true},
               EMSGSIZE);
    fetched = green_http_fetch(client, script.url, &options);
    ck_assert_ptr_nonnull(fetched);
    green_http_fetched_free(fetched);
    end_client(client);
    script_stop(&script);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http client table");
    TCase *tests = add_tcase(suite, "responses");

    tcase_add_loop_test(tests, a_row, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, a_failure_lasts);
    tcase_add_test(tests, interim_responses_without_end);
    tcase_add_test(tests, long_bodies);
    return run_suite(suite);
}
