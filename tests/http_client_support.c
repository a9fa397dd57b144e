#include "http_client_support.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The server ------------------------------------------------------------------- */

static const struct act *next_act(struct script *script)
{
    size_t i = script->next++;

    return &script->acts[i < script->count ? i : script->count - 1];
}

/* Adds to the record. */
static void note(struct script *script, const char *bytes, size_t size)
{
    if (script->size + size < sizeof script->requests) {
        memcpy(script->requests + script->size, bytes, size);
        script->size += size;
    }
}

/* Reads up to `end`, which is noted as a whole: others read at the same time. */
static bool read_to(struct script *script, int fd, const char *end, char *text,
                    size_t room)
{
    size_t size = 0, length = strlen(end);

    while (size < room - 1 && green_read(fd, text + size, 1) == 1) {
        text[++size] = '\0';
        if (size >= length && strcmp(text + size - length, end) == 0) {
            note(script, text, size);
            return true;
        }
    }
    note(script, text, size);
    return false;
}

static bool read_body(struct script *script, int fd, const char *head)
{
    const char *length = strstr(head, "Content-Length: ");
    size_t size = length ? strtoul(length + 16, NULL, 10) : 0;
    char bytes[4096];

    if (strstr(head, "Transfer-Encoding: chunked"))
        return read_to(script, fd, "0\r\n", bytes, sizeof bytes) &&
               read_to(script, fd, "\r\n", bytes, sizeof bytes);
    while (size > 0) {
        ssize_t n =
            green_read(fd, bytes, size < sizeof bytes ? size : sizeof bytes);

        if (n <= 0)
            return false;
        size -= (size_t)n;
        note(script, bytes, (size_t)n);
    }
    return true;
}

static void send_text(int fd, const struct act *act)
{
    const char *text = act->text;

    if (!act->drips) {
        green_write_all(fd, text, strlen(text));
        return;
    }
    for (; *text; text++)
        if (green_write(fd, text, 1) != 1 || green_yield() < 0)
            return;
}

/* Returns whether the connection goes on. */
static bool play(struct script *script, int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    const struct act *act;
    char head[4096];

    if (!read_to(script, fd, "\r\n\r\n", head, sizeof head))
        return false;
    act = next_act(script);
    if (act->go)
        green_event_wait(act->go, NULL);
    if (act->text && act->blind)
        send_text(fd, act);
    if (act->blind && act->hangs)
        green_sleep(GREEN_FOREVER);
    if (!act->text || (act->blind && act->closes) ||
        !read_body(script, fd, head))
        return false;
    if (!act->blind)
        send_text(fd, act);
    if (act->hangs)
        green_sleep(GREEN_FOREVER);
    if (act->resets)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return !act->closes && !act->resets;
}

struct served {
    struct script *script;
    int fd;
};

static void *serve_one(void *arg)
{
    struct served served = *(struct served *)arg;

    free(arg);
    while (play(served.script, served.fd))
        ;
    green_close(served.fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct script *script = arg;
    int fd;

    while ((fd = green_accept(script->listener, NULL, NULL)) >= 0) {
        struct served *served = malloc(sizeof *served);

        *served = (struct served){script, fd};
        ck_assert_int_lt(script->connections, 64);
        script->handlers[script->connections++] =
            green_spawn(serve_one, served);
    }
    return NULL;
}

void script_start(struct script *script, const struct act *acts, size_t count)
{
    int port;

    memset(script, 0, sizeof *script);
    script->acts = acts;
    script->count = count;
    script->listener = tcp_listener(&port);
    snprintf(script->address, sizeof script->address, "tcp://127.0.0.1:%d",
             port);
    snprintf(script->url, sizeof script->url, "http://127.0.0.1:%d", port);
    script->thread = green_spawn(accept_all, script);
    ck_assert_ptr_nonnull(script->thread);
}

void script_stop(struct script *script)
{
    ck_ok(green_kill(script->thread));
    ck_ok(green_join(script->thread, NULL));
    for (int i = 0; i < script->connections; i++) {
        green_kill(script->handlers[i]); /* it may have finished */
        ck_ok(green_join(script->handlers[i], NULL));
    }
    ck_ok(green_close(script->listener));
}

/* ---- The client -------------------------------------------------------------------- */

const char *url_of(const struct script *script, const char *path)
{
    static char urls[8][256];
    static unsigned next;
    char *url = urls[next++ % 8];

    snprintf(url, sizeof urls[0], "%s%s", script->url, path);
    return url;
}

struct green_http_client *
new_client(const struct green_http_client_options *options)
{
    struct green_http_client_options direct = {0};
    struct green_http_client *client;

    if (options)
        direct = *options;
    if (!direct.proxy)
        direct.proxy = ""; /* whatever the environment says */
    client = green_http_client_create(&direct);
    ck_assert_msg(client != NULL, "%s", strerror(errno));
    return client;
}

struct green_http_client_exchange *
begin_exchange(struct green_http_client *client, const char *method,
               const char *url)
{
    struct green_http_client_exchange *exchange =
        green_http_client_open(client, method, url);

    ck_assert_msg(exchange != NULL, "%s: %s", url, strerror(errno));
    return exchange;
}

void ck_fetches(struct green_http_client *client, const char *url, int status,
                const char *body)
{
    char reason[200] = "";
    struct green_http_fetch_options options = {.reason = reason,
                                               .reason_size = sizeof reason};
    struct green_http_fetched *fetched =
        green_http_fetch(client, url, &options);

    ck_assert_msg(fetched != NULL, "%s: %s, %s", url, reason, strerror(errno));
    ck_assert_int_eq(fetched->status, status);
    ck_assert_str_eq(fetched->body, body);
    ck_assert_uint_eq(fetched->size, strlen(body));
    green_http_fetched_free(fetched);
}

void ck_posts(struct green_http_client_exchange *exchange)
{
    ck_assert_msg(green_http_client_response(exchange) == 200, "%s",
                  green_http_client_reason(exchange));
    green_http_client_close(exchange);
}

struct green_http_client_stats stats_of(const struct green_http_client *client)
{
    struct green_http_client_stats stats;

    ck_ok(green_http_client_stats(client, &stats));
    return stats;
}

void end_client(struct green_http_client *client)
{
    struct green_http_client_stats stats = stats_of(client);

    ck_assert_uint_eq(stats.connections, stats.idle);
    ck_assert_uint_eq(stats.waiting, 0);
    ck_ok(green_http_client_destroy(client));
}
