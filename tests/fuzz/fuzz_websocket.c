/*
 * The reader of WebSocket frames: the input is what a peer sends behind the handshake. Of its
 * first byte, bit 0 says whether compression was agreed on, bit 1 whether messages are
 * received in parts; the rest is the size of the pieces. The connection must come to an
 * end, what was received must be valid, and the same bytes at once must give the same
 * messages.
 */
#include <greenhub.h>
#include <greenhub/websocket.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define MOST 100000

struct peer {
    int fd;
    const uint8_t *data;
    size_t size, piece;
};

/* What was received: a checksum of messages, and how it ended. */
struct outcome {
    uint64_t sum, count, size;
    int result, error, code;
};

static bool in_parts;

static const char request[] =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

static void add(struct outcome *outcome,
                const struct green_websocket_message *message)
{
    must(message->kind == GREEN_WEBSOCKET_TEXT ||
         message->kind == GREEN_WEBSOCKET_BINARY);
    must(in_parts || (message->size <= MOST && message->last &&
                      message->bytes[message->size] == '\0'));
    for (size_t i = 0; i < message->size; i++)
        outcome->sum = outcome->sum * 31 + (unsigned char)message->bytes[i];
    outcome->size += message->size;
    outcome->count += message->last;
    /* The kind matters, but not into how many parts a message is cut. */
    if (message->last)
        outcome->sum = outcome->sum * 31 + message->kind;
}

static void receive_all(struct green_websocket *websocket,
                        struct outcome *outcome)
{
    struct green_websocket_message message;
    int n;

    do {
        n = in_parts ? green_websocket_receive_part(websocket, &message)
                     : green_websocket_receive(websocket, &message);
        if (n > 0)
            add(outcome, &message);
    } while (n > 0);
    outcome->error = n < 0 ? errno : 0;
    outcome->result = n;
    outcome->code = green_websocket_close_code(websocket);
    must(strlen(green_websocket_close_reason(websocket)) <= 123);
    must(green_websocket_receive(websocket, &message) == n);
}

static int handle(struct green_http *http, void *arg)
{
    struct green_websocket_options *options = arg;
    struct green_websocket *websocket = green_websocket_accept(http, options);

    must(websocket != NULL);
    receive_all(websocket, options->arg);
    return 0;
}

static void *send_pieces(void *arg)
{
    struct peer *peer = arg;

    must(green_write_all(peer->fd, request, sizeof request - 1) == 0);
    while (peer->size > 0) {
        size_t n = peer->size < peer->piece ? peer->size : peer->piece;

        if (green_write_all(peer->fd, peer->data, n) < 0)
            break;
        peer->data += n;
        peer->size -= n;
        green_yield();
    }
    shutdown(peer->fd, SHUT_WR);
    return NULL;
}

static void *read_answer(void *arg)
{
    struct peer *peer = arg;
    char bytes[4096];

    while (green_read(peer->fd, bytes, sizeof bytes) > 0)
        ;
    return NULL;
}

static struct outcome try(const uint8_t *data, size_t size, size_t piece,
                          bool compress)
{
    struct outcome outcome = {0};
    struct green_websocket_options options = {
        .arg = &outcome, .compress = compress, .max_message = MOST};
    struct green_http_options http = {.arg = &options,
                                      .linger_timeout = GREEN_MSEC};
    struct peer peer = {.data = data, .size = size, .piece = piece};
    struct green_thread *writer, *reader;
    struct green_stream stream;
    int fds[2];

    must(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    peer.fd = fds[0];
    must(green_stream_init(&stream, fds[1]) == 0);
    writer = green_spawn(send_pieces, &peer);
    reader = green_spawn(read_answer, &peer);
    must(writer && reader);
    must(green_http_serve_stream(&stream, handle, &http) == 0);
    must(green_stream_close(&stream) == 0);
    must(green_join(writer, NULL) == 0 && green_join(reader, NULL) == 0);
    must(green_close(fds[0]) == 0);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;
    bool compress;

    if (size < 2)
        return 0;
    compress = data[0] & 1;
    in_parts = data[0] & 2;
    whole = try(data + 1, size - 1, size, compress);
    pieces = try(data + 1, size - 1, 1 + data[0] / 4, compress);
    must(whole.count == pieces.count && whole.result == pieces.result);
    must(whole.code == pieces.code && whole.error == pieces.error);
    /* In parts, what came before an error may be more or less. */
    must((in_parts && whole.result < 0) ||
         (whole.sum == pieces.sum && whole.size == pieces.size));
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
