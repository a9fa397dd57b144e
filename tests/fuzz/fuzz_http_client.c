/*
 * The reader of HTTP responses: the input is what a server sends and then closes, in
 * pieces whose size is its first byte; the second is that of a HEAD request if it is odd.
 * The exchange must come to an end and leave no connection; the same bytes at once must
 * give the same response.
 */
#include <greenhub.h>
#include <greenhub/http_client.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

struct server {
    int listener;
    const uint8_t *data;
    size_t size, piece;
};

struct outcome {
    int status;
    ssize_t last; /* what the last read has returned */
    size_t size;
    uint64_t sum;
};

static struct server server;
static char address[64];

static void send_pieces(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t n = size < server.piece ? size : server.piece;

        if (green_write_all(fd, data, n) < 0)
            return;
        data += n;
        size -= n;
        green_yield();
    }
}

static void *serve(void *unused)
{
    char bytes[4096];
    int fd;

    (void)unused;
    while ((fd = green_accept(server.listener, NULL, NULL)) >= 0) {
        send_pieces(fd, server.data, server.size);
        shutdown(fd, SHUT_WR);
        while (green_read(fd, bytes, sizeof bytes) > 0)
            ;
        green_close(fd);
    }
    return NULL;
}

static void read_body(struct green_http_client_exchange *exchange,
                      struct outcome *outcome)
{
    const char *name, *value;
    char bytes[700];

    for (size_t i = 0; green_http_client_header_at(exchange, i, &name, &value);
         i++)
        must(*name && strpbrk(value, "\r\n") == NULL);
    while ((outcome->last =
                green_http_client_read(exchange, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < outcome->last; i++)
            outcome->sum = outcome->sum * 31 + (uint8_t)bytes[i];
        outcome->size += (size_t)outcome->last;
    }
    green_http_client_trailer(exchange, "A");
}

static struct outcome fetch(const uint8_t *data, size_t size, size_t piece,
                            const char *method)
{
    struct green_http_client_options options = {
        .address = address, .cookies = true, .max_body = 1 << 20};
    struct green_http_client *client = green_http_client_create(&options);
    struct green_http_client_exchange *exchange;
    struct green_http_client_stats stats;
    struct outcome outcome = {0};

    server.data = data;
    server.size = size;
    server.piece = piece;
    must(client != NULL);
    exchange = green_http_client_open(client, method, "http://a.test/b/c");
    must(exchange != NULL);
    outcome.status = green_http_client_response(exchange);
    if (outcome.status > 0)
        read_body(exchange, &outcome);
    green_http_client_close(exchange);
    must(green_http_client_stats(client, &stats) == 0);
    must(stats.connections == stats.idle);
    must(green_http_client_destroy(client) == 0);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;
    const char *method;

    if (size < 3)
        return 0;
    method = data[1] & 1 ? "HEAD" : "GET";
    whole = fetch(data + 2, size - 2, size, method);
    pieces = fetch(data + 2, size - 2, 1 + data[0] % 64, method);
    must(whole.status == pieces.status && whole.last == pieces.last);
    /* How much comes before an error depends on how much came at once. */
    must(whole.last < 0 ||
         (whole.size == pieces.size && whole.sum == pieces.sum));
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    signal(SIGPIPE, SIG_IGN);
    must(green_use_hub("sim") == 0);
    snprintf(address, sizeof address, "unix://@greenhub-fuzz-%d", getpid());
    server.listener = green_listen(address, NULL);
    must(server.listener >= 0 && green_spawn(serve, NULL) != NULL);
    return 0;
}
