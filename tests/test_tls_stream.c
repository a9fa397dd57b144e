/* TLS streams once they are made: bytes, ends, kills and time limits. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tls_pair.h"

/* ---- Bytes ---------------------------------------------------------------- */

START_TEST(bytes_arrive)
{
    struct green_stream *ends[2];
    struct iovec parts[] = {{"one, ", 5}, {"", 0}, {"two", 3}};

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    ck_assert_str_eq(SSL_get_version(green_tls_ssl(ends[0])), tls_versions[_i]);
    ck_assert_ptr_null(green_tls_protocol(ends[0]));
    ck_ok(green_stream_write_all(ends[0], "ping", 4));
    tls_expect(ends[1], "ping", 4);
    ck_assert_int_eq(green_stream_writev(ends[1], parts, 3), 8);
    tls_expect(ends[0], "one, two", 8);
    ck_assert_int_eq(green_stream_write(ends[0], "", 0), 0);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* Both ends write at once more than the sockets hold, and read at once. */
START_TEST(both_directions_at_once)
{
    struct green_stream *ends[2];
    struct green_thread *threads[4];
    struct tls_load loads[2];

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    for (int i = 0; i < 2; i++) {
        size_t size = (size_t)fewer_if_checked(8 << 20, 8);

        loads[i] = (struct tls_load){ends[i], tls_pattern(size), size};
        threads[i] = green_spawn(tls_writes, &loads[i]);
        threads[2 + i] = green_spawn(tls_reads, &loads[i]);
    }
    for (int i = 0; i < 4; i++)
        ck_ok(green_join(threads[i], NULL));
    for (int i = 0; i < 2; i++) {
        free(loads[i].bytes);
        ck_ok(green_stream_close(ends[i]));
    }
}
END_TEST

/* Messages of several writers are not mixed. */
static void *writes_message(void *arg)
{
    struct tls_load *load = arg;

    for (int i = 0; i < 3; i++)
        ck_ok(green_stream_write_all(load->stream, load->bytes, load->size));
    return arg;
}

START_TEST(several_writers_take_turns)
{
    enum { WRITERS = 4, SIZE = 300000 };
    struct green_stream *ends[2];
    struct green_thread *threads[WRITERS];
    struct tls_load loads[WRITERS];
    unsigned char *got = malloc(SIZE);

    tls_pair(ends);
    for (int i = 0; i < WRITERS; i++) {
        loads[i] = (struct tls_load){ends[0], malloc(SIZE), SIZE};
        memset(loads[i].bytes, 'a' + i, SIZE);
        threads[i] = green_spawn(writes_message, &loads[i]);
    }
    for (int i = 0; i < 3 * WRITERS; i++) {
        size_t done;

        ck_ok(green_stream_read_full_counted(ends[1], got, SIZE, &done));
        ck_assert_uint_eq(done, SIZE);
        for (size_t j = 1; j < SIZE; j++)
            ck_assert_int_eq(got[j], got[0]);
    }
    for (int i = 0; i < WRITERS; i++) {
        ck_ok(green_join(threads[i], NULL));
        free(loads[i].bytes);
    }
    free(got);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

START_TEST(what_is_decrypted_is_pending)
{
    struct green_stream *ends[2];
    char byte;

    tls_pair(ends);
    ck_assert_uint_eq(green_stream_pending(ends[1]), 0);
    ck_ok(green_stream_write_all(ends[0], "abc", 3));
    ck_ok(green_stream_write_all(ends[0], "defg", 4));
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 1);
    ck_assert_uint_eq(green_stream_pending(ends[1]), 2);
    tls_expect(ends[1], "bc", 2);
    /* The second record came with the first one, and the socket is empty. */
    ck_assert_uint_eq(green_stream_pending(ends[1]), 4);
    tls_expect(ends[1], "defg", 4);
    ck_assert_uint_eq(green_stream_pending(ends[1]), 0);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* ---- Ends ------------------------------------------------------------------------- */

START_TEST(a_close_is_the_end)
{
    struct green_stream *ends[2];
    char byte;

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    ck_ok(green_stream_write_all(ends[0], "last", 4));
    ck_ok(green_stream_close(ends[0]));
    tls_expect(ends[1], "last", 4);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 0);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 0);
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* Only the peer that sends it knows that it is the end. */
START_TEST(a_cut_is_no_end)
{
    struct green_stream *ends[2];
    char byte;

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    ck_ok(green_stream_write_all(ends[0], "half", 4));
    ck_ok(shutdown(ends[0]->fd, SHUT_WR));
    tls_expect(ends[1], "half", 4);
    ck_fails(green_stream_read(ends[1], &byte, 1), ECONNRESET);
    ck_assert_ptr_nonnull(strstr(green_tls_reason(), "without a close_notify"));
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

START_TEST(one_side_ends_the_other_goes_on)
{
    struct green_stream *ends[2];
    char byte;

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    ck_ok(green_stream_shutdown(ends[0], SHUT_WR));
    ck_fails(green_stream_write(ends[0], "x", 1), EPIPE);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 0);
    ck_ok(green_stream_write_all(ends[1], "still here", 10));
    tls_expect(ends[0], "still here", 10);
    ck_ok(green_stream_shutdown(ends[1], SHUT_RDWR));
    ck_assert_int_eq(green_stream_read(ends[0], &byte, 1), 0);
    ck_fails(green_stream_shutdown(ends[0], 77), EINVAL);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* A client that has not read the server's tickets, and closes: if its kernel
 * reset the connection, the server would lose what it was sent. */
START_TEST(a_client_sends_and_closes_at_once)
{
    struct green_stream *ends[2];
    unsigned char *bytes = tls_pattern(100000);
    char byte;

    tls_at_most(tls_versions[_i]);
    tls_pair(ends);
    ck_ok(green_stream_write_all(ends[0], bytes, 100000));
    ck_ok(green_stream_close(ends[0]));
    tls_expect(ends[1], bytes, 100000);
    ck_assert_int_eq(green_stream_read(ends[1], &byte, 1), 0);
    ck_ok(green_stream_close(ends[1]));
    free(bytes);
}
END_TEST

/* ---- Kills, time limits, closes ------------------------------------------------------ */

struct reading {
    struct green_stream *stream;
    ssize_t result;
    int error;
    char byte;
};

static void *reads_one(void *arg)
{
    struct reading *reading = arg;

    reading->result = green_stream_read(reading->stream, &reading->byte, 1);
    reading->error = errno;
    return arg;
}

START_TEST(a_killed_read_loses_nothing)
{
    struct green_stream *ends[2];
    struct reading reading;
    struct green_thread *thread;

    tls_pair(ends);
    reading.stream = ends[1];
    thread = green_spawn(reads_one, &reading);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(reading.result, -1);
    ck_assert_int_eq(reading.error, ECANCELED);
    ck_ok(green_stream_write_all(ends[0], "x", 1));
    tls_expect(ends[1], "x", 1);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* What was sent may end in the middle of a record. */
START_TEST(a_write_that_timed_out_is_the_last)
{
    struct green_stream *ends[2];
    struct green_timeout timeout;
    unsigned char *bytes = tls_pattern(1 << 20);
    ssize_t n;

    tls_pair(ends);
    ck_ok(green_timeout_start(&timeout, 200 * GREEN_MSEC));
    while ((n = green_stream_write(ends[0], bytes, 1 << 20)) == 1 << 20)
        ;
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_fails(green_stream_write(ends[0], "x", 1), ETIMEDOUT);
    /* Reads go on. */
    ck_ok(green_stream_write_all(ends[1], "y", 1));
    tls_expect(ends[0], "y", 1);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
    free(bytes);
}
END_TEST

static void kills(void *thread)
{
    ck_ok(green_kill(thread));
}

static void *killed_but_writes(void *arg)
{
    struct green_stream **ends = arg;
    struct green_shield shield;

    ck_ok(green_spawn_n(kills, green_self()));
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_yield());
    ck_ok(green_shield_end(&shield));
    ck_fails(green_stream_write(ends[0], "x", 1), ECANCELED);
    ck_ok(green_stream_write_all(ends[0], "last words", 10));
    return arg;
}

START_TEST(a_killed_greenthread_sends_a_last_message)
{
    struct green_stream *ends[2];

    tls_pair(ends);
    ck_ok(green_join(green_spawn(killed_but_writes, ends), NULL));
    tls_expect(ends[1], "last words", 10);
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

/* Of two that read, one waits for its turn. */
START_TEST(a_close_ends_the_calls_of_others)
{
    struct green_stream *ends[2];
    struct reading readings[2];
    struct green_thread *threads[2];
    int other;

    tls_pair(ends);
    for (int i = 0; i < 2; i++) {
        readings[i].stream = ends[1];
        threads[i] = green_spawn(reads_one, &readings[i]);
    }
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_stream_close(ends[1]));
    other = open("/dev/null", O_RDONLY | O_CLOEXEC); /* takes the number */
    for (int i = 0; i < 2; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(readings[i].result, -1);
        ck_assert_int_eq(readings[i].error, EBADF);
    }
    close(other);
    ck_ok(green_stream_close(ends[0]));
}
END_TEST

/* What another greenthread, or the program's own code, leaves in OpenSSL's queue
 * of errors concerns nobody. */
START_TEST(errors_of_others)
{
    struct green_stream *ends[2];

    tls_pair(ends);
    for (int i = 0; i < 3; i++) {
        ERR_put_error(ERR_LIB_SSL, 0, SSL_R_BAD_DIGEST_LENGTH, "", 0);
        ck_ok(green_stream_write_all(ends[0], "ping", 4));
        ERR_put_error(ERR_LIB_SSL, 0, SSL_R_BAD_DIGEST_LENGTH, "", 0);
        tls_expect(ends[1], "ping", 4);
    }
    ck_assert_ptr_null(strstr(green_tls_reason(), "digest"));
    ck_ok(green_stream_close(ends[0]));
    ck_ok(green_stream_close(ends[1]));
}
END_TEST

START_TEST(it_needs_little_stack)
{
    struct green_attr attr = {.stack_size = 16 << 10};
    struct green_stream *ends[2];
    struct tls_load load = {.size = 100000};
    struct green_thread *threads[2];

    if (checker()) {
        SKIP("a checker needs more");
        return;
    }
    load.bytes = tls_pattern(load.size);
    tls_pair(ends);
    load.stream = ends[0];
    threads[0] = green_spawn_with(&attr, tls_writes, &load);
    ck_ok(green_join(threads[0], NULL));
    load.stream = ends[1];
    threads[1] = green_spawn_with(&attr, tls_reads, &load);
    ck_ok(green_join(threads[1], NULL));
    free(load.bytes);
}
END_TEST

/* ---- Arguments ---------------------------------------------------------------------- */

START_TEST(arguments)
{
    struct green_stream plain = {.fd = 0};
    struct green_tls_config *config = tls_client_config();

    ck_fails_null(green_tls_ssl(NULL), EINVAL);
    ck_fails_null(green_tls_ssl(&plain), EINVAL);
    ck_assert_ptr_null(green_tls_protocol(&plain));
    ck_fails_null(green_tls_client(0, NULL, "host.test"), EINVAL);
    ck_fails_null(green_tls_client(-1, config, "host.test"), EBADF);
    ck_fails_null(green_tls_client(0, config, NULL), EINVAL);
    ck_fails_null(green_tls_server(0, config), EINVAL);
    ck_assert_str_eq(green_tls_reason(), "a server needs a certificate");
    green_tls_config_free(config);
}
END_TEST

START_TEST(a_wrap_makes_both_sides)
{
    static const char *const protocols[] = {"b", "a", NULL};
    struct green_tls_config *client = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"), .protocols = protocols + 1});
    struct green_tls_config *server = tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .protocols = protocols});
    struct green_stream_wrap of_client = green_tls_wrap(client);
    struct green_stream_wrap of_server = green_tls_wrap(server);
    struct tls_end ends[2] = {{.config = of_client.arg, .host = "host.test"},
                              {.config = of_server.arg}};

    tls_meet(&ends[0], &ends[1]);
    ck_assert_int_eq(ends[0].error, 0);
    ck_assert_str_eq(of_client.protocol(ends[0].stream), "a");
    ck_assert_str_eq(of_server.protocol(ends[1].stream), "a");
    ck_fails_null(of_client.wrap(-1, "host.test", of_client.arg), EBADF);
    ck_fails_null(of_server.wrap(-1, NULL, of_server.arg), EBADF);
    ck_ok(green_stream_close(ends[0].stream));
    ck_ok(green_stream_close(ends[1].stream));
    green_tls_config_free(client);
    green_tls_config_free(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls stream");
    TCase *bytes = add_tcase(suite, "bytes");
    TCase *ends = add_tcase(suite, "ends");
    TCase *others = add_tcase(suite, "others");

    tls_files();
    tcase_set_timeout(bytes, 60);
    tcase_add_loop_test(bytes, bytes_arrive, 0, 2);
    tcase_add_loop_test(bytes, both_directions_at_once, 0, 2);
    tcase_add_test(bytes, several_writers_take_turns);
    tcase_add_test(bytes, what_is_decrypted_is_pending);
    tcase_add_loop_test(ends, a_close_is_the_end, 0, 2);
    tcase_add_loop_test(ends, a_cut_is_no_end, 0, 2);
    tcase_add_loop_test(ends, one_side_ends_the_other_goes_on, 0, 2);
    tcase_add_loop_test(ends, a_client_sends_and_closes_at_once, 0, 2);
    tcase_add_test(others, a_killed_read_loses_nothing);
    tcase_add_test(others, a_write_that_timed_out_is_the_last);
    tcase_add_test(others, a_killed_greenthread_sends_a_last_message);
    tcase_add_test(others, a_close_ends_the_calls_of_others);
    tcase_add_test(others, errors_of_others);
    tcase_add_test(others, it_needs_little_stack);
    tcase_add_test(others, arguments);
    tcase_add_test(others, a_wrap_makes_both_sides);
    return run_suite(suite);
}
