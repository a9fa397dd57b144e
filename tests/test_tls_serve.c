/* TLS streams together with what takes streams: relays and servers. */
#include "tls_pair.h"

#include "server.h"

/* ---- Relays ---------------------------------------------------------------- */

/* outer[0] - inner[0] | relay | inner[1] - outer[1]; each pair plain or TLS. */
static struct green_stream *outer[2], *inner[2];
static struct green_stream plains[4];

enum { LEFT_IS_TLS = 1, RIGHT_IS_TLS = 2, KINDS = 4 };

static void make_pair_of(int i, bool tls)
{
    struct green_stream *ends[2] = {&plains[2 * i], &plains[2 * i + 1]};
    int fds[2];

    if (tls) {
        tls_pair(ends);
    } else {
        tcp_pair(fds);
        ck_ok(green_stream_init(ends[0], fds[0]));
        ck_ok(green_stream_init(ends[1], fds[1]));
    }
    outer[i] = ends[0];
    inner[i] = ends[1];
}

static void make_both(int kinds)
{
    make_pair_of(0, kinds & LEFT_IS_TLS);
    make_pair_of(1, kinds & RIGHT_IS_TLS);
}

static void *relays(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)(green_stream_relay(inner[0], inner[1]) < 0 ? errno
                                                                         : 0);
}

static struct green_thread *start_relay(int kinds)
{
    struct green_thread *relayer;

    make_both(kinds);
    relayer = green_spawn(relays, NULL);
    ck_assert_ptr_nonnull(relayer);
    ck_ok(green_sleep(0));
    return relayer;
}

static int error_of(struct green_thread *thread)
{
    void *error;

    ck_ok(green_join(thread, &error));
    return (int)(intptr_t)error;
}

static void close_all(void)
{
    for (int i = 0; i < 2; i++) {
        ck_ok(green_stream_close(outer[i]));
        ck_ok(green_stream_close(inner[i]));
    }
}

START_TEST(a_relay_between_any_two)
{
    struct green_thread *relayer = start_relay(_i), *threads[4];
    struct tls_load loads[4];
    char byte;

    for (int i = 0; i < 2; i++) {
        size_t size = (size_t)fewer_if_checked(2 << 20, 8) + (size_t)i;
        unsigned char *bytes = tls_pattern(size);

        loads[i] = (struct tls_load){outer[i], bytes, size};
        loads[2 + i] = (struct tls_load){outer[1 - i], bytes, size};
        threads[i] = green_spawn(tls_writes, &loads[i]);
        threads[2 + i] = green_spawn(tls_reads, &loads[2 + i]);
    }
    for (int i = 0; i < 4; i++)
        ck_ok(green_join(threads[i], NULL));
    /* One side ends; the other answers afterwards. */
    ck_ok(green_stream_shutdown(outer[0], SHUT_WR));
    ck_assert_int_eq(green_stream_read(outer[1], &byte, 1), 0);
    ck_ok(green_stream_write_all(outer[1], "answer", 6));
    tls_expect(outer[0], "answer", 6);
    ck_ok(green_stream_shutdown(outer[1], SHUT_WR));
    ck_assert_int_eq(green_stream_read(outer[0], &byte, 1), 0);
    ck_assert_int_eq(error_of(relayer), 0);
    free(loads[0].bytes);
    free(loads[1].bytes);
    close_all();
}
END_TEST

/* A record is larger than the buffer that is lent for it, and the socket is empty. */
START_TEST(a_relay_waits_for_nothing_that_it_has)
{
    static const size_t sizes[] = {1, 1025, 2048, 2049, 4097, 16384};
    struct green_thread *relayer = start_relay(_i);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *bytes = tls_pattern(sizes[i]);

        ck_ok(green_stream_write_all(outer[0], bytes, sizes[i]));
        tls_expect(outer[1], bytes, sizes[i]);
        free(bytes);
    }
    ck_ok(green_kill(relayer));
    ck_assert_int_eq(error_of(relayer), ECANCELED);
    close_all();
}
END_TEST

