/* The HTTP client: requests, responses, and the connections that it keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_client_support.h"

/* ---- Requests and responses ----------------------------------------------------- */

START_TEST(a_request_and_its_response)
{
    SCRIPT(script, {.text = OK_HEAD "Content-Length: 5\r\nA: b\r\n\r\nhello"});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange =
        begin_exchange(client, "GET", url_of(&script, "/a?b#c"));
    const char *name, *value;
    char bytes[10];

    ck_ok(green_http_client_add(exchange, "X-Y", "z"));
    ck_assert_int_eq(green_http_client_status(exchange), 0);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_assert_int_eq(green_http_client_status(exchange), 200);
    ck_assert_str_eq(green_http_client_header(exchange, "a"), "b");
    ck_assert(green_http_client_header_at(exchange, 1, &name, &value));
    ck_assert_str_eq(name, "A");
    ck_assert(!green_http_client_header_at(exchange, 2, &name, &value));
    ck_assert_int_eq(green_http_client_length(exchange), 5);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 2), 2);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 3);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 0);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 0);
    ck_assert_str_eq(green_http_client_url(exchange), url_of(&script, "/a?b"));
    ck_assert_str_eq(green_http_client_reason(exchange), "");
    green_http_client_close(exchange);
    ck_has(script.requests, "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:");
    ck_has(script.requests, "X-Y: z\r\n");
    ck_has(script.requests, "User-Agent: greenhub/");
    ck_has(script.requests, "Accept: */*\r\n");
    ck_has_not(script.requests, "Content-Length");
    end_client(client);
    script_stop(&script);
}
END_TEST

