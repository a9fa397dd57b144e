/*
 * Connections of HTTP/2: the input is what a client sends behind the preface and its SETTINGS,
 * in pieces whose size is its first byte. The server must come to an end with all handlers, and
 * what it sends must be frames that a server may send.
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define BEGIN "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

static unsigned running;

static int handle(struct green_http *http, void *unused)
{
    const char *name, *value;
    int result = -1;
    size_t size = 0;
    char *body;

    (void)unused;
    running++;
    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        must(green_http_header(http, name) != NULL &&
             strpbrk(value, "\r\n") == NULL);
    must(*green_http_method(http) && *green_http_target(http));
    must(green_http_version(http) == 20);
    body = green_http_read_all(http, &size);
    if (body) {
        green_http_trailer(http, "A");
        green_http_add_trailer(http, "B", "c");
        result = green_http_print(http, "%zu\n", size);
        if (result == 0 && size % 2)
            result = green_http_flush(http);
    }
    free(body);
    running--;
    return result;
}

struct client {
    int fd;
    const uint8_t *data;
    size_t size, piece;
};

static void *send_pieces(void *arg)
{
    struct client *client = arg;

    if (green_write_all(client->fd, BEGIN, sizeof BEGIN - 1) < 0)
        return NULL;
    while (client->size > 0) {
        size_t n = client->size < client->piece ? client->size : client->piece;

        if (green_write_all(client->fd, client->data, n) < 0)
            break;
        client->data += n;
        client->size -= n;
        green_yield();
    }
    shutdown(client->fd, SHUT_WR);
    return NULL;
}

/* Each frame must be one that a server sends, the first one SETTINGS. */
static void *read_frames(void *arg)
{
    const struct client *client = arg;
    static uint8_t payload[16384];
    uint8_t head[9];
    bool first = true;

    while (green_read_full(client->fd, head, sizeof head) == sizeof head) {
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        must(size <= sizeof payload && head[3] <= 9 && head[3] != 5);
        must(!first || head[3] == 4);
        must(head[3] > 1 || (head[8] & 1));
        first = false;
        if (green_read_full(client->fd, payload, size) != (ssize_t)size)
            break;
    }
    return NULL;
}

static void connect_and_send(const uint8_t *data, size_t size, size_t piece)
{
    struct green_http_options options = {.linger_timeout = GREEN_MSEC,
                                         .max_streams = 4};
    struct green_thread *writer, *reader;
    struct green_stream stream;
    struct client client;
    int fds[2];

    must(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    client = (struct client){
        .fd = fds[0], .data = data, .size = size, .piece = piece};
    must(green_stream_init(&stream, fds[1]) == 0);
    writer = green_spawn(send_pieces, &client);
    reader = green_spawn(read_frames, &client);
    must(writer && reader);
    must(green_http_serve_stream(&stream, handle, &options) == 0);
    must(running == 0);
    must(green_stream_close(&stream) == 0);
    must(green_join(writer, NULL) == 0 && green_join(reader, NULL) == 0);
    must(green_close(fds[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    connect_and_send(data + 1, size - 1, size);
    connect_and_send(data + 1, size - 1, 1 + data[0] % 64);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    signal(SIGPIPE, SIG_IGN); /* the server may close early */
    must(green_use_hub("sim") == 0);
    return 0;
}
