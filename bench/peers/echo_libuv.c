/*
 * The echo server on libuv, written as its guide recommends: a callback
 * allocates the buffer of each read; uv_write's callback frees its request
 * together with the buffer.
 *
 *   echo_libuv PORT [large]
 */
#include <common.h>

#include <uv.h>

static size_t buffer_size;

struct reply {
    uv_write_t request;
    uv_buf_t buffer;
};

static void check(int status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
    exit(1);
}

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(malloc(buffer_size), (unsigned)buffer_size);
}

static void on_written(uv_write_t *request, int status)
{
    struct reply *reply = (struct reply *)request;

    (void)status; /* the next read reports it too */
    free(reply->buffer.base);
    free(reply);
}

static void on_read(uv_stream_t *client, ssize_t n, const uv_buf_t *buffer)
{
    struct reply *reply;

    if (n > 0) {
        reply = malloc(sizeof *reply);
        if (!reply)
            bench_die("malloc");
        reply->buffer = uv_buf_init(buffer->base, (unsigned)n);
        if (uv_write(&reply->request, client, &reply->buffer, 1, on_written) ==
            0)
            return;
        free(reply);
    }
    free(buffer->base);
    if (n != 0)
        uv_close((uv_handle_t *)client, on_close);
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);

    check(status, "uv_listen");
    if (!client)
        bench_die("malloc");
    check(uv_tcp_init(server->loop, client), "uv_tcp_init");
    check(uv_accept(server, (uv_stream_t *)client), "uv_accept");
    check(uv_tcp_nodelay(client, 1), "uv_tcp_nodelay");
    check(uv_read_start((uv_stream_t *)client, allocate, on_read),
          "uv_read_start");
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    uv_tcp_t server;
    uv_os_fd_t fd;

    buffer_size = arguments.buffer_size;
    check(uv_ip4_addr("127.0.0.1", (int)arguments.port, &address),
          "uv_ip4_addr");
    check(uv_tcp_init(loop, &server), "uv_tcp_init");
    check(uv_tcp_bind(&server, (struct sockaddr *)&address, 0), "uv_tcp_bind");
    check(uv_listen((uv_stream_t *)&server, BENCH_BACKLOG, on_connection),
          "uv_listen");
    check(uv_fileno((uv_handle_t *)&server, &fd), "uv_fileno");
    bench_print_port(fd);
    return uv_run(loop, UV_RUN_DEFAULT);
}