START_TEST(a_relay_does_not_pass_a_cut_on_as_an_end)
{
    struct green_thread *relayer = start_relay(LEFT_IS_TLS | RIGHT_IS_TLS);
    char byte;

    ck_ok(green_stream_write_all(outer[0], "half", 4));
    ck_ok(shutdown(outer[0]->fd, SHUT_WR));
    tls_expect(outer[1], "half", 4);
    ck_assert_int_eq(error_of(relayer), ECONNRESET);
    ck_ok(shutdown(inner[1]->fd, SHUT_RDWR));
    ck_fails(green_stream_read(outer[1], &byte, 1), ECONNRESET);
    close_all();
}
END_TEST

/* In a read, and in a write to one that does not read. */
START_TEST(a_kill_or_a_timeout_ends_a_relay)
{
    struct green_thread *relayer = start_relay(_i % KINDS);
    struct green_timeout timeout;
    unsigned char *bytes = tls_pattern(1 << 20);

    if (_i >= KINDS) {
        ck_ok(green_timeout_start(&timeout, 100 * GREEN_MSEC));
        while (green_stream_write(outer[0], bytes, 1 << 20) == 1 << 20)
            ;
        ck_ok(green_timeout_cancel(&timeout));
    }
    ck_ok(green_kill(relayer));
    ck_assert_int_eq(error_of(relayer), ECANCELED);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_assert_int_eq(green_stream_relay(inner[1], inner[1]), -1);
    ck_ok(green_timeout_cancel(&timeout));
    close_all();
    free(bytes);
}
END_TEST

/* ---- Servers ----------------------------------------------------------------- */

static struct green_tls_config *client_config;
static struct green_stream_wrap server_wrap;
static const char *agreed;
static char backend[128];

static struct green_stream *tls_dial(const char *to)
{
    int fd = green_dial(to);
    struct green_stream *stream;

    ck_assert_int_ge(fd, 0);
    stream = green_tls_client(fd, client_config, "host.test");
    ck_assert_msg(stream != NULL, "%s", green_tls_reason());
    return stream;
}

static void echo_stream(struct green_stream *stream, void *arg)
{
    struct green_buffer *buffer;

    (void)arg;
    begun++;
    if (options.wrap && options.wrap->protocol(stream))
        agreed = "h2";
    while (green_stream_lend(stream, &buffer) > 0) {
        int result = green_stream_write_all(stream, buffer->data, buffer->size);

        green_buffer_return(buffer);
        if (result < 0)
            break;
    }
    (void)green_stream_shutdown(stream, SHUT_WR);
    ended++;
}

/* A forwarder to a server that takes TLS or does not. */
static void forward_stream(struct green_stream *near, void *arg)
{
    struct green_stream plain, *far = &plain;

    begun++;
    if (arg)
        far = tls_dial(backend);
    else
        ck_ok(green_stream_init(&plain, green_dial(backend)));
    (void)green_stream_relay(near, far);
    ck_ok(green_stream_close(far));
    ended++;
}

static void (*stream_handler)(struct green_stream *stream, void *arg);

static void *serve_streams(void *unused)
{
    struct green_serve_options mine = options; /* a case may start another */

    serve_result = green_serve_streams(listener, stream_handler, &mine);
    serve_error = errno;
    return unused;
}

static void start(void (*fn)(struct green_stream *stream, void *arg), bool tls)
{
    static const char *const protocols[] = {"h2", NULL};

    client_config = tls_config(&(struct green_tls_options){
        .authorities = tls_path("ca.crt"), .protocols = protocols});
    server_wrap = green_tls_wrap(tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .protocols = protocols}));
    options.wrap = tls ? &server_wrap : NULL;
    stream_handler = fn;
    listen_for_server("tcp://127.0.0.1:0", false);
    serve_result = 1000;
    keeper = green_spawn(serve_streams, NULL);
    ck_ok(green_sleep(0));
}

static void talks_to(struct green_stream *stream, size_t size)
{
    struct tls_load load = {stream, tls_pattern(size), size};
    struct green_thread *writer = green_spawn(tls_writes, &load);

    tls_expect(stream, load.bytes, size);
    ck_ok(green_join(writer, NULL));
    free(load.bytes);
}

