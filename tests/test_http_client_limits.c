/* The HTTP client's time limits: the defaults in the virtual time of sim, short ones on the
 * other hubs. 100 Continue, and answers that come early. */
#include <stdio.h>
#include <stdlib.h>

#include "http_client_support.h"

/* ---- Time limits ---------------------------------------------------------------------------- */

/* The defaults on sim. */
static struct green_http_client_options quick(void)
{
    green_time limit = 40 * GREEN_MSEC;

    if (on_sim())
        return (struct green_http_client_options){0};
    return (struct green_http_client_options){.response_timeout = limit,
                                              .header_timeout = limit,
                                              .body_timeout = limit,
                                              .write_timeout = limit,
                                              .continue_timeout = limit};
}

START_TEST(time_limits)
{
    static const struct {
        const char *reply;
        green_time limit; /* of the defaults */
    } rows[] = {
        {"", 60 * GREEN_SEC},
        {"HTTP/1.1 200 OK\r\nA", 15 * GREEN_SEC},
        {OK_HEAD "Content-Length: 5\r\n\r\nhe", 30 * GREEN_SEC},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", 30 * GREEN_SEC},
        {OK_HEAD "\r\nhe", 30 * GREEN_SEC},
    };
    struct green_http_client_options options = quick();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct script script;
        const struct act act = {.text = rows[i].reply, .hangs = true};
        struct green_http_client *client = new_client(&options);
        green_time begin = green_now();

        script_start(&script, &act, 1);
        ck_fails_null(green_http_fetch(client, script.url, NULL), ETIMEDOUT);
        if (on_sim()) {
            ck_assert_int_ge(green_now() - begin, rows[i].limit);
            ck_assert_int_lt(green_now() - begin, rows[i].limit + GREEN_SEC);
        }
        end_client(client);
        script_stop(&script);
    }
}
END_TEST

START_TEST(the_time_for_the_whole)
{
    SCRIPT(script,
           {.text = OK_HEAD "Content-Length: 5\r\n\r\nhe", .hangs = true});
    struct green_http_client_options options = {.timeout = 30 * GREEN_MSEC};
    struct green_http_client *client = new_client(&options);
    struct green_http_client_exchange *exchange =
        begin_exchange(client, "GET", script.url);
    char bytes[10];

    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 2);
    ck_fails(green_http_client_read(exchange, bytes, 10), ETIMEDOUT);
    ck_fails(green_http_client_read(exchange, bytes, 10), ETIMEDOUT);
    green_http_client_close(exchange);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* ---- 100 Continue --------------------------------------------------------------------------- */

static struct green_http_client_exchange *
expecting(struct green_http_client *client, const char *url)
{
    struct green_http_client_exchange *exchange =
        begin_exchange(client, "POST", url);

    ck_ok(green_http_client_add(exchange, "Expect", "100-continue"));
    return exchange;
}

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

