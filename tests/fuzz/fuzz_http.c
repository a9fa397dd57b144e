/*
 * The reader of HTTP requests: the input is what a client sends, in pieces whose size is its
 * first byte. The server must come to an end, and what it answers must be a sequence
 * of responses; the same bytes at once must give the same statuses.
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

struct client {
    int fd;
    const uint8_t *data;
    size_t size, piece;
    char answer[1 << 16];
    size_t length;
};

static int handle(struct green_http *http, void *unused)
{
    const char *name, *value;
    size_t size = 0;
    char *body;

    (void)unused;
    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        must(green_http_header(http, name) != NULL &&
             strpbrk(value, "\r\n") == NULL);
    must(*green_http_method(http) && *green_http_target(http));
    must(strlen(green_http_path(http)) + strlen(green_http_query(http)) <
         strlen(green_http_target(http)) + 2);
    body = green_http_read_all(http, &size);
    if (!body)
        return -1;
    green_http_trailer(http, "A");
    free(body);
    return green_http_print(http, "%zu\n", size);
}

static void *send_pieces(void *arg)
{
    struct client *client = arg;

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

static void *read_answer(void *arg)
{
    struct client *client = arg;
    size_t room = sizeof client->answer - 1;
    ssize_t n;

    while (client->length < room &&
           (n = green_read(client->fd, client->answer + client->length,
                           room - client->length)) > 0)
        client->length += (size_t)n;
    return NULL;
}

/* The statuses in it. */
static size_t statuses(const struct client *client, char *text, size_t size)
{
    const char *at = client->answer;
    size_t count = 0;

    must(client->length == 0 || strncmp(at, "HTTP/1.1 ", 9) == 0);
    while ((at = strstr(at, "HTTP/1.1 ")) && 3 * count + 3 < size) {
        memcpy(text + 3 * count++, at + 9, 3);
        at += 9;
    }
    return 3 * count;
}

static size_t ask(const uint8_t *data, size_t size, size_t piece, char *text,
                  size_t room)
{
    static struct client client;
    struct green_http_options options = {.linger_timeout = GREEN_MSEC};
    struct green_thread *writer, *reader;
    struct green_stream stream;
    int fds[2];

    must(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    client = (struct client){
        .fd = fds[0], .data = data, .size = size, .piece = piece};
    must(green_stream_init(&stream, fds[1]) == 0);
    writer = green_spawn(send_pieces, &client);
    reader = green_spawn(read_answer, &client);
    must(writer && reader);
    must(green_http_serve_stream(&stream, handle, &options) == 0);
    must(green_stream_close(&stream) == 0);
    must(green_join(writer, NULL) == 0 && green_join(reader, NULL) == 0);
    must(green_close(fds[0]) == 0);
    return statuses(&client, text, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char whole[300], pieces[300];
    size_t count;

    if (size < 2)
        return 0;
    count = ask(data + 1, size - 1, size, whole, sizeof whole);
    must(ask(data + 1, size - 1, 1 + data[0] % 64, pieces, sizeof pieces) ==
         count);
    must(memcmp(whole, pieces, count) == 0);
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
