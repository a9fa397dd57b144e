/* The streams of a connection: each has a greenthread for its exchange. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http2.h"

#define GRACE (100 * GREEN_MSEC)

/* ---- Their life -------------------------------------------------------------------- */

struct green__http2_stream *
green__http2_stream_create(struct green__http2 *http2, int32_t id)
{
    struct green__http2_stream *stream = malloc(sizeof *stream);

    if (!stream)
        return NULL;
    memset(stream, 0, offsetof(struct green__http2_stream, http));
    stream->owner = http2;
    stream->id = id;
    stream->file = -1;
    green__http_begin(&stream->http, http2->connection);
    stream->http.transport = &green__http2_transport;
    stream->http.begun = http2->head_begun;
    stream->next = http2->first;
    if (stream->next)
        stream->next->previous = stream;
    http2->first = stream;
    http2->stream_count++;
    return stream;
}

static void destroy(struct green__http2_stream *stream)
{
    struct green__http2 *http2 = stream->owner;

    if (stream->next)
        stream->next->previous = stream->previous;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        http2->first = stream->next;
    if (--http2->stream_count == 0)
        http2->idle_since = green_now();
    green__http2_limit(http2);
    free(stream->head.bytes);
    free(stream->cookies.bytes);
    free(stream->body.bytes);
    free(stream);
}

void green__http2_stream_close(struct green__http2_stream *stream)
{
    stream->closed = true;
    if (!stream->spawned) {
        free(stream->http.trailers.bytes);
        destroy(stream);
    } else {
        green__http2_wake(stream);
    }
}

void green__http2_reset(struct green__http2_stream *stream, uint32_t error)
{
    if (stream->closed || stream->owner->dead)
        return;
    nghttp2_submit_rst_stream(stream->owner->session, NGHTTP2_FLAG_NONE,
                              stream->id, error);
    green__http2_write(stream->owner);
}

/* ---- Waiting ------------------------------------------------------------------------- */

void green__http2_wake(struct green__http2_stream *stream)
{
    if (green_semaphore_count(&stream->changed) == 0)
        green_semaphore_release(&stream->changed);
}

void green__http2_wake_all(struct green__http2 *http2)
{
    for (struct green__http2_stream *stream = http2->first; stream;
         stream = stream->next)
        green__http2_wake(stream);
}

int green__http2_wait(struct green__http2_stream *stream, green_time limit,
                      bool *expired)
{
    struct green_timeout timeout;
    int result, error;

    *expired = false;
    if (green_timeout_start(&timeout, limit) < 0)
        return -1;
    result = green_semaphore_acquire(&stream->changed);
    error = errno;
    green_timeout_cancel(&timeout);
    *expired = result < 0 && green_timeout_fired(&timeout);
    errno = error;
    return result;
}

/* ---- Exchanges ------------------------------------------------------------------------ */

/* What has come and was not read makes room for other streams. */
static void drop_body(struct green__http2_stream *stream)
{
    struct green__http2 *http2 = stream->owner;

    http2->unread -= stream->body.size - stream->taken;
    stream->taken = stream->body.size;
    if (!http2->dead)
        green__http2_renew(http2);
    green__http2_write(http2);
}

static bool has_ended(const struct green__http2_stream *stream)
{
    return stream->closed || stream->body_ended || stream->owner->ended ||
           stream->owner->dead;
}

/*
 * The response says enough; the client gets time to see it and to stop by itself before a
 * reset does it, since some clients lose the response then. The stream's window is not
 * renewed.
 */
static void wait_for_the_client(struct green__http2_stream *stream)
{
    green_time end = green_after(GRACE);
    bool expired = false;

    while (!has_ended(stream) && !expired) {
        green_time left = end - green_now();

        drop_body(stream);
        if (left <= 0 || green__http2_wait(stream, left, &expired) < 0)
            return;
    }
}

static void exchange(struct green_http *http)
{
    const struct green__http_config *config = http->connection->config;
    int result;

    if (http->refused) {
        green__http_refuse(http);
        return;
    }
    result = config->handler(http, config->options.arg);
    green__http_response_finish(http, result);
}

/* What the handler has not read. */
static void skip(struct green__http2_stream *stream)
{
    if (!stream->http.cut &&
        (stream->http.refused || !green__http_body_skip(&stream->http)))
        wait_for_the_client(stream);
}

/* nghttp2 forgets the stream. */
static void leave(struct green__http2_stream *stream)
{
    struct green__http2 *http2 = stream->owner;

    drop_body(stream);
    if (stream->closed || http2->dead)
        return;
    green__http2_reset(stream, NGHTTP2_NO_ERROR);
    nghttp2_session_set_stream_user_data(http2->session, stream->id, NULL);
}

static void *run(void *arg)
{
    struct green__http2_stream *stream = arg;
    struct green__http2 *http2 = stream->owner;

    stream->thread = green_self();
    if (http2->killed)
        green_kill(green_self());
    stream->http.refused = green__http2_head_settle(stream);
    exchange(&stream->http);
    skip(stream);
    leave(stream);
    green__http_end(&stream->http);
    destroy(stream);
    green_wait_group_done(&http2->running);
    return NULL;
}

void green__http2_kill_all(struct green__http2 *http2)
{
    http2->killed = true;
    for (struct green__http2_stream *stream = http2->first; stream;
         stream = stream->next)
        if (stream->thread)
            green_kill(stream->thread);
}

int green__http2_stream_start(struct green__http2_stream *stream)
{
    const struct green_serve_options *serve =
        stream->owner->connection->config->options.serve;
    struct green_attr attr = {.stack_size = serve ? serve->stack_size : 0};
    struct green_wait_group *running = &stream->owner->running;
    struct green_thread *thread;

    stream->spawned = true; /* a build for tests may run it in the spawn */
    green_wait_group_add(running, 1);
    thread = green_spawn_with(&attr, run, stream);
    if (thread)
        return green_detach(thread);
    stream->spawned = false;
    green_wait_group_done(running);
    return -1;
}
