#include "http_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *arg)
{
    struct http_pair *pair = arg;

    pair->result =
        green_http_serve_stream(&pair->stream, pair->handler, pair->options);
    ck_ok(green_stream_close(&pair->stream));
    return NULL;
}

void http_open(struct http_pair *pair,
               int (*handler)(struct green_http *http, void *arg),
               const struct green_http_options *options)
{
    int fds[2];

    tcp_pair(fds);
    *pair = (struct http_pair){
        .client = fds[0], .handler = handler, .options = options};
    ck_ok(green_stream_init(&pair->stream, fds[1]));
    pair->thread = green_spawn(serve, pair);
    ck_assert_ptr_nonnull(pair->thread);
}

void http_close(struct http_pair *pair)
{
    ck_ok(green_join(pair->thread, NULL));
    ck_assert_int_eq(pair->result, 0);
    ck_ok(green_close(pair->client));
}

void http_send(struct http_pair *pair, const char *text)
{
    ck_ok(green_write_all(pair->client, text, strlen(text)));
}

/* Strings last as long as their case, which is a process: leak checkers are to find
 * them here. */
static char *kept[1024];
static size_t kept_count;

/* Reads up to `text`; NULL: to the end. A reset is an end, too. */
static char *read_until(struct http_pair *pair, const char *text)
{
    size_t size = 0, room = 1 << 16;
    char *all = calloc(1, room);
    ssize_t n;

    do {
        if (room - size < 4096)
            all = realloc(all, room *= 2);
        n = green_read(pair->client, all + size, text ? 1 : room - size - 1);
        size += n > 0 ? (size_t)n : 0;
        all[size] = '\0';
    } while (n > 0 && !(text && size >= strlen(text) &&
                        strcmp(all + size - strlen(text), text) == 0));
    kept[kept_count++ % (sizeof kept / sizeof kept[0])] = all;
    return all;
}

char *http_read_all(struct http_pair *pair)
{
    return read_until(pair, NULL);
}

char *http_read_until(struct http_pair *pair, const char *text)
{
    char *all = read_until(pair, text);

    ck_has(all, text);
    return all;
}

char *http_ask(int (*handler)(struct green_http *http, void *arg),
               const struct green_http_options *options, const char *request)
{
    struct http_pair pair;
    char *all;

    http_open(&pair, handler, options);
    http_send(&pair, request);
    ck_ok(green_shutdown(pair.client, SHUT_WR));
    all = http_read_all(&pair);
    http_close(&pair);
    return all;
}

const char *http_statuses(const char *text)
{
    static char statuses[256];
    size_t size = 0;

    statuses[0] = '\0';
    while ((text = strstr(text, "HTTP/1.1 ")) && size < sizeof statuses - 8) {
        size += (size_t)snprintf(statuses + size, sizeof statuses - size,
                                 "%s%.3s", size ? " " : "", text + 9);
        text += 9;
    }
    return statuses;
}

int http_echo(struct green_http *http, void *arg)
{
    size_t size;
    char *body = green_http_read_all(http, &size);
    int result;

    (void)arg;
    if (!body)
        return -1;
    result = green_http_print(http, "%s %s\n", green_http_method(http),
                              green_http_target(http));
    if (result == 0)
        result = green_http_write(http, body, size);
    free(body);
    return result;
}

int http_hello(struct green_http *http, void *arg)
{
    (void)arg;
    return green_http_reply(http, 200, "text/plain", "hello\n", 6);
}

struct green_http_options http_quick(void)
{
    green_time limit = 60 * GREEN_MSEC;

    if (on_sim())
        return (struct green_http_options){0};
    return (struct green_http_options){.idle_timeout = limit,
                                       .header_timeout = limit,
                                       .body_timeout = limit,
                                       .write_timeout = limit,
                                       .linger_timeout = limit};
}

void ck_took(green_time begin, int seconds)
{
    green_time took = green_now() - begin;

    if (!on_sim())
        return;
    ck_assert_int_ge(took, seconds * GREEN_SEC);
    ck_assert_int_lt(took, 2 * seconds * GREEN_SEC);
}

static void *serves(void *arg)
{
    struct http_server *server = arg;

    server->result =
        green_http_serve(server->listener, server->handler, &server->options);
    return NULL;
}

void http_server_start(struct http_server *server,
                       int (*handler)(struct green_http *http, void *arg))
{
    server->serve.server = &server->server;
    server->options.serve = &server->serve;
    server->handler = handler;
    server->listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(server->listener, 0);
    ck_assert_int_gt(green_local_address(server->listener, server->address,
                                         sizeof server->address),
                     0);
    server->thread = green_spawn(serves, server);
}

void http_server_stop(struct http_server *server)
{
    ck_ok(green_server_stop(&server->server));
    ck_ok(green_join(server->thread, NULL));
    ck_assert_int_eq(server->result, 0);
    ck_ok(green_close(server->listener));
}