START_TEST(a_server_of_tls_streams)
{
    enum { CLIENTS = 20 };
    struct green_stream *clients[CLIENTS];
    char byte;

    start(echo_stream, true);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = tls_dial(address);
    for (int i = 0; i < CLIENTS; i++)
        talks_to(clients[i], 1 + (size_t)i * 3000);
    ck_assert_str_eq(agreed, "h2");
    for (int i = 0; i < CLIENTS; i++) {
        ck_ok(green_stream_shutdown(clients[i], SHUT_WR));
        ck_assert_int_eq(green_stream_read(clients[i], &byte, 1), 0);
        ck_ok(green_stream_close(clients[i]));
    }
    wait_until(ended == CLIENTS);
    stop_server();
    ck_assert_int_eq(begun, CLIENTS);
}
END_TEST

/* The client is plain if the server is, and the other way round. */
START_TEST(a_forwarder_with_tls_on_one_side)
{
    static struct green_server front;
    bool tls_in_front = _i;
    struct green_stream *stream, plain;
    struct green_thread *behind;
    int back_listener;
    char byte;

    start(echo_stream, !tls_in_front);
    strcpy(backend, address);
    back_listener = listener;
    behind = keeper;
    options.server = &front;
    options.arg = tls_in_front ? NULL : client_config;
    start(forward_stream, tls_in_front);
    if (tls_in_front)
        stream = tls_dial(address);
    else
        ck_ok(green_stream_init(stream = &plain, green_dial(address)));
    talks_to(stream, 300000);
    ck_ok(green_stream_shutdown(stream, SHUT_WR));
    ck_assert_int_eq(green_stream_read(stream, &byte, 1), 0);
    ck_ok(green_stream_close(stream));
    wait_until(ended == 2);
    ck_ok(green_server_stop(&front));
    ck_ok(green_join(keeper, NULL));
    ck_assert_int_eq(serve_result, 0);
    ck_ok(green_kill(behind));
    ck_ok(green_join(behind, NULL));
    ck_ok(green_close(back_listener));
}
END_TEST

/* One that says nothing, one that speaks no TLS, one that closes at once. */
START_TEST(bad_clients_do_not_hold_up_a_server)
{
    struct green_stream *good;
    int silent, talker;

    options.kill_on_stop = true;
    start(echo_stream, true);
    silent = dial_server();
    talker = dial_server();
    ck_ok(green_write_all(talker, "GET / HTTP/1.0\r\n\r\n", 18));
    ck_ok(green_close(dial_server()));
    good = tls_dial(address);
    talks_to(good, 5000);
    stop_server();
    ck_assert_int_eq(begun, 1);
    ck_assert_int_eq(ended, 1);
    sees_the_end(silent);
    ck_ok(green_close(talker));
    ck_ok(green_stream_close(good));
}
END_TEST

/* A stop waits for connections for so long, though a client reads nothing. */
START_TEST(a_stop_ends_with_its_time_limit)
{
    struct green_stream *stream;
    struct green_timeout timeout;
    unsigned char *bytes = tls_pattern(1 << 20);

    options.stop_timeout = 10 * GREEN_MSEC;
    start(echo_stream, true);
    stream = tls_dial(address);
    ck_ok(green_timeout_start(&timeout, 100 * GREEN_MSEC));
    while (green_stream_write(stream, bytes, 1 << 20) == 1 << 20)
        ;
    ck_ok(green_timeout_cancel(&timeout));
    stop_server();
    ck_assert_int_eq(ended, 1);
    ck_ok(green_stream_close(stream));
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls serve");
    TCase *relay = add_tcase(suite, "relay");
    TCase *serve = add_tcase(suite, "serve");

    tls_files();
    tcase_set_timeout(relay, 60);
    tcase_add_loop_test(relay, a_relay_between_any_two, 0, KINDS);
    tcase_add_loop_test(relay, a_relay_waits_for_nothing_that_it_has, 0, KINDS);
    tcase_add_test(relay, a_relay_does_not_pass_a_cut_on_as_an_end);
    tcase_add_loop_test(relay, a_kill_or_a_timeout_ends_a_relay, 0, 2 * KINDS);
    tcase_add_test(serve, a_server_of_tls_streams);
    tcase_add_loop_test(serve, a_forwarder_with_tls_on_one_side, 0, 2);
    tcase_add_test(serve, bad_clients_do_not_hold_up_a_server);
    tcase_add_test(serve, a_stop_ends_with_its_time_limit);
    return run_suite(suite);
}
