/* What a peer may send, and what it may not: each row at once, and byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "websocket_support.h"

struct row {
    const char *what;
    const char *sent;
    const char *answer;
    int error; /* of the handler */
};

#define X125 "82[125]"

/* RFC 6455, 5.2: lengths, and the smallest form of each. */
static const struct row framing[] = {
    {"an empty text", "81()", "81()", 0},
    {"text", "81(hello)", "81(hello)", 0},
    {"125 bytes", X125, X125, 0},
    {"126 bytes", "82[126]", "82[126]", 0},
    {"127 bytes", "82[127]", "82[127]", 0},
    {"65535 bytes", "82[65535]", "82[65535]", 0},
    {"65536 bytes", "82[65536]", "82[65536]", 0},
    {"several messages", "81(a) 82(b) 81(c)", "81(a) 82(b) 81(c)", 0},
    {"binary with all bytes", "82<0001ff>", "82<0001ff>", 0},
    {"125 in two bytes", "=82fe007d00000000", "close(1002)", EPROTO},
    {"65535 in eight", "=82ff000000000000ffff00000000", "close(1002)", EPROTO},
    {"0 in eight", "=82ff000000000000000000000000", "close(1002)", EPROTO},
    {"2^63 bytes", "=82ff800000000000000000000000", "close(1002)", EPROTO},
    {"no mask", "u81(hello)", "close(1002)", EPROTO},
    {"no mask in a ping", "u89()", "close(1002)", EPROTO},
    {"no mask in the second frame", "81(a) u81(hello)", "81(a) close(1002)",
     EPROTO},
};

/* 5.2: bits and opcodes without a meaning. */
static const struct row bits[] = {
    {"RSV1 without an extension", "c1(a)", "close(1002)", EPROTO},
    {"RSV2", "a1(a)", "close(1002)", EPROTO},
    {"RSV3", "91(a)", "close(1002)", EPROTO},
    {"all three", "f1(a)", "close(1002)", EPROTO},
    {"RSV3 behind a message", "81(a) 91(b)", "81(a) close(1002)", EPROTO},
    {"RSV1 in a ping", "c9(a)", "close(1002)", EPROTO},
    {"RSV2 in a Close frame", "a8()", "close(1002)", EPROTO},
    {"opcode 3", "83(a)", "close(1002)", EPROTO},
    {"opcode 4", "84()", "close(1002)", EPROTO},
    {"opcode 7", "87(a)", "close(1002)", EPROTO},
    {"opcode 11", "8b()", "close(1002)", EPROTO},
    {"opcode 12", "8c(a)", "close(1002)", EPROTO},
    {"opcode 15", "8f(a)", "close(1002)", EPROTO},
    {"opcode 3 in a message", "01(a) 83(b)", "close(1002)", EPROTO},
};

/* 5.5.2 and 5.5.3. */
static const struct row pings[] = {
    {"a ping", "89()", "8a()", 0},
    {"a ping that says something", "89(hi)", "8a(hi)", 0},
    {"a binary ping", "89<00fffe>", "8a<00fffe>", 0},
    {"125 bytes", "89[125]", "8a[125]", 0},
    {"126 bytes", "=89fe007e00000000", "close(1002)", EPROTO},
    {"ten", "89(0) 89(1) 89(2) 89(3) 89(4) 89(5) 89(6) 89(7) 89(8) 89(9)",
     "8a(0) 8a(1) 8a(2) 8a(3) 8a(4) 8a(5) 8a(6) 8a(7) 8a(8) 8a(9)", 0},
    {"a pong that nobody asked for", "8a(x) 81(a)", "81(a)", 0},
    {"such a pong, and a ping", "8a(x) 89(y)", "8a(y)", 0},
    {"a ping before a message", "89(p) 81(a)", "8a(p) 81(a)", 0},
};

