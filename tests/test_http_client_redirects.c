/* Where the HTTP client goes, and what it takes there: redirects, cookies, proxies. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_client_support.h"

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

/* ---- Redirects --------------------------------------------------------------------- */

static const char *redirect(int status, const char *location)
{
    static char texts[8][512];
    static unsigned next;
    char *text = texts[next++ % 8];

    snprintf(
        text, sizeof texts[0],
        "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 3\r\n\r\nold",
        status, location);
    return text;
}

static const struct {
    const char *base, *location, *path; /* path NULL: it is not followed */
} references[] = {
    {"/a/b?c", "/d", "/d"},
    {"/a/b?c", "d", "/a/d"},
    {"/a/b?c", "?d", "/a/b?d"},
    {"/a/b?c", "#d", "/a/b?c"},
    {"/a/b", "../d", "/d"},
    {"/a/b", "../../../d", "/d"},
    {"/a/b/c", "./d/./e", "/a/b/d/e"},
    {"/a/b/c", "..", "/a/"},
    {"/a/b/c", ".", "/a/b/"},
    {"/", "a b", "/a%20b"},
    {"/", "\xc3\xa4", "/%C3%A4"},
    {"/a", "/d/../e?f/../g", "/e?f/../g"},
    {"", "d", "/d"},
    {"/a", "ftp://x/", NULL},
    {"/a", "http:///", NULL},
    {"/a", "https://x/", NULL},
    {"/a/b", "mailto:x", NULL},
    {"/a", "http://[", NULL},
};

START_TEST(references_are_resolved)
{
    struct green_http_client *client = new_client(NULL);
    struct act acts[] = {{.text = redirect(302, references[_i].location)},
                         {.text = HELLO}};
    static struct script script;
    struct green_http_client_exchange *exchange;

    script_start(&script, acts, 2);
    exchange =
        begin_exchange(client, "GET", url_of(&script, references[_i].base));
    if (references[_i].path) {
        char line[100];

        ck_assert_int_eq(green_http_client_response(exchange), 200);
        ck_assert_str_eq(green_http_client_url(exchange),
                         url_of(&script, references[_i].path));
        snprintf(line, sizeof line, "\r\n\r\nGET %s HTTP/1.1\r\n",
                 references[_i].path);
        ck_has(script.requests, line);
        ck_assert_int_eq(script.connections, 1);
    } else {
        ck_assert_int_eq(green_http_client_response(exchange), 302);
        ck_assert_int_eq(green_http_client_length(exchange), 3);
    }
    green_http_client_close(exchange);
    end_client(client);
    script_stop(&script);
}
END_TEST

static const struct {
    int status;
    const char *method, *next; /* next NULL: it is not followed */
    bool body, streamed, keeps;
} methods[] = {
    {301, "GET", "GET", .body = false},
    {301, "POST", "GET", .body = true},
    {302, "POST", "GET", .body = true},
    {302, "POST", "GET", .streamed = true},
    {302, "PUT", "PUT", .body = true, .keeps = true},
    {303, "PUT", "GET", .body = true},
    {303, "POST", "GET", .streamed = true},
    {303, "HEAD", "HEAD", .body = false},
    {307, "POST", "POST", .body = true, .keeps = true},
    {308, "PUT", "PUT", .body = true, .keeps = true},
    {307, "POST", NULL, .streamed = true},
    {307, "GET", "GET", .body = false},
    {300, "GET", NULL, .body = false},
    {304, "GET", NULL, .body = false},
    {305, "GET", NULL, .body = false},
};

