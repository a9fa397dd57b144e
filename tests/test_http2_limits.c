/* HTTP/2: limits and time limits, and clients that misbehave. The time limits are the defaults
 * in the virtual time of sim, and short ones on the other hubs. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http2_raw.h"
#include "http2_support.h"

#define S ":scheme: http\n"
#define A ":authority: a.test\n"
#define GET ":method: GET\n" S A ":path: /\n"

/* ---- Sizes -------------------------------------------------------------------------- */

static int asked(const char *fields,
                 int (*handler)(struct green_http *, void *))
{
    struct h2_client client;
    int result;

    h2_open(&client, handler, NULL);
    result =
        h2_status(h2_wait(&client, h2_submit(&client, fields, NULL, false)));
    ck_assert(!client.over);
    ck_assert_int_eq(h2_status(h2_wait(&client, h2_get(&client, "/"))), 200);
    h2_close(&client);
    return result;
}

static const char *with_long(const char *begin, size_t size)
{
    static char text[70000];
    size_t length = strlen(begin);

    strcpy(text, begin);
    memset(text + length, 'x', size);
    strcpy(text + length + size, "\n");
    return text;
}

START_TEST(long_heads)
{
    char text[8192] = GET;

    ck_assert_int_eq(
        asked(with_long(":method: GET\n" S A ":path: /", 8191), http_hello),
        200);
    ck_assert_int_eq(
        asked(with_long(":method: GET\n" S A ":path: /", 8192), http_hello),
        414);
    ck_assert_int_eq(asked(with_long(GET "a: ", 16000), http_hello), 200);
    ck_assert_int_eq(asked(with_long(GET "a: ", 16384), http_hello), 431);
    ck_assert_int_eq(asked(with_long(GET "a: ", 60000), http_hello), 431);
    for (int i = 0; i < 100; i++)
        strcat(text, "a: b\n");
    ck_assert_int_eq(asked(text, http_hello), 200);
    ck_assert_int_eq(asked(strcat(text, "cookie: c\n"), http_hello), 200);
    ck_assert_int_eq(asked(strcat(text, "a: b\n"), http_hello), 431);
}
END_TEST

START_TEST(long_bodies)
{
    struct h2_client client;
    char *body = calloc(1, (2 << 20) + 1);
    int32_t id;

    memset(body, 'x', 2 << 20);
    h2_open(&client, http_echo, NULL);
    ck_assert_int_eq(h2_status(h2_wait(&client, h2_post(&client, "/", body))),
                     413);
    id = h2_submit(&client,
                   ":method: POST\n" S A ":path: /\ncontent-length: 2097152\n",
                   body, false);
    ck_assert_int_eq(h2_status(h2_wait(&client, id)), 413);
    body[1 << 20] = '\0';
    ck_assert_int_eq(h2_status(h2_wait(&client, h2_post(&client, "/", body))),
                     200);
    h2_close(&client);
    free(body);
}
END_TEST