/* 5.4. */
static const struct row fragments[] = {
    {"two", "01(a) 80(b)", "81(ab)", 0},
    {"three", "02(a) 00(b) 80(c)", "82(abc)", 0},
    {"empty ones", "01() 00() 80()", "81()", 0},
    {"the last is empty", "01(a) 80()", "81(a)", 0},
    {"the first is empty", "01() 00(a) 80()", "81(a)", 0},
    {"a ping between", "01(a) 89(p) 80(b)", "8a(p) 81(ab)", 0},
    {"pings between", "01(a) 89(p) 00(b) 89(q) 80(c)", "8a(p) 8a(q) 81(abc)",
     0},
    {"a pong between", "01(a) 8a(p) 80(b)", "81(ab)", 0},
    {"large ones", "02[60000] 80[60000]", "82[120000]", 0},
    {"a ping in two", "09(a) 80(b)", "close(1002)", EPROTO},
    {"a Close frame in two", "08(a)", "close(1002)", EPROTO},
    {"nothing to continue", "80(a)", "close(1002)", EPROTO},
    {"nothing to continue, not the last", "00(a) 80(b)", "close(1002)", EPROTO},
    {"nothing more to continue", "01(a) 80(b) 80(c)", "81(ab) close(1002)",
     EPROTO},
    {"text in a text", "01(a) 81(b)", "close(1002)", EPROTO},
    {"binary in a text", "01(a) 02(b) 80(c)", "close(1002)", EPROTO},
};

/* 5.6 and 8.1; RFC 3629. */
static const struct row utf8[] = {
    {"two bytes", "81<c2a2>", "81<c2a2>", 0},
    {"three", "81<e282ac>", "81<e282ac>", 0},
    {"four", "81<f09f9880>", "81<f09f9880>", 0},
    {"Greek", "81<cebae1bdb9cf83cebcceb5>", "81<cebae1bdb9cf83cebcceb5>", 0},
    {"the first of each length", "81<00c280e0a080f0908080>",
     "81<00c280e0a080f0908080>", 0},
    {"the last of each length", "81<7fdfbfefbfbff48fbfbf>",
     "81<7fdfbfefbfbff48fbfbf>", 0},
    {"around the surrogates", "81<ed9fbfee8080>", "81<ed9fbfee8080>", 0},
    {"a character in two frames", "01<e2> 80<82ac>", "81<e282ac>", 0},
    {"in four", "01<f0> 00<9f> 00<98> 80<80>", "81<f09f9880>", 0},
    {"with a ping in it", "01<e282> 89(p) 80<ac>", "8a(p) 81<e282ac>", 0},
    {"binary need not be", "82<ff>", "82<ff>", 0},
    {"a byte that is none", "81<ff>", "close(1007)", EILSEQ},
    {"c0", "81<c080>", "close(1007)", EILSEQ},
    {"c1", "81<c1bf>", "close(1007)", EILSEQ},
    {"too long for three", "81<e09fbf>", "close(1007)", EILSEQ},
    {"too long for four", "81<f08fbfbf>", "close(1007)", EILSEQ},
    {"a surrogate", "81<eda080>", "close(1007)", EILSEQ},
    {"the last surrogate", "81<edbfbf>", "close(1007)", EILSEQ},
    {"beyond U+10FFFF", "81<f4908080>", "close(1007)", EILSEQ},
    {"f5", "81<f5808080>", "close(1007)", EILSEQ},
    {"five bytes", "81<f888808080>", "close(1007)", EILSEQ},
    {"not begun", "81<80>", "close(1007)", EILSEQ},
    {"not ended", "81<e282>", "close(1007)", EILSEQ},
    {"not ended, then ASCII", "81<e28261>", "close(1007)", EILSEQ},
    {"not ended in the last frame", "01<e2> 80<82>", "close(1007)", EILSEQ},
    {"begun in a frame and not ended in the next", "01<e2> 80(a)",
     "close(1007)", EILSEQ},
    {"at the end of much ASCII", "81<6161616161616161616161616161ff>",
     "close(1007)", EILSEQ},
    {"found before the message is whole", "01<ff>", "close(1007)", EILSEQ},
    {"found before the frame is whole", "=0185000000006161ff", "close(1007)",
     EILSEQ},
    {"begins anew in each message", "01<e2> 80<82ac> 81<e282>",
     "81<e282ac> close(1007)", EILSEQ},
};

