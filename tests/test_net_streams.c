/* green_serve_streams: plain connections, and ones with a layer. */
#include "server.h"
#include "stream_layer.h"

static int wraps, closes, fail_wraps;

static int close_counted(struct green_stream *stream)
{
    int fd = stream->fd;

    closes++;
    free(stream);
    return green_close(fd);
}

static struct green_stream *wrap_layer(int fd, const char *host, void *arg)
{
    static const struct green_stream_ops ops = {
        .name = "turned over",
        .read = layer_read,
        .writev = layer_writev,
        .pending = layer_pending,
        .close = close_counted,
    };
    struct layer *layer = malloc(sizeof *layer);
    char hello;

    ck_assert_ptr_null(host);
    ck_assert_str_eq(arg, "for wrap");
    wraps++;
    /* the handshake */
    if (green_read(fd, &hello, 1) != 1 || fail_wraps) {
        free(layer);
        errno = EPROTO;
        return NULL;
    }
    layer_init(layer, fd);
    layer->stream.ops = &ops;
    return &layer->stream;
}

static const struct green_stream_wrap wrap = {.wrap = wrap_layer,
                                              .arg = "for wrap"};

static void echo_stream(struct green_stream *stream, void *arg)
{
    char buffer[128];
    ssize_t n;

    ck_assert_ptr_eq(arg, &server);
    begun++;
    while ((n = green_stream_read(stream, buffer, sizeof buffer)) > 0 &&
           green_stream_write_all(stream, buffer, (size_t)n) == 0)
        ;
    ended++;
}

static void *serve_streams(void *unused)
{
    serve_result = green_serve_streams(listener, echo_stream, &options);
    serve_error = errno;
    return unused;
}

static void start(bool layered)
{
    options.arg = &server;
    options.wrap = layered ? &wrap : NULL;
    listen_for_server("tcp://127.0.0.1:0", false);
    serve_result = 1000;
    keeper = green_spawn(serve_streams, NULL);
}

static void ends_after_close(int fd)
{
    ck_ok(green_close(fd));
    wait_until(ended == 1);
    stop_server();
    ck_assert_int_eq(closes, options.wrap ? 1 : 0);
}

START_TEST(a_connection_is_a_plain_stream)
{
    start(false);
    ends_after_close(client());
}
END_TEST

START_TEST(a_connection_gets_the_layer)
{
    struct layer layer;
    char buffer[6] = "";
    int fd;

    start(true);
    fd = dial_server();
    ck_ok(green_write_all(fd, "!", 1));
    layer_init(&layer, fd);
    ck_ok(green_stream_write_all(&layer.stream, "hello", 5));
    ck_assert_int_eq(green_stream_read_full(&layer.stream, buffer, 5), 5);
    ck_assert_str_eq(buffer, "hello");
    ends_after_close(fd);
}
END_TEST

START_TEST(handshakes_run_side_by_side)
{
    int slow, fd;

    start(true);
    slow = dial_server(); /* sends nothing */
    wait_until(wraps == 1);
    fd = dial_server();
    ck_ok(green_write_all(fd, "!", 1));
    wait_until(begun == 1);
    ck_ok(green_close(slow));
    ends_after_close(fd);
    ck_assert_int_eq(wraps, 2);
}
END_TEST

START_TEST(a_failed_handshake_ends_the_connection)
{
    int fd;

    fail_wraps = 1;
    start(true);
    fd = dial_server();
    ck_ok(green_write_all(fd, "!", 1));
    sees_the_end(fd);
    stop_server();
    ck_assert_int_eq(begun, 0);
    ck_assert_int_eq(closes, 0);
}
END_TEST

START_TEST(a_kill_ends_a_handshake)
{
    int fd;

    options.kill_on_stop = true;
    start(true);
    fd = dial_server();
    wait_until(wraps == 1);
    stop_server();
    sees_the_end(fd);
    ck_assert_int_eq(begun, 0);
}
END_TEST

static void refused_with(const struct green_stream_wrap *bad)
{
    options.wrap = bad;
    ck_fails(green_serve_streams(listener, echo_stream, &options), EINVAL);
}

START_TEST(invalid_options_are_refused)
{
    listen_for_server("tcp://127.0.0.1:0", false);
    ck_fails(green_serve_streams(listener, NULL, NULL), EINVAL);
    refused_with(&(struct green_stream_wrap){.arg = "for wrap"});
    refused_with(
        &(struct green_stream_wrap){.wrap = wrap_layer, .reserved[3] = 1});
    options.wrap = &wrap;
    ck_fails(green_serve(listener, echo, &options), EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net streams");
    TCase *tcase = add_tcase(suite, "streams");

    tcase_add_test(tcase, a_connection_is_a_plain_stream);
    tcase_add_test(tcase, a_connection_gets_the_layer);
    tcase_add_test(tcase, handshakes_run_side_by_side);
    tcase_add_test(tcase, a_failed_handshake_ends_the_connection);
    tcase_add_test(tcase, a_kill_ends_a_handshake);
    tcase_add_test(tcase, invalid_options_are_refused);
    return run_suite(suite);
}