START_TEST(long_trailers)
{
    static char value[5000];
    nghttp2_nv field = {(uint8_t *)(uintptr_t) "a", (uint8_t *)value, 1,
                        sizeof value, 0};
    struct h2_client client;
    int32_t id;

    memset(value, 'x', sizeof value);
    h2_open(&client, http_echo, NULL);
    id = h2_submit(&client, ":method: POST\n" S A ":path: /\n", "", true);
    h2_flush(&client);
    ck_ok(nghttp2_submit_trailer(client.session, id, &field, 1));
    ck_assert_int_eq(h2_wait(&client, id)->error, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_close(&client);
}
END_TEST

/* ---- Times -------------------------------------------------------------------------- */

/* PINGs do not prolong the time. */
START_TEST(an_idle_connection_ends)
{
    struct green_http_options options = http_quick();
    green_time begin = green_now();
    struct raw raw;

    raw_open(&raw, http_hello, &options);
    raw_get(&raw, 1);
    for (int i = 0; i < 50; i++) {
        ck_ok(green_sleep(on_sim() ? GREEN_SEC : GREEN_MSEC));
        raw_frame(&raw, NGHTTP2_PING, 0, 0, "12345678", 8);
    }
    raw_wait_end(&raw);
    ck_assert_int_eq(raw.ended, 1);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_eq(raw.goaway_error, NGHTTP2_NO_ERROR);
    ck_assert_int_eq(raw.last_ids[0], 1);
    ck_took(begin, 60);
}
END_TEST

START_TEST(a_head_that_drips)
{
    struct green_http_options options = http_quick();
    green_time begin = green_now();
    struct raw raw;

    raw_open(&raw, http_hello, &options);
    raw_frame(&raw, NGHTTP2_HEADERS, RAW_END, 1, RAW_GET, 3);
    for (int i = 0; i < 3; i++) {
        ck_ok(green_sleep(on_sim() ? 4 * GREEN_SEC : GREEN_MSEC));
        raw_frame(&raw, NGHTTP2_CONTINUATION, 0, 1, RAW_GET + 3,
                  i == 0 ? 3 : 0);
    }
    raw_wait_end(&raw);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_eq(raw.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    ck_took(begin, 15);
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
    struct green_http_options options = http_quick();
    green_time begin = green_now();
    struct h2_client client;
    struct h2_answer *answer;

    h2_open(&client, reads, &options);
    answer = h2_wait(&client, h2_submit(&client,
                                        ":method: POST\n" S A ":path: /\n"
                                        "content-length: 10\n",
                                        "abc", true));
    ck_assert_int_eq(h2_status(answer), 408);
    ck_assert_int_eq(answer->error, NGHTTP2_NO_ERROR);
    ck_assert_int_eq(error_seen, ETIMEDOUT);
    ck_took(begin, 30);
    h2_close(&client);
}
END_TEST

static int writes(struct green_http *http, void *arg)
{
    static char bytes[1 << 20];
    int result = 0;

    (void)arg;
    if (strcmp(green_http_path(http), "/small") == 0)
        return http_hello(http, NULL);
    for (int i = 0; i < 16 && result == 0; i++)
        result = green_http_write(http, bytes, sizeof bytes);
    error_seen = result < 0 ? errno : 0;
    if (result < 0)
        ck_fails(green_http_write(http, "x", 1), EPIPE);
    return result;
}

/* A stream whose window stays closed ends alone. */
START_TEST(a_window_that_stays_closed)
{
    struct green_http_options options = http_quick();
    green_time begin = green_now();
    struct h2_client client;
    struct h2_answer *answer;
    int32_t id;

    h2_open(&client, writes, &options);
    client.starve = true;
    id = h2_get(&client, "/");
    answer = h2_wait(&client, id);
    ck_assert_int_eq(answer->error, NGHTTP2_INTERNAL_ERROR);
    ck_assert_int_eq(error_seen, ETIMEDOUT);
    ck_took(begin, 30);
    client.starve = false;
    ck_ok(nghttp2_session_consume_connection(client.session, answer->size));
    answer = h2_wait(&client, h2_get(&client, "/small"));
    ck_assert_str_eq(answer->body, "hello\n");
    h2_close(&client);
}
END_TEST

START_TEST(a_client_that_does_not_read)
{
    struct green_http_options options = http_quick();
    struct raw raw;

    raw_open(&raw, writes, &options);
    raw.paused = true;
    raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x7f\xff\xff\xff", 6);
    raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\0\0\0", 4);
    raw_get(&raw, 1);
    ck_ok(green_join(raw.pair->thread, NULL));
    ck_assert_int_eq(error_seen, ETIMEDOUT);
    ck_ok(green_kill(raw.reader));
    ck_ok(green_join(raw.reader, NULL));
    ck_ok(green_close(raw.fd));
    free(raw.pair);
}
END_TEST

/* ---- Floods ------------------------------------------------------------------------- */

#define SHORT                                                                  \
    (10 * GREEN_MSEC) /* what is still sent then is not read for long */

static unsigned running, most_running;

static int counts(struct green_http *http, void *arg)
{
    int result;

    if (++running > most_running)
        most_running = running;
    result = arg ? green_event_wait(arg, NULL) : 0;
    running--;
    return result == 0 ? http_hello(http, NULL) : -1;
}

/* CVE-2023-44487. */
START_TEST(rapid_resets)
{
    struct green_http_options options = {.linger_timeout = SHORT};
    struct raw raw;
    int32_t id = 1;

    raw_open(&raw, counts, &options);
    for (; id < 10000 && raw_get(&raw, id) && raw_reset(&raw, id); id += 2)
        ;
    raw_wait_end(&raw);
    ck_assert_int_ge(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_le(raw.ended, 1500);
    ck_assert_int_eq(running, 0);
}
END_TEST

/* A stream that was reset counts until its handler has returned. */
START_TEST(handlers_are_counted)
{
    struct green_event event = {0};
    struct green_http_options options = {
        .arg = &event, .max_streams = 10, .linger_timeout = SHORT};
    struct raw raw;

    raw_open(&raw, counts, &options);
    for (int32_t id = 1; id < 200; id += 2)
        ck_assert(raw_get(&raw, id) && raw_reset(&raw, id));
    raw_sync(&raw);
    ck_assert_int_eq(running, 20);
    ck_ok(green_event_send(&event, NULL));
    raw_sync(&raw);
    raw_get(&raw, 201);
    raw_wait(&raw, NGHTTP2_DATA, 1);
    raw_close(&raw);
    ck_assert_int_eq(most_running, 20);
}
END_TEST

START_TEST(streams_are_counted)
{
    struct green_event event = {0};
    struct green_http_options options = {
        .arg = &event, .max_streams = 10, .linger_timeout = SHORT};
    struct raw raw;

    raw_open(&raw, counts, &options);
    for (int32_t id = 1; id < 22; id += 2)
        raw_get(&raw, id);
    raw_wait(&raw, NGHTTP2_RST_STREAM, 1);
    ck_assert_int_eq(raw.reset_error, NGHTTP2_REFUSED_STREAM);
    raw_sync(&raw);
    ck_assert_int_eq(running, 10);
    ck_assert_int_eq(raw.frames[NGHTTP2_RST_STREAM], 1);
    ck_ok(green_event_send(&event, NULL));
    while (raw.ended < 10)
        ck_ok(green_yield());
    raw_close(&raw);
}
END_TEST

/* CVE-2025-8671: the client makes the server reset its streams. */
START_TEST(resets_by_the_server)
{
    static const struct {
        uint8_t type;
        const char *payload;
        size_t size;
    } wrong[] = {{NGHTTP2_WINDOW_UPDATE, "\0\0\0\0", 4},
                 {NGHTTP2_WINDOW_UPDATE, "\x7f\xff\xff\xff", 4},
                 {NGHTTP2_DATA, "x", 1},
                 {NGHTTP2_HEADERS, "\x82", 1}};
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event,
                                         .linger_timeout = SHORT};
    struct raw raw;
    int32_t id = 1;

    raw_open(&raw, counts, &options);
    for (; id < 10000 && raw_get(&raw, id); id += 2)
        if (!raw_frame(&raw, wrong[_i].type, RAW_HEAD, id, wrong[_i].payload,
                       wrong[_i].size))
            break;
    ck_ok(green_event_send(&event, NULL));
    raw_wait_end(&raw);
    ck_assert_int_ge(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_le(raw.frames[NGHTTP2_RST_STREAM], 1500);
    ck_assert_int_le(most_running, 200);
}
END_TEST

START_TEST(frames_that_carry_nothing)
{
    static const struct {
        uint8_t type;
        int32_t id;
        const char *payload;
        size_t size;
    } floods[] = {{NGHTTP2_PING, 0, "12345678", 8},
                  {NGHTTP2_SETTINGS, 0, "", 0},
                  {NGHTTP2_SETTINGS, 0, "\0\4\0\0\xff\xff", 6},
                  {NGHTTP2_PRIORITY, 1, "\0\0\0\0\1", 5},
                  {NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4},
                  {NGHTTP2_DATA, 1, "", 0},
                  {200, 1, "x", 1}};
    struct green_event event = {0};
    struct green_http_options options = {.arg = &event,
                                         .linger_timeout = SHORT};
    struct raw raw;

    raw_open(&raw, counts, &options);
    raw_post(&raw, 1);
    for (int i = 0; i < 100000; i++)
        if (!raw_frame(&raw, floods[_i].type, 0, floods[_i].id,
                       floods[_i].payload, floods[_i].size))
            break;
    ck_ok(green_event_send(&event, NULL));
    raw_wait_end(&raw);
    ck_assert_int_ge(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_eq(raw.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    ck_assert_int_eq(running, 0);
}
END_TEST

START_TEST(many_continuations)
{
    struct green_http_options options = {.linger_timeout = SHORT};
    struct raw raw;

    raw_open(&raw, counts, &options);
    raw_frame(&raw, NGHTTP2_HEADERS, RAW_END, 1, RAW_GET, 3);
    for (int i = 0; i < 100000; i++)
        if (!raw_frame(&raw, NGHTTP2_CONTINUATION, 0, 1, "", 0))
            break;
    raw_wait_end(&raw);
    ck_assert_int_eq(most_running, 0);
}
END_TEST

/* Nobody reads what the server says. */
START_TEST(refusals_that_nobody_reads)
{
    struct green_event event = {0};
    struct green_http_options options = {
        .arg = &event, .max_streams = 1, .linger_timeout = SHORT};
    struct raw raw;
    int32_t id = 1;

    if (on_sim()) {
        SKIP("no time passes there while the client sends");
        return;
    }
    raw_open(&raw, counts, &options);
    raw.paused = true;
    for (; id < 2000000 && raw_get(&raw, id); id += 2)
        ;
    ck_assert_int_lt(id, 2000000);
    ck_ok(green_event_send(&event, NULL));
    raw.paused = false;
    raw_wait_end(&raw);
    ck_assert_int_le(most_running, 2);
}
END_TEST

static int writes_on(struct green_http *http, void *arg)
{
    (void)arg;
    while (writes(http, NULL) == 0)
        ;
    return -1;
}

/* The same, when the server cannot even send refusals: there is an end to what it
 * remembers. */
START_TEST(refusals_that_cannot_be_sent)
{
    struct green_http_options options = {.max_streams = 1,
                                         .linger_timeout = SHORT};
    struct raw raw;
    int32_t id = 3;

    if (on_sim()) {
        SKIP("no time passes there while the client sends");
        return;
    }
    raw_open(&raw, writes_on, &options);
    raw.paused = true;
    raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x7f\xff\xff\xff", 6);
    raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\0\0\0", 4);
    raw_get(&raw, 1);
    for (int i = 0; i < 50; i++)
        ck_ok(green_sleep(GREEN_MSEC)); /* until nothing more fits the socket */
    for (; id < 2000000 && raw_get(&raw, id); id += 2)
        ;
    ck_assert_int_lt(id, 2000000);
    raw.paused = false;
    raw_wait_end(&raw);
}
END_TEST

/* What is none: the preface alone was right. */
START_TEST(what_is_no_frame)
{
    struct green_http_options options = {.linger_timeout = SHORT};
    static const struct {
        uint8_t type, flags;
        int32_t id;
        const char *payload;
        size_t size;
        uint32_t error;
    } rows[] = {
        {NGHTTP2_DATA, 0, 0, "x", 1, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_DATA, 0, 5, "x", 1, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_HEADERS, RAW_HEAD, 2, RAW_GET, 6, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_HEADERS, RAW_HEAD, 0, RAW_GET, 6, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_HEADERS, RAW_HEAD, 1, "\xff\xff\xff\xff\xff\xff", 6,
         NGHTTP2_COMPRESSION_ERROR},
        {NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_SETTINGS, 0, 0, "\0", 1, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_SETTINGS, 0, 0, "\0\4\xff\xff\xff\xff", 6,
         NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_SETTINGS, 0, 0, "\0\5\0\0\0\0", 6, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_SETTINGS, 0, 1, "", 0, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_PUSH_PROMISE, RAW_HEAD, 1, "\0\0\0\2\x82", 5,
         NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_PING, 0, 0, "1234567", 7, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4,
         NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_CONTINUATION, 0, 1, "", 0, NGHTTP2_PROTOCOL_ERROR},
    };
    struct raw raw;

    raw_open(&raw, http_hello, &options);
    raw_frame(&raw, rows[_i].type, rows[_i].flags, rows[_i].id,
              rows[_i].payload, rows[_i].size);
    raw_wait_end(&raw);
    ck_assert_int_eq(raw.frames[NGHTTP2_GOAWAY], 1);
    ck_assert_int_eq(raw.goaway_error, rows[_i].error);
    ck_assert_int_eq(raw.ended, 0);
}
END_TEST

/* RFC 9113, 8.2.1: names in upper case; a client's library would mend that. */
START_TEST(an_upper_case_name)
{
    struct green_http_options options = {.linger_timeout = SHORT};
    struct raw raw;

    raw_open(&raw, http_hello, &options);
    raw_frame(&raw, NGHTTP2_HEADERS, RAW_HEAD | RAW_END, 1, RAW_GET "\0\1U\1v",
              6 + 5);
    raw_wait(&raw, NGHTTP2_RST_STREAM, 1);
    ck_assert_int_eq(raw.reset_error, NGHTTP2_PROTOCOL_ERROR);
    raw_close(&raw);
}
END_TEST

/* ---- Many streams ------------------------------------------------------------------- */

START_TEST(streams_leave_nothing_behind)
{
    struct h2_client client;
    size_t before = 0;

    h2_open(&client, http_echo, NULL);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(h2_wait(&client, h2_post(&client, "/", "some"))->size,
                         11);
        if (i == 1000)
            before = mallinfo2().uordblks;
    }
    ck_assert_int_le(mallinfo2().uordblks, before + 4096);
    h2_close(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2 limits");
    TCase *sizes = add_tcase(suite, "sizes");
    TCase *times = add_tcase(suite, "times");
    TCase *floods = add_tcase(suite, "floods");

    tcase_add_test(sizes, long_heads);
    tcase_add_test(sizes, long_bodies);
    tcase_add_test(sizes, long_trailers);
    tcase_add_test(sizes, streams_leave_nothing_behind);
    tcase_add_test(times, an_idle_connection_ends);
    tcase_add_test(times, a_head_that_drips);
    tcase_add_test(times, a_body_that_does_not_come);
    tcase_add_test(times, a_window_that_stays_closed);
    tcase_add_test(times, a_client_that_does_not_read);
    tcase_add_test(floods, rapid_resets);
    tcase_add_test(floods, handlers_are_counted);
    tcase_add_test(floods, streams_are_counted);
    tcase_add_loop_test(floods, resets_by_the_server, 0, 4);
    tcase_add_loop_test(floods, frames_that_carry_nothing, 0, 7);
    tcase_add_test(floods, many_continuations);
    tcase_add_test(floods, refusals_that_nobody_reads);
    tcase_add_test(floods, refusals_that_cannot_be_sent);
    tcase_add_loop_test(floods, what_is_no_frame, 0, 15);
    tcase_add_test(floods, an_upper_case_name);
    return run_suite(suite);
}