/* 5.5.1 and 7. */
static const struct row closes[] = {
    {"nothing in it", "88()", "88()", 0},
    {"a code", "88<03e8>", "close(1000)", 0},
    {"a reason", "88<03e8676f6f64>", "close(1000)", 0},
    {"123 bytes of reason",
     "88<03e8"
     "6161616161616161616161616161616161616161616161616161616161616161616161616"
     "1616161616161616161616161616161616161616161616161616161616161616161616161"
     "6161616161616161616161616161616161616161616161616161616161616161616161616"
     "1616161616161616161616161>",
     "close(1000)", 0},
    {"124 bytes of reason", "=88fe007e00000000", "close(1002)", EPROTO},
    {"half a code", "88<03>", "close(1002)", EPROTO},
    {"1001", "88<03e9>", "close(1001)", 0},
    {"1003", "88<03eb>", "close(1003)", 0},
    {"1007", "88<03ef>", "close(1007)", 0},
    {"1011", "88<03f3>", "close(1011)", 0},
    {"1014", "88<03f6>", "close(1014)", 0},
    {"3000", "88<0bb8>", "close(3000)", 0},
    {"4999", "88<1387>", "close(4999)", 0},
    {"0", "88<0000>", "close(1002)", EPROTO},
    {"999", "88<03e7>", "close(1002)", EPROTO},
    {"1004", "88<03ec>", "close(1002)", EPROTO},
    {"1005", "88<03ed>", "close(1002)", EPROTO},
    {"1006", "88<03ee>", "close(1002)", EPROTO},
    {"1015", "88<03f7>", "close(1002)", EPROTO},
    {"1016", "88<03f8>", "close(1002)", EPROTO},
    {"2999", "88<0bb7>", "close(1002)", EPROTO},
    {"5000", "88<1388>", "close(1002)", EPROTO},
    {"65535", "88<ffff>", "close(1002)", EPROTO},
    {"a reason that is no UTF-8", "88<03e8ff>", "close(1007)", EILSEQ},
    {"a reason that ends within a character", "88<03e8e282>", "close(1007)",
     EILSEQ},
    {"a message behind it", "88<03e8> 81(a)", "close(1000)", 0},
    {"a ping behind it", "88<03e8> 89(a)", "close(1000)", 0},
    {"two", "88<03e8> 88<03e8>", "close(1000)", 0},
    {"in a message", "01(a) 88<03e8>", "close(1000)", 0},
    {"a ping before it", "89(p) 88<03e8>", "8a(p) close(1000)", 0},
    {"the end without it", "81(a)!", "81(a)", ECONNRESET},
    {"the end in a frame", "=8185000000006161!", "", ECONNRESET},
    {"the end in a message", "01(a)!", "", ECONNRESET},
};

/* Of a server with max_message 1000. */
static const struct row limits[] = {
    {"the limit", "82[1000]", "82[1000]", 0},
    {"the limit in frames", "02[500] 80[500]", "82[1000]", 0},
    {"above it", "82[1001]", "close(1009)", EMSGSIZE},
    {"above it in frames", "02[500] 00[500] 80(x)", "close(1009)", EMSGSIZE},
    {"above it with the first byte", "=82fe03e90000000061", "close(1009)",
     EMSGSIZE},
    {"far above it", "=82ff7fffffffffffffff0000000061", "close(1009)",
     EMSGSIZE},
    {"each message counts by itself", "82[1000] 82[1000]", "82[1000] 82[1000]",
     0},
};

/* RFC 7692, 7.2.3, where most of these are examples. The answers are too short to be
 * compressed. */
