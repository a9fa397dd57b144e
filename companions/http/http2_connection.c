/* A connection of HTTP/2: what it receives goes to nghttp2. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http2.h"

/* More than this in nghttp2's queue, and the client makes the server say more than it
 * reads. */
#define QUEUE 10000

const char *const green__http_protocols[] = {"h2", "http/1.1", NULL};

/* Shows nghttp2 what has come. Returns whether the connection goes on. */
static bool show(struct green__http2 *http2, const char *bytes, size_t size)
{
    ssize_t n =
        nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes, size);

    if (n < 0 ||
        nghttp2_session_get_outbound_queue_size(http2->session) > QUEUE)
        green__http2_die(http2, ECONNRESET);
    if (!http2->dead)
        green__http2_renew(http2);
    green__http2_write(http2);
    return !http2->dead;
}

/* Reads once; a stop ends an idle wait. Returns 1, 0 at the end, or -1. */
static int receive(struct green__http2 *http2)
{
    struct green_buffer *buffer;
    struct green_idle idle;
    bool is_idle = !http2->stopping && green_idle_begin(&idle, NULL) == 0;
    ssize_t n = green_stream_lend(http2->connection->stream, &buffer);
    int result;

    if (is_idle) {
        green_idle_end(&idle);
        if (green_idle_stopped(&idle)) {
            green__http2_stop(http2);
            if (n < 0 && !green_killed() && !http2->dead)
                return 1; /* a wait that was cancelled can be repeated */
        }
    }
    if (n <= 0)
        return (int)n;
    result = http2->dead || !show(http2, buffer->data, (size_t)n) ? -1 : 1;
    green_buffer_return(buffer);
    return result;
}

/* What came with the preface, or before it was known to be one. */
static bool show_first(struct green__http2 *http2)
{
    struct green__http_connection *connection = http2->connection;
    bool more = true;

    if (connection->at < connection->end)
        more = show(http2, connection->at,
                    (size_t)(connection->end - connection->at));
    connection->at = connection->end;
    green__http_input_settle(connection);
    return more;
}

static void on_limit(struct green__http_deadline *limit)
{
    struct green__http2 *http2 =
        (struct green__http2 *)((char *)limit -
                                offsetof(struct green__http2, limit));

    green_scope_stop(&http2->reading);
}

/* ---- The end ------------------------------------------------------------------------ */

/* The client need not wait for handlers that have nobody to answer to. */
static void disconnect(struct green__http_connection *connection)
{
    green__http_linger(connection);
    shutdown(connection->stream->fd, SHUT_RDWR);
}

/* The time is over for the reader, or the client has ended its side. */
static void end_reading(struct green__http2 *http2)
{
    bool expired = http2->limit.expired;

    if (http2->dead)
        return;
    if (expired)
        green__http2_say_goodbye(http2, http2->head_begun
                                            ? NGHTTP2_ENHANCE_YOUR_CALM
                                            : NGHTTP2_NO_ERROR);
    http2->ended = true;
    green__http2_wake_all(http2);
}

static void wait_for_all(struct green__http2 *http2)
{
    struct green_shield shield;

    if (!green_killed() && green_wait_group_wait(&http2->running) == 0)
        return;
    green__http2_kill_all(http2);
    green__http2_die(http2, ECANCELED);
    shutdown(http2->connection->stream->fd, SHUT_RDWR);
    green_shield_begin(&shield);
    green_wait_group_wait(&http2->running);
    green_shield_end(&shield);
}

/* Streams whose heads have not come to their end. */
static void drop_unborn(struct green__http2 *http2)
{
    while (http2->first)
        green__http2_stream_close(http2->first);
}

static void serve(struct green__http2 *http2)
{
    int result = 1;

    green__http2_limit(http2);
    green__http2_write(http2);
    if (show_first(http2))
        while (result > 0)
            result = receive(http2);
    green_scope_end(&http2->reading);
    end_reading(http2);
    if (http2->dead)
        disconnect(http2->connection);
    wait_for_all(http2);
    drop_unborn(http2);
}

void green__http2_serve(struct green__http_connection *connection)
{
    struct green__http2 http2 = {.connection = connection,
                                 .idle_since = green_now()};

    http2.resets.since = http2.noise.since = http2.idle_since;
    http2.limit.expire = on_limit;
    if (green__http_deadline_begin(&http2.limit, connection->stream->fd,
                                   connection->config->shortest) < 0)
        return;
    if (green__http2_session(&http2) &&
        green_scope_begin(&http2.reading, GREEN_FOREVER) == 0)
        serve(&http2);
    green__http_deadline_end(&http2.limit);
    if (http2.grace.callback)
        green_hub_cancel(http2.limit.hub, &http2.grace);
    nghttp2_session_del(http2.session);
    free(http2.out);
    connection->linger = !http2.dead;
}