START_TEST(methods_change)
{
    struct green_http_client *client = new_client(NULL);
    struct act acts[] = {{.text = redirect(methods[_i].status, "/next")},
                         {.text = OK_HEAD "Content-Length: 0\r\n\r\n"}};
    static struct script script;
    struct green_http_client_exchange *exchange;
    char line[100];
    const char *second;

    if (methods[_i].status == 304 || strcmp(methods[_i].method, "HEAD") == 0)
        acts[0].text = "HTTP/1.1 303 No\r\nLocation: /next\r\n\r\n";
    if (methods[_i].status == 304)
        acts[0].text = "HTTP/1.1 304 No\r\nLocation: /next\r\n\r\n";
    script_start(&script, acts, 2);
    exchange = begin_exchange(client, methods[_i].method, script.url);
    ck_ok(green_http_client_add(exchange, "Content-Type", "text/x"));
    ck_ok(green_http_client_add(exchange, "Keep", "me"));
    if (methods[_i].body)
        ck_ok(green_http_client_body(exchange, "body", 4));
    if (methods[_i].streamed)
        ck_ok(green_http_client_write(exchange, "body", 4));
    ck_assert_int_eq(green_http_client_response(exchange),
                     methods[_i].next ? 200 : methods[_i].status);
    second = strstr(script.requests, "/next");
    ck_assert(!second == !methods[_i].next);
    if (methods[_i].next) {
        snprintf(line, sizeof line, "%s /next HTTP/1.1\r\n", methods[_i].next);
        ck_has(script.requests, line);
        ck_has(second, "Keep: me\r\n");
        ck_assert_int_eq(strstr(second, "\r\n\r\nbody") != NULL,
                         methods[_i].keeps);
        if (methods[_i].body || methods[_i].streamed)
            ck_assert_int_eq(strstr(second, "Content-Type") != NULL,
                             methods[_i].keeps);
    }
    green_http_client_close(exchange);
    end_client(client);
    script_stop(&script);
}
END_TEST

START_TEST(credentials_stay_with_their_origin)
{
    static struct script first;
    SCRIPT(second, {.text = HELLO});
    const struct act acts[] = {{.text = redirect(302, "/same")},
                               {.text = redirect(302, second.url)}};
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    char url[128];

    script_start(&first, acts, 2);
    snprintf(url, sizeof url, "http://user:p%%40ss@%.60s", first.url + 7);
    for (int i = 0; i < 2; i++) {
        first.next = first.size = second.size = 0;
        exchange = begin_exchange(client, "GET", i ? url : first.url);
        if (i == 0)
            ck_ok(green_http_client_add(exchange, "Authorization", "secret"));
        ck_ok(green_http_client_add(exchange, "Cookie", "secret"));
        ck_ok(green_http_client_add(exchange, "X-Other", "open"));
        ck_assert_int_eq(green_http_client_response(exchange), 200);
        ck_assert(!strchr(green_http_client_url(exchange), '@'));
        green_http_client_close(exchange);
        first.requests[first.size] = second.requests[second.size] = '\0';
        ck_has(strstr(first.requests, "/same"),
               i ? "Authorization: Basic dXNlcjpwQHNz\r\n"
                 : "Authorization: secret\r\n");
        ck_has(strstr(first.requests, "/same"), "Cookie: secret\r\n");
        ck_has_not(second.requests, "secret");
        ck_has_not(second.requests, "Authorization");
        ck_has(second.requests, "X-Other: open\r\n");
    }
    end_client(client);
    script_stop(&first);
    script_stop(&second);
}
END_TEST