static const struct row deflate[] = {
    {"not compressed", "81(Hello)", "81(Hello)", 0},
    {"one block", "c1<f248cdc9c90700>", "81(Hello)", 0},
    {"in two frames", "41<f248cd> 80<c9c90700>", "81(Hello)", 0},
    {"with a ping in it", "41<f248cd> 89(p) 80<c9c90700>", "8a(p) 81(Hello)",
     0},
    {"by what came before", "c1<f248cdc9c90700> c1<f200110000>",
     "81(Hello) 81(Hello)", 0},
    {"not compressed between", "c1<f248cdc9c90700> 81(a) c1<f200110000>",
     "81(Hello) 81(a) 81(Hello)", 0},
    {"a block that is stored", "c1<000500faff48656c6c6f00>", "81(Hello)", 0},
    {"a block that says it is the last", "c1<f348cdc9c9070000>", "81(Hello)",
     0},
    {"and then one by what came before", "c1<f348cdc9c9070000> c1<f200110000>",
     "81(Hello) 81(Hello)", 0},
    {"two blocks", "c1<f24805000000ffffcac9c90700>", "81(Hello)", 0},
    {"an empty message", "c1<00>", "81()", 0},
    {"nothing at all", "c1<>", "81()", 0},
    {"RSV1 in a continuation", "41<f248cd> c0<c9c90700>", "close(1002)",
     EPROTO},
    {"RSV1 in the continuation of what is not compressed", "01(a) c0(b)",
     "close(1002)", EPROTO},
    {"RSV1 in a ping", "c9(a)", "close(1002)", EPROTO},
    {"RSV2", "a1(a)", "close(1002)", EPROTO},
    {"not deflate", "c1<ffffffffff>", "close(1002)", EPROTO},
    {"a distance before the begin", "c1<f200110000>", "close(1002)", EPROTO},
    {"compressed, and no UTF-8", "c1<fa0f00>", "close(1007)", EILSEQ},
};

#define TABLE(rows) rows, sizeof rows / sizeof rows[0]

static const struct table {
    const char *name;
    const struct row *rows;
    size_t count;
} tables[] = {
    {"framing", TABLE(framing)}, {"bits", TABLE(bits)},
    {"pings", TABLE(pings)},     {"fragments", TABLE(fragments)},
    {"utf8", TABLE(utf8)},       {"closes", TABLE(closes)},
    {"limits", TABLE(limits)},   {"deflate", TABLE(deflate)},
};

#define TABLES (int)(sizeof tables / sizeof tables[0])

static void send_bytes(int fd, const char *bytes, size_t size, size_t piece)
{
    while (size > 0) {
        size_t n = size < piece ? size : piece;

        if (green_write_all(fd, bytes, n) < 0)
            return; /* the server has refused the beginning */
        bytes += n;
        size -= n;
        ck_ok(green_yield());
    }
}

/* "!": the client ends without a Close frame. */
static void try_row(const struct table *table, const struct row *row,
                    size_t piece)
{
    struct green_websocket_options options = {
        .max_message = table->rows == limits ? 1000 : 0,
        .compress = table->rows == deflate};
    struct green_http_options http = {.arg = &options};
    char sent[2048], wanted[2048];
    bool cut = strchr(row->sent, '!');
    struct http_pair pair;
    const char *bytes;
    size_t size;

    snprintf(sent, sizeof sent, "%.*s%s", (int)strcspn(row->sent, "!"),
             row->sent, cut || row->error ? "" : " 88<03e8>");
    snprintf(wanted, sizeof wanted, "%s%s", row->answer,
             row->error || table->rows == closes ? "" : " close(1000)");
    websocket_open(&pair, websocket_echo, &http,
                   table->rows == deflate
                       ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                       : "");
    size = websocket_encode(sent, &bytes);
    send_bytes(pair.client, bytes, size, piece);
    if (cut)
        ck_ok(green_shutdown(pair.client, SHUT_WR));
    bytes = websocket_hear_all(&pair);
    ck_assert_msg(strcmp(bytes, wanted) == 0, "%s: %s: %s, not %s", table->name,
                  row->what, bytes, wanted);
    green_shutdown(pair.client, SHUT_WR);
    http_close(&pair);
    ck_assert_msg(websocket_error == row->error, "%s: %s: %s", table->name,
                  row->what, strerror(websocket_error));
}