START_TEST(the_server_says_go_on)
{
    SCRIPT(script, {.text = CONTINUE
                    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" HELLO,
                    .blind = true});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange = expecting(client, script.url);

    ck_ok(green_http_client_write(exchange, "body", 4));
    ck_posts(exchange);
    exchange = expecting(client, script.url);
    ck_ok(green_http_client_body(exchange, "BODY", 4));
    ck_posts(exchange);
    ck_has(script.requests, "Expect: 100-continue\r\n");
    ck_has(script.requests, "4\r\nbody\r\n0\r\n\r\n");
    while (!strstr(script.requests, "\r\n\r\nBODY"))
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(script.connections, 1);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(the_server_says_no)
{
    SCRIPT(script, {.text = "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno",
                    .blind = true});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange = expecting(client, script.url);

    ck_fails(green_http_client_write(exchange, "body", 4), EPIPE);
    ck_fails(green_http_client_write(exchange, "body", 4), EPIPE);
    ck_assert_int_eq(green_http_client_response(exchange), 413);
    green_http_client_close(exchange);
    ck_has_not(script.requests, "body");
    /* The server still waits for a body: nothing else may come there. */
    ck_assert_uint_eq(stats_of(client).connections, 0);
    exchange = expecting(client, script.url);
    ck_ok(green_http_client_body(exchange, "body", 4));
    ck_assert_int_eq(green_http_client_response(exchange), 413);
    green_http_client_close(exchange);
    ck_has_not(script.requests, "body");
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(the_server_says_nothing)
{
    struct green_http_client_options options = quick();
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(&options);
    struct green_http_client_exchange *exchange = expecting(client, script.url);

    ck_ok(green_http_client_write(exchange, "body", 4));
    ck_posts(exchange);
    ck_has(script.requests, "4\r\nbody\r\n0\r\n\r\n");
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A server that refuses in the middle of a body, and closes. */
START_TEST(an_early_answer)
{
    SCRIPT(script, {.text = "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno",
                    .blind = true,
                    .closes = true});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    char *large = calloc(1, 16 << 20);

    exchange = begin_exchange(client, "POST", script.url);
    ck_ok(green_http_client_body(exchange, large, 16 << 20));
    ck_assert_msg(green_http_client_response(exchange) == 413, "%s",
                  green_http_client_reason(exchange));
    green_http_client_close(exchange);
    ck_assert_uint_eq(stats_of(client).connections, 0);
    /* Of a single write, a part was sent. */
    exchange = begin_exchange(client, "POST", script.url);
    ck_fails(green_http_client_write(exchange, large, 16 << 20), EPIPE);
    ck_assert_int_eq(green_http_client_response(exchange), 413);
    green_http_client_close(exchange);
    free(large);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A server that refuses, and neither reads on nor closes. */
START_TEST(an_answer_without_an_end)
{
    SCRIPT(script, {.text = "HTTP/1.1 103 Hint\r\n\r\n"
                            "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno",
                    .blind = true,
                    .hangs = true});
    struct green_http_client_options options = quick();
    struct green_http_client *client = new_client(&options);
    struct green_http_client_exchange *exchange;
    char *large;
    int result = 0;

    if (in_chaos()) {
        SKIP("a write may wait already when the answer comes, until its limit");
        end_client(client);
        return;
    }
    large = calloc(1, 32 << 20);
    exchange = begin_exchange(client, "POST", script.url);
    ck_ok(green_http_client_body(exchange, large, 32 << 20));
    ck_assert_msg(green_http_client_response(exchange) == 413, "%s",
                  green_http_client_reason(exchange));
    green_http_client_close(exchange);
    exchange = begin_exchange(client, "POST", script.url);
    for (int i = 0; i < 512 && result == 0; i++)
        result = green_http_client_write(exchange, large, 65536);
    ck_assert(result == -1 && errno == EPIPE);
    ck_assert_int_eq(green_http_client_response(exchange), 413);
    green_http_client_close(exchange);
    ck_assert_uint_eq(stats_of(client).connections, 0);
    free(large);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A server that answers while the body is still on its way to it. */
START_TEST(an_answer_that_goes_with_the_body)
{
    SCRIPT(script, {.text = HELLO, .blind = true});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange =
        begin_exchange(client, "POST", script.url);
    char *large = calloc(1, 1 << 20);

    memset(large, 'x', 1 << 20);
    ck_ok(green_http_client_add(exchange, "Content-Length", "1048581"));
    ck_ok(green_http_client_write(exchange, large, 1 << 19));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_http_client_write(exchange, large, 1 << 19));
    ck_ok(green_http_client_write(exchange, "after", 5));
    ck_posts(exchange);
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_int_eq(script.connections, 1);
    free(large);
    end_client(client);
    script_stop(&script);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http client limits");
    TCase *tests = add_tcase(suite, "time");

    tcase_add_test(tests, time_limits);
    tcase_add_test(tests, the_time_for_the_whole);
    tests = add_tcase(suite, "continue");
    tcase_add_test(tests, the_server_says_go_on);
    tcase_add_test(tests, the_server_says_no);
    tcase_add_test(tests, the_server_says_nothing);
    tcase_add_test(tests, an_early_answer);
    tcase_add_test(tests, an_answer_without_an_end);
    tcase_add_test(tests, an_answer_that_goes_with_the_body);
    return run_suite(suite);
}