START_TEST(redirects_have_a_bound)
{
    struct green_http_client_options none = {.no_redirects = true};
    struct green_http_client *client = new_client(NULL);
    struct green_http_client_exchange *exchange;
    const struct act act = {.text = redirect(302, "/again")};
    static struct script script;

    script_start(&script, &act, 1);
    ck_fails_null(green_http_fetch(client, script.url, NULL), ELOOP);
    ck_assert_uint_eq(script.next, 11);
    ck_assert_uint_eq(stats_of(client).redirected, 10);
    end_client(client);
    client = new_client(&none);
    exchange = begin_exchange(client, "GET", script.url);
    ck_assert_int_eq(green_http_client_response(exchange), 302);
    green_http_client_close(exchange);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* ---- Cookies -------------------------------------------------------------------------- */

/* What a server at a.test sets, and what is then sent to whom. */
static const struct {
    const char *set, *url, *sent; /* sent NULL: nothing */
} cookies[] = {
    {"a=b", "http://a.test/", "a=b"},
    {"a=b", "http://b.test/", NULL},
    {"a=b", "http://x.a.test/", NULL},
    {"a=b; Domain=a.test", "http://x.a.test/", "a=b"},
    {"a=b; domain=.a.test", "http://x.a.test/", "a=b"},
    {"a=b; Domain=a.test", "http://xa.test/", NULL},
    {"a=b; Domain=test", "http://a.test/", NULL},
    {"a=b; Domain=b.test", "http://b.test/", NULL},
    {"a=b; Domain=x.a.test", "http://x.a.test/", NULL},
    {"a=b", "http://a.test/x", NULL}, /* it was set in /dir/ */
    {"a=b", "http://a.test/dir", "a=b"},
    {"a=b", "http://a.test/dirx", NULL},
    {"a=b; Path=/", "http://a.test/x", "a=b"},
    {"a=b; Path=/x", "http://a.test/x/y", "a=b"},
    {"a=b; Path=/x", "http://a.test/xy", NULL},
    {"a=b; Secure; Path=/", "http://a.test/", NULL},
    {"a=b; Max-Age=0; Path=/", "http://a.test/", NULL},
    {"a=b; Max-Age=-1; Path=/", "http://a.test/", NULL},
    {"a=b; Max-Age=100; Path=/", "http://a.test/", "a=b"},
    {"a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/", "http://a.test/",
     NULL},
    {"a=b; Expires=Sun, 06-Nov-1994 08:49:37 GMT; Path=/", "http://a.test/",
     NULL},
    {"a=b; expires=Sun, 06 Nov 2094 08:49:37 GMT; Path=/", "http://a.test/",
     "a=b"},
    {"a=b; Max-Age=100; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/",
     "http://a.test/", "a=b"},
    {"  a = b c ;Path=/", "http://a.test/", "a=b c"},
    {"a=; Path=/", "http://a.test/", "a="},
    {"=b; Path=/", "http://a.test/", NULL},
    {"a; Path=/", "http://a.test/", NULL},
    {"a=b=c; Path=/", "http://a.test/", "a=b=c"},
};

START_TEST(a_cookie)
{
    char text[300];
    static struct script script;
    struct act acts[] = {{.text = text}, {.text = HELLO}};
    struct green_http_client_options options = {.cookies = true};
    struct green_http_client *client;
    bool in_folder = !strstr(cookies[_i].set, "Path=") &&
                     strstr(cookies[_i].url, ".test/") &&
                     !strstr(cookies[_i].url + 7, "/x") &&
                     !strstr(cookies[_i].url + 7, "/dir");
    char line[100];

    snprintf(text, sizeof text,
             OK_HEAD "Set-Cookie: %s\r\nContent-Length: 0\r\n\r\n",
             cookies[_i].set);
    script_start(&script, acts, 2);
    options.address = script.address;
    client = new_client(&options);
    ck_fetches(client,
               in_folder ? "http://a.test/" : "http://a.test/dir/file?a=/b",
               200, "");
    script.size = 0;
    ck_fetches(client, cookies[_i].url, 200, "hello");
    script.requests[script.size] = '\0';
    snprintf(line, sizeof line, "\r\nCookie: %s\r\n",
             cookies[_i].sent ? cookies[_i].sent : "");
    if (cookies[_i].sent)
        ck_has(script.requests, line);
    else
        ck_has_not(script.requests, "Cookie");
    end_client(client);
    script_stop(&script);
}
END_TEST

/* Several, one of which is set anew. */
START_TEST(several_cookies)
{
    SCRIPT(script,
           {.text = OK_HEAD "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                            "Content-Length: 0\r\n\r\n"},
           {.text = OK_HEAD "Set-Cookie: a=3\r\nContent-Length: 0\r\n\r\n"},
           {.text = HELLO});
    struct green_http_client_options options = {.cookies = true};
    struct green_http_client *client;

    options.address = script.address;
    client = new_client(&options);
    ck_fetches(client, "http://a.test/", 200, "");
    ck_fetches(client, "http://a.test/", 200, "");
    ck_fetches(client, "http://a.test/", 200, "hello");
    ck_has(script.requests, "\r\nCookie: a=1; b=2\r\n");
    ck_has(script.requests, "\r\nCookie: b=2; a=3\r\n");
    end_client(client);
    script_stop(&script);
}
END_TEST

static struct green_stream *no_layer(int fd, const char *host, void *arg)
{
    struct green_stream *stream = arg;

    ck_assert(strcmp(host, "a.test") == 0 || strcmp(host, "::1") == 0);
    ck_ok(green_stream_init(stream, fd));
    return stream;
}

/* What was set in secret stays secret. */
START_TEST(a_secure_cookie)
{
    SCRIPT(script,
           {.text = OK_HEAD "Set-Cookie: a=b; Secure\r\n"
                            "Content-Length: 0\r\n\r\n"},
           {.text = HELLO});
    struct green_stream stream;
    struct green_stream_wrap wrap = {.wrap = no_layer, .arg = &stream};
    struct green_http_client_options options = {
        .cookies = true, .tls = &wrap, .address = script.address};
    struct green_http_client *client = new_client(&options);

    ck_fetches(client, "https://a.test/", 200, "");
    ck_fetches(client, "http://a.test/", 200, "hello");
    ck_has_not(script.requests, "Cookie");
    ck_fetches(client, "https://a.test/", 200, "hello");
    ck_has(script.requests, "\r\nCookie: a=b\r\n");
    end_client(client);
    script_stop(&script);
}
END_TEST

/* ---- Addresses and proxies ---------------------------------------------------------------- */

START_TEST(a_unix_socket)
{
    char address[64];
    struct green_http_client_options options = {.address = address};
    struct green_http_client_exchange *exchange;
    struct green_http_client *client;
    struct http_pair pair;
    int listener;

    snprintf(address, sizeof address, "unix://@greenhub-test-%d", getpid());
    listener = green_listen(address, NULL);
    ck_assert_int_ge(listener, 0);
    client = new_client(&options);
    exchange = begin_exchange(client, "GET", "http://some.host/a");
    ck_ok(green_http_client_flush(exchange));
    pair.client = green_accept(listener, NULL, NULL);
    http_send(&pair, HELLO);
    ck_assert_int_eq(green_http_client_response(exchange), 200);
    ck_has(http_read_until(&pair, "\r\n\r\n"),
           "GET /a HTTP/1.1\r\nHost: some.host\r\n");
    green_http_client_close(exchange);
    ck_ok(green_close(pair.client));
    ck_ok(green_close(listener));
    ck_ok(green_http_client_destroy(client));
}
END_TEST

static const struct {
    const char *proxy, *except, *url;
    bool is_used;
} proxies[] = {
    {"http_proxy", NULL, "http://a.test/", true},
    {"all_proxy", NULL, "http://a.test/", true},
    {"ALL_PROXY", NULL, "http://a.test/", true},
    {"http_proxy", "", "http://a.test/", true},
    {"http_proxy", "b.test, .c.test", "http://a.test/", true},
    {"http_proxy", "test", "http://a.test/", false},
    {"http_proxy", "b.test,a.test", "http://a.test/", false},
    {"http_proxy", ".test", "http://a.test/", false},
    {"http_proxy", "*", "http://a.test/", false},
    {"http_proxy", "a.test:80", "http://a.test/", false},
    {"http_proxy", "a.test:81", "http://a.test/", true},
    {"http_proxy", "127.0.0.0/8", "http://127.0.0.9/", false},
    {"http_proxy", "127.0.0.0/9", "http://127.128.0.9/", true},
    {"http_proxy", "127.0.0.9", "http://127.0.0.9/", false},
    {"http_proxy", "::1", "http://127.0.0.9/", true},
    {"http_proxy", "est", "http://a.test/", true},
    {"https_proxy", NULL, "http://a.test/", false},
    {"HTTP_PROXY", NULL, "http://a.test/", false}, /* a CGI client says it */
};

START_TEST(proxies_of_the_environment)
{
    SCRIPT(script, {.text = HELLO});
    struct green_http_client *client;
    struct green_http_fetch_options options = {.timeout = 10 * GREEN_SEC};
    struct green_http_fetched *fetched;
    char proxy[100], line[100];

    snprintf(proxy, sizeof proxy, "http://u:p@%.60s/", script.url + 7);
    setenv(proxies[_i].proxy, proxy, 1);
    if (proxies[_i].except)
        setenv("no_proxy", proxies[_i].except, 1);
    client = green_http_client_create(NULL);
    ck_assert_ptr_nonnull(client);
    unsetenv(proxies[_i].proxy);
    fetched = green_http_fetch(client, proxies[_i].url, &options);
    if (proxies[_i].is_used) {
        ck_assert_ptr_nonnull(fetched);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", proxies[_i].url);
        ck_has(script.requests, line);
        ck_has(script.requests, "Proxy-Authorization: Basic dTpw\r\n");
    }
    ck_assert_int_eq(script.connections, proxies[_i].is_used);
    green_http_fetched_free(fetched);
    end_client(client);
    script_stop(&script);
}
END_TEST

/* CONNECT, and what a proxy may say of it. */
START_TEST(tunnels)
{
    static const struct {
        const char *answer;
        int error;
    } answers[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 0},
        {"HTTP/1.0 299 Fine\r\nContent-Length: 5\r\n\r\n", 0},
        {"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n", EPROTO},
        {"HTTP/1.1 200 OK\r\n\r\ntoo much", EPROTO},
        {"nonsense\r\n\r\n", EPROTO},
        {NULL, ECONNRESET},
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct act acts[] = {{.text = answers[i].answer},
                                   {.text = HELLO}};
        static struct script script;
        struct green_stream stream;
        struct green_stream_wrap wrap = {.wrap = no_layer, .arg = &stream};
        struct green_http_client_options options = {.tls = &wrap,
                                                    .proxy = script.url};
        struct green_http_client *client;

        script_start(&script, acts, 2);
        client = new_client(&options);
        if (answers[i].error == 0)
            ck_fetches(client, "https://a.test/", 200, "hello");
        else
            ck_fails_null(green_http_fetch(client, "https://a.test/", NULL),
                          answers[i].error);
        ck_has(script.requests,
               "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
        if (answers[i].error == 0) {
            ck_has(script.requests, "GET / HTTP/1.1\r\nHost: a.test\r\n");
            script.next = 0;
            ck_fetches(client, "https://[::1]:8443/", 200, "hello");
            ck_has(script.requests, "CONNECT [::1]:8443 HTTP/1.1\r\n"
                                    "Host: [::1]:8443\r\n\r\n");
        }
        end_client(client);
        script_stop(&script);
    }
}
END_TEST

/* From https to http only what nobody minds. */
START_TEST(no_way_down_with_secrets)
{
    SCRIPT(open, {.text = HELLO});
    const struct act acts[] = {{.text = redirect(307, open.url)}};
    static struct script script;
    struct green_stream stream;
    struct green_stream_wrap wrap = {.wrap = no_layer, .arg = &stream};
    struct green_http_client_options options = {.tls = &wrap};

    script_start(&script, acts, 1);
    options.address = script.address;
    for (int i = 0; i < 4; i++) {
        struct green_http_client *client = new_client(&options);
        struct green_http_client_exchange *exchange = begin_exchange(
            client, "PUT", i == 3 ? "https://u:p@a.test/" : "https://a.test/");

        if (i == 1)
            ck_ok(green_http_client_add(exchange, "Authorization", "x"));
        if (i == 2)
            ck_ok(green_http_client_body(exchange, "body", 4));
        script.next = 0;
        /* All go to `address`: what is followed arrives there once more. */
        if (i == 0)
            ck_fails(green_http_client_response(exchange), ELOOP);
        else
            ck_assert_int_eq(green_http_client_response(exchange), 307);
        green_http_client_close(exchange);
        end_client(client);
    }
    script_stop(&open);
    script_stop(&script);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http client redirects");
    TCase *tests = add_tcase(suite, "redirects");

    tcase_add_loop_test(tests, references_are_resolved, 0, COUNT(references));
    tcase_add_loop_test(tests, methods_change, 0, COUNT(methods));
    tcase_add_test(tests, credentials_stay_with_their_origin);
    tcase_add_test(tests, redirects_have_a_bound);
    tcase_add_test(tests, no_way_down_with_secrets);
    tests = add_tcase(suite, "cookies");
    tcase_add_loop_test(tests, a_cookie, 0, COUNT(cookies));
    tcase_add_test(tests, several_cookies);
    tcase_add_test(tests, a_secure_cookie);
    tests = add_tcase(suite, "addresses");
    tcase_add_test(tests, a_unix_socket);
    tcase_add_loop_test(tests, proxies_of_the_environment, 0, COUNT(proxies));
    tcase_add_test(tests, tunnels);
    return run_suite(suite);
}