START_TEST(what_a_client_sends)
{
    const struct table *table = &tables[_i];

    for (size_t i = 0; i < table->count; i++) {
        try_row(table, &table->rows[i], SIZE_MAX);
        if (!strstr(table->rows[i].sent, "000]") &&
            !strstr(table->rows[i].sent, "[65"))
            try_row(table, &table->rows[i], 1);
    }
}
END_TEST

/* ---- Handshakes ----------------------------------------------------------------------- */

struct handshake {
    const char *what, *request;
    const char *status;
    const char *has; /* in the answer */
};

#define LINE "GET / HTTP/1.1\r\nHost: a.test\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static const struct handshake handshakes[] = {
    {"RFC 6455's", LINE UPGRADE KEY VERSION, "101",
     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"},
    {"names in other cases",
     LINE
     "connection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n" KEY VERSION,
     "101", ""},
    {"two fields Connection",
     LINE "Connection: keep-alive\r\nConnection: Upgrade\r\n"
          "Upgrade: websocket\r\n" KEY VERSION,
     "101", ""},
    {"no upgrade", LINE, "426", "Sec-WebSocket-Version: 13\r\n"},
    {"no Connection", LINE "Upgrade: websocket\r\n" KEY VERSION, "426", ""},
    {"another protocol",
     LINE "Connection: Upgrade\r\nUpgrade: other\r\n" KEY VERSION, "426", ""},
    {"POST", "POST / HTTP/1.1\r\nHost: a.test\r\n" UPGRADE KEY VERSION, "400",
     ""},
    {"a body", LINE UPGRADE KEY VERSION "Content-Length: 1\r\n\r\nx", "400",
     ""},
    {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a.test\r\n" UPGRADE KEY VERSION,
     "426", ""},
    {"version 8", LINE UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", "426",
     "Sec-WebSocket-Version: 13\r\n"},
    {"no version", LINE UPGRADE KEY, "400", ""},
    {"two versions", LINE UPGRADE KEY VERSION VERSION, "400", ""},
    {"no key", LINE UPGRADE VERSION, "400", ""},
    {"two keys", LINE UPGRADE KEY KEY VERSION, "400", ""},
    {"a short key", LINE UPGRADE VERSION "Sec-WebSocket-Key: YWJj\r\n", "400",
     ""},
    {"a key that is no base64",
     LINE UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ*==\r\n",
     "400", ""},
    {"the server's own page",
     LINE UPGRADE KEY VERSION "Origin: https://a.test\r\n", "101", ""},
    {"a stranger's page", LINE UPGRADE KEY VERSION "Origin: https://b.test\r\n",
     "403", ""},
    {"a page that begins as the server's",
     LINE UPGRADE KEY VERSION "Origin: https://a.test.b.test\r\n", "403", ""},
    {"a page of a file", LINE UPGRADE KEY VERSION "Origin: null\r\n", "403",
     ""},
    {"the server's first choice",
     LINE UPGRADE KEY VERSION "Sec-WebSocket-Protocol: x, two, one\r\n", "101",
     "Sec-WebSocket-Protocol: one\r\n"},
    {"in two fields",
     LINE UPGRADE KEY VERSION
     "Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: two\r\n",
     "101", "Sec-WebSocket-Protocol: two\r\n"},
    {"none of its protocols",
     LINE UPGRADE KEY VERSION "Sec-WebSocket-Protocol: One, three\r\n", "101",
     "!Sec-WebSocket-Protocol"},
};