/* Each end of a body; the connection is used again where there is one. */
START_TEST(how_bodies_end)
{
    SCRIPT(script, {.text = HELLO},
           {.text = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                            "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n"},
           {.text = "HTTP/1.1 204 No Content\r\n\r\n"},
           {.text = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
           {.text = "HTTP/1.0 200\r\nConnection: keep-alive\r\n"
                    "Content-Length: 5\r\n\r\nhello"},
           {.text = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            .closes = true},
           {.text = OK_HEAD "\r\nhello", .closes = true},
           {.text = OK_HEAD "Content-Length: 0\r\n\r\n"});
    struct green_http_client *client = new_client(NULL);

    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 204, "");
    ck_fetches(client, script.url, 304, "");
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_int_eq(script.connections, 1);
    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 200, "");
    ck_assert_int_eq(script.connections, 3);
    ck_assert_uint_eq(stats_of(client).connected, 3);
    ck_assert_uint_eq(stats_of(client).reused, 5);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(head_and_trailers)
{
    SCRIPT(script,
           {.text = OK_HEAD "Content-Length: 1000\r\n"
                            "Content-Encoding: gzip\r\n\r\n"},
           {.text = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                            "1\r\nx\r\n0\r\nSum: 42\r\n\r\n"});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    char bytes[10];

    exchange = begin_exchange(client, "HEAD", script.url);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_assert_int_eq(green_http_client_length(exchange), 1000);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 0);
    green_http_client_close(exchange);
    exchange = begin_exchange(client, "GET", script.url);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_assert_int_eq(green_http_client_length(exchange), -1);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 1);
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 0);
    ck_assert_str_eq(green_http_client_trailer(exchange, "sum"), "42");
    ck_assert_ptr_null(green_http_client_trailer(exchange, "other"));
    green_http_client_close(exchange);
    ck_assert_int_eq(script.connections, 1);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(bodies_that_are_sent)
{
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    char *large = calloc(1, 200000);

    exchange = begin_exchange(client, "POST", url_of(&script, "/1"));
    ck_ok(green_http_client_body(exchange, "body", 4));
    ck_fails(green_http_client_write(exchange, "x", 1), EINVAL);
    ck_posts(exchange);
    exchange = begin_exchange(client, "PUT", url_of(&script, "/2"));
    ck_ok(green_http_client_write(exchange, "one", 3));
    ck_ok(green_http_client_flush(exchange));
    ck_ok(green_http_client_write(exchange, "two", 3));
    ck_ok(green_http_client_add_trailer(exchange, "Sum", "6"));
    ck_fails(green_http_client_body(exchange, "x", 1), EBUSY);
    ck_fails(green_http_client_add(exchange, "A", "b"), EBUSY);
    ck_posts(exchange);
    exchange = begin_exchange(client, "PUT", url_of(&script, "/3"));
    ck_ok(green_http_client_add(exchange, "Content-Length", "4"));
    ck_ok(green_http_client_write(exchange, "four", 4));
    ck_fails(green_http_client_write(exchange, "x", 1), EMSGSIZE);
    ck_posts(exchange);
    exchange = begin_exchange(client, "POST", url_of(&script, "/4"));
    ck_posts(exchange);
    ck_has(script.requests, "POST /1 HTTP/1.1\r\n");
    ck_has(script.requests, "Content-Length: 4\r\n\r\nbody");
    ck_has(script.requests, "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
                            "3\r\ntwo\r\n0\r\nSum: 6\r\n\r\n");
    ck_has(script.requests, "Content-Length: 4\r\n\r\nfour");
    ck_has(script.requests, "Content-Length: 0\r\n\r\n");
    ck_assert_int_eq(script.connections, 1);
    memset(large, 'x', 199999);
    exchange = begin_exchange(client, "PUT", url_of(&script, "/5"));
    ck_ok(green_http_client_body(exchange, large, 199999));
    ck_posts(exchange);
    ck_assert_int_eq(script.connections, 1);
    free(large);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A length that was promised and is not kept. */
START_TEST(a_body_that_is_too_short)
{
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange =
        begin_exchange(client, "PUT", script.url);

    ck_ok(green_http_client_add(exchange, "Content-Length", "4"));
    ck_ok(green_http_client_write(exchange, "fou", 3));
    ck_fails(green_http_client_response(exchange), EPROTO);
    ck_fails(green_http_client_response(exchange), EPROTO);
    green_http_client_close(exchange);
    ck_assert_uint_eq(stats_of(client).connections, 0);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(what_open_and_add_refuse)
{
    static const char *const urls[] = {
        "",           "http:",          "http://",       "example.org",
        "http:///a",  "http://a:0/",    "http://a:x/",   "http://a:65536/",
        "http://a/ ", "http://a/\r\nb", "http://a\r\n/", "http://[::1/",
        "http://a b", "http://u:p@/",   "http://%41/",   "http://a/\xc3\xa4",
        "http://[x]", "http://a/\x7f",  "http://?a",     "http://u%0:p@a/",
    };
    static const char *const fields[] = {"Transfer-Encoding",
                                         "Connection",
                                         "Keep-Alive",
                                         "Upgrade",
                                         "Proxy-Authorization",
                                         "a b",
                                         ""};
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        errno = 0;
        exchange = green_http_client_open(client, "GET", urls[i]);
        ck_assert_msg(!exchange && errno == EINVAL, "\"%s\": %s", urls[i],
                      strerror(errno));
    }
    ck_fails_null(green_http_client_open(client, "GET", "ftp://a/"),
                  EPROTONOSUPPORT);
    ck_fails_null(green_http_client_open(client, "GET", "https://a/"),
                  EPROTONOSUPPORT);
    ck_fails_null(green_http_client_open(client, "A B", "http://a/"), EINVAL);
    ck_fails_null(green_http_client_open(client, "CONNECT", "http://a/"),
                  EINVAL);
    ck_fails_null(green_http_client_open(NULL, "GET", "http://a/"), EINVAL);
    exchange = begin_exchange(client, "GET", "http://a/");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        ck_fails(green_http_client_add(exchange, fields[i], "x"), EINVAL);
    ck_fails(green_http_client_add(exchange, "A", "b\r\nC: d"), EINVAL);
    ck_fails(green_http_client_add(exchange, "Host", "a b"), EINVAL);
    ck_fails(green_http_client_add(exchange, "Expect", "wonders"), EINVAL);
    ck_fails(green_http_client_read(exchange, &(char){0}, 1), EINVAL);
    ck_fails(green_http_client_destroy(client), EBUSY);
    green_http_client_close(exchange);
    green_http_client_close(NULL);
    end_client(client);
    ck_ok(green_http_client_destroy(NULL));
}
END_TEST

START_TEST(options_are_checked)
{
    struct green_stream_wrap no_wrap = {0};
    struct green_http_client_options wrong[] = {
        {.timeout = -1},         {.idle_timeout = -1}, {.address = "a:80"},
        {.proxy = "http://a b"}, {.user_agent = "\n"}, {.tls = &no_wrap},
        {.reserved = {1}},
    };
    struct green_http_fetch_options odd = {
        .fields = (const char *const[]){"A", NULL}};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_fails_null(green_http_client_create(&wrong[i]), EINVAL);
    ck_fails_null(green_http_client_create(&(struct green_http_client_options){
                      .proxy = "socks5://a"}),
                  EPROTONOSUPPORT);
    ck_fails(green_http_client_stats(NULL, NULL), EINVAL);
    ck_fails_null(green_http_fetch(NULL, "http://a", &odd), EINVAL);
    green_http_fetched_free(NULL);
}
END_TEST

/* ---- Connections that are kept -------------------------------------------------------- */

/* The server has closed a kept connection: at leisure, and while the request is on its
 * way. */
START_TEST(a_kept_connection_that_was_closed)
{
    SCRIPT(script, {.text = HELLO, .closes = true}, {.text = HELLO},
           {.text = NULL}, {.text = HELLO}, {.text = NULL}, {.text = HELLO},
           {.text = NULL});
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;

    ck_fetches(client, script.url, 200, "hello");
    ck_ok(green_sleep(10 * GREEN_MSEC)); /* it sees the end before it asks */
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_uint_eq(stats_of(client).retried, 0);
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_uint_eq(stats_of(client).retried, 1);
    ck_assert_int_eq(script.connections, 3);
    exchange = begin_exchange(client, "PUT", script.url);
    ck_ok(green_http_client_body(exchange, "body", 4));
    ck_posts(exchange);
    ck_assert_uint_eq(stats_of(client).retried, 2);
    ck_has(script.requests, "Content-Length: 4\r\n\r\nbody");
    /* What is not idempotent is not sent twice, */
    exchange = begin_exchange(client, "POST", script.url);
    ck_fails(green_http_client_response(exchange), ECONNRESET);
    green_http_client_close(exchange);
    ck_assert_uint_eq(stats_of(client).retried, 2);
    /* and nothing that a new connection has not answered. */
    exchange = begin_exchange(client, "GET", script.url);
    ck_fails(green_http_client_response(exchange), ECONNRESET);
    ck_has(green_http_client_reason(exchange), "without a response");
    green_http_client_close(exchange);
    ck_assert_uint_eq(stats_of(client).retried, 2);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A connection with bytes that nobody has asked for serves nobody. */
START_TEST(more_than_a_response)
{
    SCRIPT(script, {.text = HELLO "HTTP/1.1 500 No\r\n\r\n"}, {.text = HELLO},
           {.text = "HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nHTTP"},
           {.text = HELLO});
    struct green_http_client *client = new_client(NULL);

    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 200, "hello");
    ck_fetches(client, script.url, 204, "");
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_int_eq(script.connections, 3);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(idle_connections_end)
{
    struct green_http_client_options options = {
        .idle_timeout = on_sim() ? 0 : 20 * GREEN_MSEC};
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(&options);

    ck_fetches(client, script.url, 200, "hello");
    ck_assert_uint_eq(stats_of(client).idle, 1);
    while (stats_of(client).idle > 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(stats_of(client).connections, 0);
    ck_fetches(client, script.url, 200, "hello");
    ck_assert_int_eq(script.connections, 2);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* What is left of a short body is read, a long one is not. */
START_TEST(a_body_that_is_not_read)
{
    SCRIPT(script, {.text = HELLO},
           {.text = OK_HEAD "Content-Length: 100000\r\n\r\nhello"},
           {.text = OK_HEAD "Content-Length: 100\r\n\r\nhello"},
           {.text = HELLO});
    struct green_http_client *client = new_client(NULL);

    for (int i = 1; i <= 3; i++) {
        struct green_http_client_exchange *exchange =
            begin_exchange(client, "GET", script.url);

        ck_assert_int_eq(green_http_client_response(exchange), 200);
        green_http_client_close(exchange);
        ck_assert_uint_eq(stats_of(client).idle, i == 1);
    }
    ck_assert_int_eq(script.connections, 2);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* ---- The limits of the pool ---------------------------------------------------------------- */

struct fetches {
    struct green_http_client *client;
    const char *url;
    int done;
};

static void fetch_hello(void *arg)
{
    struct fetches *fetches = arg;

    ck_fetches(fetches->client, fetches->url, 200, "hello");
    fetches->done++;
}

START_TEST(many_at_once_to_one_origin)
{
    struct green_http_client_options options = {.max_per_origin = 3};
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(&options);
    struct fetches fetches = {client, script.url, 0};
    struct green_pool pool;

    ck_ok(green_pool_init(&pool, 20));
    for (int i = 0; i < 20; i++)
        ck_ok(green_pool_spawn_n(&pool, fetch_hello, &fetches));
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(fetches.done, 20);
    ck_assert_int_eq(script.connections, 3);
    ck_assert_uint_eq(stats_of(client).idle, 3);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* An idle connection makes way for one to another origin; and who waits for a place
 * gets it. */
START_TEST(many_origins)
{
    struct green_http_client_options options = {.max_connections = 2};
    struct green_http_client *client = new_client(&options);
    struct fetches fetches[3];
    struct green_pool pool;
    SCRIPT(one, {.text = HELLO});
    SCRIPT(two, {.text = HELLO});
    SCRIPT(three, {.text = HELLO});

    fetches[0] = (struct fetches){client, one.url, 0};
    fetches[1] = (struct fetches){client, two.url, 0};
    fetches[2] = (struct fetches){client, three.url, 0};
    ck_ok(green_pool_init(&pool, 30));
    for (int i = 0; i < 30; i++)
        ck_ok(green_pool_spawn_n(&pool, fetch_hello, &fetches[i % 3]));
    ck_ok(green_pool_wait(&pool));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(fetches[i].done, 10);
    ck_assert_uint_le(stats_of(client).connections, 2);
    end_client(client);
    script_stop(&one);
    script_stop(&two);
    script_stop(&three);
}
END_TEST

static void *fetch_cancelled(void *arg)
{
    struct fetches *fetches = arg;

    ck_fails_null(green_http_fetch(fetches->client, fetches->url, NULL),
                  ECANCELED);
    fetches->done++;
    return NULL;
}

/* A kill while one waits in line, for a response, and in the middle of a body. */
START_TEST(kills_at_each_place)
{
    static const char *const replies[] = {
        "", "HTTP/1.1 2", OK_HEAD "Content-Length: 5\r\n\r\nhe",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", OK_HEAD "\r\nhe"};
    struct green_http_client_options options = {.max_per_origin = 1};

    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        static struct script script;
        const struct act act = {.text = replies[i], .hangs = true};
        struct green_http_client *client = new_client(&options);
        struct fetches fetches = {client, NULL, 0};
        struct green_thread *first, *second;

        script_start(&script, &act, 1);
        fetches.url = script.url;
        first = green_spawn(fetch_cancelled, &fetches);
        second = green_spawn(fetch_cancelled, &fetches);
        while (script.next == 0 || stats_of(client).waiting == 0)
            ck_ok(green_sleep(GREEN_MSEC));
        ck_ok(green_kill(second));
        ck_ok(green_join(second, NULL));
        ck_assert_uint_eq(stats_of(client).waiting, 0);
        ck_ok(green_sleep(GREEN_MSEC));
        ck_ok(green_kill(first));
        ck_ok(green_join(first, NULL));
        ck_assert_int_eq(fetches.done, 2);
        ck_assert_uint_eq(stats_of(client).connections, 0);
        end_client(client);
        script_stop(&script);
    }
}
END_TEST

static struct green_stream *slow_layer(int fd, const char *host, void *arg)
{
    (void)fd, (void)host;
    ck_ok(green_event_send(arg, NULL));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    errno = ECANCELED;
    return NULL;
}

/* A place in the pool is lost neither by a kill in the middle of connecting, nor by one
 * that comes with a connection for who has waited. */
START_TEST(kills_beside_connections)
{
    struct green_event event = {0};
    struct green_stream_wrap slow = {.wrap = slow_layer, .arg = &event};
    struct green_http_client_options options = {.tls = &slow,
                                                .max_connections = 1};
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client = new_client(&options);
    struct green_http_client_exchange *exchange;
    struct fetches fetches = {client, NULL, 0};
    struct green_thread *thread;
    char url[80], bytes[10];

    snprintf(url, sizeof url, "https%.60s", script.url + 4);
    fetches.url = url;
    thread = green_spawn(fetch_cancelled, &fetches);
    ck_ok(green_event_wait(&event, NULL));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_uint_eq(stats_of(client).connections, 0);

    exchange = begin_exchange(client, "GET", script.url);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    fetches.url = script.url;
    thread = green_spawn(fetch_cancelled, &fetches);
    while (stats_of(client).waiting == 0)
        ck_ok(green_yield());
    ck_assert_int_eq(green_http_client_read(exchange, bytes, 10), 5);
    ck_ok(green_kill(thread)); /* it has the connection, and has not run */
    ck_assert_uint_eq(stats_of(client).waiting, 0);
    ck_ok(green_join(thread, NULL));
    green_http_client_close(exchange);
    ck_assert_int_eq(fetches.done, 2);
    ck_fetches(client, script.url, 200, "hello");
    end_client(client);
    script_stop(&script);
}
END_TEST

/* A timeout of the program's own, around everything. */
START_TEST(timeouts_of_the_program)
{
    SCRIPT(script,
           {.text = OK_HEAD "Content-Length: 5\r\n\r\nhe", .hangs = true});
    struct green_http_client *client = new_client(NULL);
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_fails_null(green_http_fetch(client, script.url, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_uint_eq(stats_of(client).connections, 0);
    end_client(client);
    script_stop(&script);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("http client");
    TCase *tests = add_tcase(suite, "exchanges");

    tcase_add_test(tests, a_request_and_its_response);
    tcase_add_test(tests, how_bodies_end);
    tcase_add_test(tests, head_and_trailers);
    tcase_add_test(tests, bodies_that_are_sent);
    tcase_add_test(tests, a_body_that_is_too_short);
    tcase_add_test(tests, what_open_and_add_refuse);
    tcase_add_test(tests, options_are_checked);
    tests = add_tcase(suite, "connections");
    tcase_add_test(tests, a_kept_connection_that_was_closed);
    tcase_add_test(tests, more_than_a_response);
    tcase_add_test(tests, idle_connections_end);
    tcase_add_test(tests, a_body_that_is_not_read);
    tcase_add_test(tests, many_at_once_to_one_origin);
    tcase_add_test(tests, many_origins);
    tcase_add_test(tests, kills_at_each_place);
    tcase_add_test(tests, kills_beside_connections);
    tcase_add_test(tests, timeouts_of_the_program);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
