/*
 * The rules of RFC 9110 and RFC 9112 that a server can break, a row each: what a
 * client sends, and the statuses that it then gets. Every row is sent at once, and
 * once more byte by byte, to a handler that reads the body.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http_support.h"

#define H "Host: a.test\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define OK_AFTER                                                               \
    GET H "\r\n" /* a second request: is the first one's end right? */
#define POST "POST / HTTP/1.1\r\n" H

static const struct row {
    const char *rule;    /* section */
    const char *request; /* up to the client's end of the stream */
    const char *statuses;
    const char *has; /* of the response, NULL: nothing else */
} rows[] = {
    /* ---- The request line ---- */
    {"9112-3", GET H "\r\n", "200", "GET /\n"},
    {"9112-2.2 empty lines before", "\r\n\r\n" GET H "\r\n", "200", NULL},
    {"9112-2.2 a lone LF before", "\n" GET H "\r\n", "400", NULL},
    {"9112-3 two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3 a tab", "GET\t/ HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3 two spaces before the version", "GET /  HTTP/1.1\r\n" H "\r\n",
     "400", NULL},
    {"9112-3 a space at the end", "GET / HTTP/1.1 \r\n" H "\r\n", "400", NULL},
    {"9112-3 a space in front", " GET / HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3 a space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", "400",
     NULL},
    {"9112-2.2 line ends are CR LF", "GET / HTTP/1.1\nHost: a.test\n\n", "400",
     NULL},
    {"9112-2.2 a bare CR", "GET / HTTP/1.1\rHost: a.test\r\r", "400", NULL},
    {"9112-2.2 CR in the target", "GET /a\rb HTTP/1.1\r\n" H "\r\n", "400",
     NULL},
    {"9112-2.2 no CR behind a field", GET "Host: a.test\n\r\n", "400", NULL},
    {"9112-2.2 no CR in the last line", GET H "\n", "400", NULL},
    {"9112-2.2 CR, and not LF, at the end", GET H "\r\rX", "400", NULL},
    {"9110-9.1 an unknown method", "FLY / HTTP/1.1\r\n" H "\r\n", "501", NULL},
    {"9110-9.1 case counts", "get / HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9110-9.1 no method", "(GET) / HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-2 not HTTP", "\x16\x03\x01\x02\n\r\n\r\n", "400", NULL},
    {"9112-2.3 HTTP/0.9", "GET /\r\n\r\n", "400", NULL},
    {"9110-2.5 another major version", "GET / HTTP/3.0\r\n" H "\r\n", "505",
     NULL},
    {"9110-2.5 HTTP/2 in this form", "GET / HTTP/2.0\r\n" H "\r\n", "505",
     NULL},
    {"9112-2.3 case of the name", "GET / http/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-2.3 digits of the version", "GET / HTTP/01.1\r\n" H "\r\n", "err",
     NULL},
    {"9112-2.3 another protocol", "GET / RTSP/1.0\r\n" H "\r\n", "400", NULL},
    {"9112-2.3 HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "200",
     "Connection: close\r\n"},
    /* ---- Targets ---- */
    {"9112-3.2.1", "GET /a/b?c=%20d HTTP/1.1\r\n" H "\r\n", "200",
     "GET /a/b?c=%20d\n"},
    {"9112-3.2.2", "GET http://b.test/x HTTP/1.1\r\n" H "\r\n", "200", NULL},
    {"9112-3.2.2 without a path", "GET http://b.test HTTP/1.1\r\n" H "\r\n",
     "200", NULL},
    {"9112-3.2.2 a bad host", "GET http://b@c/x HTTP/1.1\r\n" H "\r\n", "400",
     NULL},
    {"9112-3.2.2 no host", "GET http:///x HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3.2.2 Host is needed even so", "GET http://b.test/ HTTP/1.1\r\n\r\n",
     "400", NULL},
    {"9112-3.2.2 another scheme", "GET ftp://b.test/x HTTP/1.1\r\n" H "\r\n",
     "400", NULL},
    {"9112-3.2.3", "CONNECT b.test:443 HTTP/1.1\r\n" H "\r\n", "200", NULL},
    {"9112-3.2.3 no port", "CONNECT b.test HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3.2.3 a path", "CONNECT /x HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3.2.3 for CONNECT alone", "GET b.test:443 HTTP/1.1\r\n" H "\r\n",
     "400", NULL},
    {"9112-3.2.4", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "200", "OPTIONS *\n"},
    {"9112-3.2.4 for OPTIONS alone", "GET * HTTP/1.1\r\n" H "\r\n", "400",
     NULL},
    {"9112-3.2.4 more than *", "OPTIONS *x HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3.2 a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"9112-3.2 a control byte", "GET /a\x01 HTTP/1.1\r\n" H "\r\n", "400",
     NULL},
    {"9112-3.2 a byte above ASCII", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n",
     "400", NULL},
    {"9112-3.2 DEL", "GET /a\x7f HTTP/1.1\r\n" H "\r\n", "400", NULL},
    /* ---- Host ---- */
    {"9112-3.2 no Host", GET "\r\n", "400", NULL},
    {"9112-3.2 two", GET H H "\r\n", "400", NULL},
    {"9112-3.2 two that differ", GET H "host: b.test\r\n\r\n", "400", NULL},
    {"9112-3.2 an empty one", GET "Host:\r\n\r\n", "200", NULL},
    {"9112-3.2 not valid", GET "Host: a b\r\n\r\n", "400", NULL},
    {"9112-3.2 a list", GET "Host: a.test, b.test\r\n\r\n", "400", NULL},
    {"9112-3.2 a user", GET "Host: me@a.test\r\n\r\n", "400", NULL},
    {"9112-3.2 a path", GET "Host: a.test/x\r\n\r\n", "400", NULL},
    {"9112-3.2 a port", GET "Host: a.test:8080\r\n\r\n", "200", NULL},
    {"9112-3.2 no number", GET "Host: a.test:http\r\n\r\n", "400", NULL},
    {"9112-3.2 no port", GET "Host: a.test:65536\r\n\r\n", "400", NULL},
    {"9112-3.2 IPv6", GET "Host: [::1]:80\r\n\r\n", "200", NULL},
    {"9112-3.2 not IPv6", GET "Host: [::1\r\n\r\n", "400", NULL},
    {"9112-3.2 not IPv6 either", GET "Host: [x]\r\n\r\n", "400", NULL},
    {"9112-3.2 two of HTTP/1.0", "GET / HTTP/1.0\r\n" H H "\r\n", "400", NULL},
    /* ---- Fields ---- */
    {"9112-5.1 a space before the colon", GET "Host : a.test\r\n\r\n", "400",
     NULL},
    {"9112-5.1 a tab before it", GET H "A\t: b\r\n\r\n", "400", NULL},
    {"9112-5.1 no colon", GET H "A\r\n\r\n", "400", NULL},
    {"9112-5.1 no name", GET H ": b\r\n\r\n", "400", NULL},
    {"9112-2.2 a blank before the first", GET " " H "\r\n", "400", NULL},
    {"9112-5.2 folded", GET H "A: b\r\n c\r\n\r\n", "400", NULL},
    {"9112-5.2 folded by a tab", GET H "A: b\r\n\tc\r\n\r\n", "400", NULL},
    {"9112-5.2 folded, with nothing", GET H "A: b\r\n \r\n\r\n", "400", NULL},
    {"9112-5.2 folded, from nothing", GET H "A:\r\n b\r\n\r\n", "400", NULL},
    {"9110-5.5 NUL is below",
     GET H "A: b\x01"
           "c\r\n\r\n",
     "400", NULL},
    {"9110-5.5 CR in a value", GET H "A: b\rc\r\n\r\n", "400", NULL},
    {"9110-5.5 DEL in a value", GET H "A: b\x7f\r\n\r\n", "400", NULL},
    {"9110-5.5 bytes above ASCII", GET H "A: \xc3\xa4\r\n\r\n", "200", NULL},
    {"9110-5.5 blanks around", GET "Host:\t a.test \t \r\n\r\n", "200", NULL},
    {"9110-5.6.2 no token", GET H "A(b): c\r\n\r\n", "400", NULL},
    {"9110-5.6.2 bytes above ASCII", GET H "\xc3\xa4: c\r\n\r\n", "400", NULL},
    {"9110-5.6.2 all of a token", GET H "!#$%&'*+-.^_`|~09azAZ: c\r\n\r\n",
     "200", NULL},
    /* ---- Lengths ---- */
    {"9112-6", POST "Content-Length: 3\r\n\r\nabc" OK_AFTER, "200 200",
     "POST /\nabc"},
    {"9112-6 none is 0", POST "\r\n" OK_AFTER, "200 200", NULL},
    {"9112-6 of GET, too", GET H "Content-Length: 3\r\n\r\nabc" OK_AFTER,
     "200 200", "GET /\nabc"},
    {"9112-6.3 too short", POST "Content-Length: 5\r\n\r\nabc", "400", NULL},
    {"9112-6.3 two", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
     "400", NULL},
    {"9112-6.3 two that differ",
     POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", NULL},
    {"9112-6.3 a list", POST "Content-Length: 3, 3\r\n\r\nabc", "400", NULL},
    {"9110-8.6 a sign", POST "Content-Length: +3\r\n\r\nabc", "400", NULL},
    {"9110-8.6 another", POST "Content-Length: -3\r\n\r\nabc", "400", NULL},
    {"9110-8.6 hexadecimal", POST "Content-Length: 0x3\r\n\r\nabc", "400",
     NULL},
    {"9110-8.6 a space within", POST "Content-Length: 1 0\r\n\r\nabc", "400",
     NULL},
    {"9110-8.6 empty", POST "Content-Length:\r\n\r\n", "400", NULL},
    {"9110-8.6 no number", POST "Content-Length: x\r\n\r\n", "400", NULL},
    {"9110-8.6 beyond 64 bits",
     POST "Content-Length: 18446744073709551617\r\n\r\na", "err", NULL},
    {"9110-8.6 beyond 63 bits",
     POST "Content-Length: 9223372036854775808\r\n\r\n", "err", NULL},
    {"9110-8.6 zeros in front", POST "Content-Length: 003\r\n\r\nabc" OK_AFTER,
     "200 200", NULL},
    /* ---- Chunks ---- */
    {"9112-7.1",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" OK_AFTER,
     "200 200", "POST /\nabc"},
    {"9112-7.1 hexadecimal",
     POST "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n"
          "a\r\n0123456789\r\n0\r\n\r\n" OK_AFTER,
     "200 200", "01234567890123456789"},
    {"9112-7 case", POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n" OK_AFTER,
     "200 200", NULL},
    {"9112-7.1.1 an extension",
     POST "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n" OK_AFTER,
     "200 200", NULL},
    {"9112-7.1.2 a trailer",
     POST
     "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n" OK_AFTER,
     "200 200", NULL},
    {"9112-7.1.2 a length in it",
     POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
          "Content-Length: 50\r\n\r\n" OK_AFTER,
     "200 200", NULL},
    {"9112-7.1 no size", POST "Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n",
     "400", NULL},
    {"9112-7.1 a bad size",
     POST "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 a prefix",
     POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 a sign",
     POST "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 another",
     POST "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 a space before the size",
     POST "Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 a space behind it",
     POST "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 beyond 64 bits",
     POST "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n",
     "400", NULL},
    {"9112-7.1 no CR LF behind the data",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n", "400", NULL},
    {"9112-7.1 more data than said",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 LF behind the size",
     POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400", NULL},
    {"9112-7.1 LF behind the data",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", "400", NULL},
    {"9112-7.1 LF in an extension",
     POST "Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 CR in an extension",
     POST "Transfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-7.1 LF at the end",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\n\n", "400", NULL},
    {"9112-8 no last chunk",
     POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "400", NULL},
    {"9112-8 half of a chunk", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nab",
     "400", NULL},
    /* ---- Codings ---- */
    {"9112-6.1 both lengths",
     POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 both, in the other order",
     POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 both, 0",
     POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 in HTTP/1.0",
     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
     NULL},
    {"9112-6.1 an unknown coding", POST "Transfer-Encoding: gzip\r\n\r\nabc",
     "501", NULL},
    {"9112-6.1 identity", POST "Transfer-Encoding: identity\r\n\r\n", "501",
     NULL},
    {"9112-6.1 nothing", POST "Transfer-Encoding:\r\n\r\n", "501", NULL},
    {"9112-6.3 chunked is not the last",
     POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400", NULL},
    {"9112-6.1 chunked twice",
     POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400", NULL},
    {"9112-6.1 in two fields",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 in two fields that differ",
     POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 nearly chunked",
     POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", NULL},
    {"9112-6.1 chunked, with more",
     POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "err", NULL},
    {"9112-6.1 behind a vertical tab",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"9112-6.1 a blank in the name",
     POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", NULL},
    /* ---- Connections ---- */
    {"9112-9.3 it goes on", OK_AFTER OK_AFTER OK_AFTER, "200 200 200", NULL},
    {"9112-9.6 close", GET H "Connection: close\r\n\r\n" OK_AFTER, "200",
     "Connection: close\r\n"},
    {"9112-9.6 in a list", GET H "Connection: x, Close\r\n\r\n" OK_AFTER, "200",
     NULL},
    {"9112-9.6 in the second field",
     GET H "Connection: x\r\nConnection: close\r\n\r\n" OK_AFTER, "200", NULL},
    {"9112-9.3 HTTP/1.0 goes on if asked to",
     "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" OK_AFTER, "200 200",
     "Connection: keep-alive\r\n"},
    {"9112-9.3 an error ends it", GET "\r\n" OK_AFTER, "400",
     "Connection: close\r\n"},
    /* ---- Expectations ---- */
    {"9110-10.1.1", POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
     "200", NULL},
    {"9110-10.1.1 not of HTTP/1.0",
     "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
     "200", NULL},
    {"9110-10.1.1 an unknown one", GET H "Expect: x\r\n\r\n", "417", NULL},
    /* ---- Methods ---- */
    {"9110-9.3.2 HEAD", "HEAD / HTTP/1.1\r\n" H "\r\n" OK_AFTER, "200 200",
     "Content-Length: 7\r\n"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static char *ask(const char *request, bool in_bytes)
{
    struct http_pair pair;
    char *all;

    if (!in_bytes)
        return http_ask(http_echo, NULL, request);
    http_open(&pair, http_echo, NULL);
    for (; *request; request++) {
        /* The server may have refused it already. */
        if (green_write(pair.client, request, 1) < 0)
            break;
        ck_ok(green_yield());
        ck_ok(green_yield());
    }
    green_shutdown(pair.client, SHUT_WR);
    all = http_read_all(&pair);
    http_close(&pair);
    return all;
}

static void check(const struct row *row, const char *all)
{
    const char *statuses = http_statuses(all);

    if (strcmp(row->statuses, "err") == 0)
        ck_assert_msg(statuses[0] >= '4' && strlen(statuses) == 3, "%s: %s\n%s",
                      row->rule, statuses, all);
    else
        ck_assert_msg(strcmp(statuses, row->statuses) == 0,
                      "%s: %s, not %s\n%s\n->\n%s", row->rule, statuses,
                      row->statuses, row->request, all);
    if (row->has)
        ck_has(all, row->has);
    if (statuses[0] != '2') {
        ck_has(all, "Connection: close\r\n");
        ck_has(all, "\r\nDate: ");
    }
}

START_TEST(a_row)
{
    const struct row *row = &rows[_i];

    check(row, ask(row->request, false));
    check(row, ask(row->request, true));
}
END_TEST

/* Each byte in a value, in a name, in a target, in a method: what RFC 9110 allows
 * there, and nothing else. */
static const char *statuses_of(const char *format, int byte, size_t *size)
{
    static char request[128];
    struct http_pair pair;
    const char *found;
    char *at;

    *size = (size_t)snprintf(request, sizeof request, format, 1);
    at = memchr(request, 1, *size);
    *at = (char)byte;
    http_open(&pair, http_echo, NULL);
    ck_ok(green_write_all(pair.client, request, *size));
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    found = http_statuses(http_read_all(&pair));
    http_close(&pair);
    return found;
}

static bool is_token(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') ||
           (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

START_TEST(each_byte)
{
    size_t size;
    int byte = _i;
    bool visible = byte > ' ' && byte < 0x7f && byte != '#';
    bool ok = byte >= ' ' ? byte != 0x7f : byte == '\t';

    ck_assert_str_eq(statuses_of("GET / HTTP/1.1\r\nHost: a\r\nA: b%cc\r\n\r\n",
                                 byte, &size),
                     ok ? "200" : "400");
    /* A colon ends the name. */
    ok = is_token(byte) || byte == ':';
    ck_assert_str_eq(statuses_of("GET / HTTP/1.1\r\nHost: a\r\nA%cb: c\r\n\r\n",
                                 byte, &size),
                     ok ? "200" : "400");
    ck_assert_str_eq(
        statuses_of("GET /a%cb HTTP/1.1\r\nHost: a\r\n\r\n", byte, &size),
        visible ? "200" : "400");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http table");
    TCase *table = add_tcase(suite, "table");
    TCase *bytes = add_tcase(suite, "bytes");

    tcase_add_loop_test(table, a_row, 0, (int)ROWS);
    tcase_add_loop_test(bytes, each_byte, 0, 256);
    return run_suite(suite);
}