/* Also the offers of permessage-deflate, and the answers: "" for none. */
static const struct handshake offers[] = {
    {"as it is", "permessage-deflate", "",
     ": permessage-deflate; "
     "server_max_window_bits=12\r\n"},
    {"none", "", "", "!Sec-WebSocket-Extensions"},
    {"another", "x-webkit-deflate-frame", "", "!Sec-WebSocket-Extensions"},
    {"as browsers do", "permessage-deflate; client_max_window_bits", "",
     ": permessage-deflate; server_max_window_bits=12; "
     "client_max_window_bits=12\r\n"},
    {"all",
     "permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=10; "
     "client_max_window_bits=9",
     "",
     ": permessage-deflate; server_no_context_takeover; "
     "client_no_context_takeover; server_max_window_bits=10; "
     "client_max_window_bits=9\r\n"},
    {"more than this side wants",
     "permessage-deflate; server_max_window_bits=15", "",
     "server_max_window_bits=12\r\n"},
    {"quoted", "permessage-deflate; server_max_window_bits=\"9\"", "",
     "server_max_window_bits=9\r\n"},
    {"the second of two",
     "permessage-deflate; server_max_window_bits=8, permessage-deflate", "",
     ": permessage-deflate; server_max_window_bits=12\r\n"},
    {"too small", "permessage-deflate; server_max_window_bits=8", "", "!Ext"},
    {"7", "permessage-deflate; server_max_window_bits=7", "", "!Ext"},
    {"16", "permessage-deflate; client_max_window_bits=16", "", "!Ext"},
    {"09", "permessage-deflate; server_max_window_bits=09", "", "!Ext"},
    {"without a number", "permessage-deflate; server_max_window_bits", "",
     "!Ext"},
    {"with one where there is none",
     "permessage-deflate; server_no_context_takeover=1", "", "!Ext"},
    {"twice",
     "permessage-deflate; server_max_window_bits=10; "
     "server_max_window_bits=10",
     "", "!Ext"},
    {"an unknown parameter", "permessage-deflate; level=9", "", "!Ext"},
    {"no list", "permessage-deflate; =", "", "!Ext"},
    {"no list either", "permessage-deflate foo", "", "!Ext"},
};

static void check_answer(const char *what, const char *all, const char *has)
{
    if (*has == '!')
        ck_assert_msg(!strstr(all, has + 1), "%s:\n%s", what, all);
    else
        ck_assert_msg(strstr(all, has) != NULL, "%s: no %s in:\n%s", what, has,
                      all);
}

START_TEST(handshakes_of_clients)
{
    static const char *const protocols[] = {"one", "two", NULL};
    struct green_websocket_options options = {.protocols = protocols};
    struct green_http_options http = {.arg = &options};
    char request[1024], *all;

    for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++) {
        const struct handshake *one = &handshakes[i];

        snprintf(request, sizeof request, "%s\r\n", one->request);
        all = http_ask(websocket_echo, &http, request);
        ck_assert_msg(strncmp(http_statuses(all), one->status, 3) == 0,
                      "%s: %s", one->what, all);
        check_answer(one->what, all, one->has);
    }
}
END_TEST

START_TEST(offers_of_compression)
{
    struct green_websocket_options options = {.compress = true};
    struct green_http_options http = {.arg = &options};
    char request[1024], *all;

    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        const struct handshake *one = &offers[i];

        snprintf(request, sizeof request,
                 WEBSOCKET_REQUEST "Sec-WebSocket-Extensions: %s\r\n\r\n",
                 one->request);
        all = http_ask(websocket_echo, &http, request);
        ck_assert_msg(strncmp(http_statuses(all), "101", 3) == 0, "%s: %s",
                      one->what, all);
        check_answer(one->what, all, one->has);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket table");
    TCase *all = add_tcase(suite, "all");

    tcase_add_loop_test(all, what_a_client_sends, 0, TABLES);
    tcase_add_test(all, handshakes_of_clients);
    tcase_add_test(all, offers_of_compression);
    return run_suite(suite);
}
