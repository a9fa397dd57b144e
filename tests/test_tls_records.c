/* Records that come in pieces, are changed or cut on their way. */
#include <stdlib.h>
#include <unistd.h>

#include "tls_pair.h"

#define RECORD 16384

/* ---- Records in pieces --------------------------------------------------------- */

/* A client and a server whose bytes the case hands over. */
static struct {
    struct tls_end client, server;
    int near[2]; /* [0] to the client, [1] to the server */
} apart;

static void hand_over(int from, int to, size_t first)
{
    unsigned char bytes[2 * RECORD];
    ssize_t n = green_recv(from, bytes, sizeof bytes, 0);

    ck_assert_int_gt(n, 0);
    first = first < (size_t)n ? first : (size_t)n;
    ck_ok(green_write_all(to, bytes, first));
    ck_ok(green_yield());
    ck_ok(green_write_all(to, bytes + first, (size_t)n - first));
}

static void *carries(void *arg)
{
    int i = (int)(intptr_t)arg;
    unsigned char bytes[4096];
    ssize_t n;

    while ((n = green_read(apart.near[i], bytes, sizeof bytes)) > 0)
        ck_ok(green_write_all(apart.near[1 - i], bytes, (size_t)n));
    return NULL;
}

static void shake_apart(void)
{
    struct green_thread *carriers[2];
    int fds[2];

    apart.client.config = tls_client_config();
    apart.client.host = "host.test";
    apart.server.config = tls_server_config("good");
    for (int i = 0; i < 2; i++) {
        unix_pair(fds);
        apart.near[i] = fds[0];
        (i ? &apart.server : &apart.client)->fd = fds[1];
        carriers[i] = green_spawn(carries, (void *)(intptr_t)i);
    }
    tls_begin(&apart.client);
    tls_begin(&apart.server);
    tls_await(&apart.client);
    tls_await(&apart.server);
    ck_assert_int_eq(apart.client.error, 0);
    ck_assert_int_eq(apart.server.error, 0);
    ck_ok(green_write_all(apart.client.fd, "", 0));
    for (int i = 0; i < 2; i++) {
        ck_ok(green_kill(carriers[i]));
        ck_ok(green_join(carriers[i], NULL));
    }
}

static void *reads_records(void *arg)
{
    unsigned char *wanted = tls_pattern(RECORD);
    int count = *(int *)arg;

    for (int i = 0; i < count; i++)
        tls_expect(apart.server.stream, wanted, RECORD);
    free(wanted);
    return arg;
}

/* The reader has read the first part, and waits, when the rest comes. */
START_TEST(a_record_comes_in_two_parts_cut_at_every_byte)
{
    int whole = RECORD + 22 + 8, step = checker() ? 211 : 1, count;
    unsigned char *bytes = tls_pattern(RECORD);
    struct green_thread *reader;

    tls_at_most(tls_versions[_i]);
    shake_apart();
    count = (whole + step - 1) / step;
    reader = green_spawn(reads_records, &count);
    for (int i = 0; i < count; i++) {
        ck_ok(green_stream_write_all(apart.client.stream, bytes, RECORD));
        hand_over(apart.near[0], apart.near[1], (size_t)(i * step));
    }
    ck_ok(green_join(reader, NULL));
    free(bytes);
}
END_TEST

START_TEST(a_record_comes_byte_by_byte)
{
    unsigned char bytes[512];
    ssize_t n;
    struct green_thread *reader;
    unsigned char *wanted = tls_pattern(300);
    struct tls_load load = {.bytes = wanted, .size = 300};

    tls_at_most(tls_versions[_i]);
    shake_apart();
    load.stream = apart.server.stream;
    reader = green_spawn(tls_reads, &load);
    ck_ok(green_stream_write_all(apart.client.stream, wanted, 300));
    n = green_recv(apart.near[0], bytes, sizeof bytes, 0);
    ck_assert_int_gt(n, 300);
    for (ssize_t i = 0; i < n; i++) {
        ck_ok(green_write_all(apart.near[1], bytes + i, 1));
        ck_ok(green_yield());
    }
    ck_ok(green_join(reader, NULL));
    free(wanted);
}
END_TEST

/* One bit that is changed on its way, anywhere in the record's body. */
START_TEST(a_changed_record_is_refused)
{
    unsigned char bytes[512], got[100];
    ssize_t n;

    shake_apart();
    ck_ok(green_stream_write_all(apart.client.stream, "some words", 10));
    n = green_recv(apart.near[0], bytes, sizeof bytes, 0);
    ck_assert_int_gt(n, 15);
    bytes[n - 1 - _i] ^= 1;
    ck_ok(green_write_all(apart.near[1], bytes, (size_t)n));
    ck_fails(green_stream_read(apart.server.stream, got, sizeof got), EPROTO);
    ck_assert_ptr_nonnull(strstr(green_tls_reason(), "bad record mac"));
    /* And stays so; the peer is told. */
    ck_fails(green_stream_read(apart.server.stream, got, sizeof got), EPROTO);
    ck_fails(green_stream_write(apart.server.stream, "x", 1), EPIPE);
    hand_over(apart.near[1], apart.near[0], 512);
    ck_fails(green_stream_read(apart.client.stream, got, sizeof got), EPROTO);
    ck_assert_ptr_nonnull(strstr(green_tls_reason(), "the peer refused"));
}
END_TEST

/* Also in the middle of a record. */
START_TEST(a_read_that_timed_out_goes_on)
{
    struct green_timeout timeout;
    unsigned char bytes[512];
    char got[16];
    ssize_t n;

    shake_apart();
    ck_ok(green_stream_write_all(apart.client.stream, "some words", 10));
    n = green_recv(apart.near[0], bytes, sizeof bytes, 0);
    for (ssize_t i = 0; i < n; i++) {
        ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
        ck_fails(green_stream_read(apart.server.stream, got, sizeof got),
                 ETIMEDOUT);
        ck_ok(green_timeout_cancel(&timeout));
        ck_ok(green_write_all(apart.near[1], bytes + i, 1));
    }
    tls_expect(apart.server.stream, "some words", 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls records");
    TCase *bytes = add_tcase(suite, "records");

    tls_files();
    tcase_set_timeout(bytes, 60);
    tcase_add_loop_test(bytes, a_record_comes_in_two_parts_cut_at_every_byte, 0,
                        2);
    tcase_add_loop_test(bytes, a_record_comes_byte_by_byte, 0, 2);
    tcase_add_loop_test(bytes, a_changed_record_is_refused, 0, 20);
    tcase_add_test(bytes, a_read_that_timed_out_goes_on);
    return run_suite(suite);
}
