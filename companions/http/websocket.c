/* The life of a WebSocket: from its handshake to the last call in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <wslay/wslay.h>

#include "websocket.h"

/* ---- Its begin ----------------------------------------------------------------- */

static bool begin_frames(struct green_websocket *websocket)
{
    static const struct wslay_frame_callbacks callbacks = {
        .recv_callback = green__websocket_on_input,
        .send_callback = green__websocket_on_output,
        .genmask_callback = green__websocket_on_mask,
    };

    return wslay_frame_context_init(&websocket->frames, &callbacks,
                                    websocket) == 0;
}

static bool begin_parts(struct green_websocket *websocket,
                        const struct green__websocket_deflate_terms *terms)
{
    if (terms->on)
        websocket->deflate = green__websocket_deflate_create(terms);
    return begin_frames(websocket) && (websocket->deflate || !terms->on);
}

static bool begin_times(struct green_websocket *websocket)
{
    green_time limit = websocket->options.write_timeout < 60 * GREEN_SEC
                           ? websocket->options.write_timeout
                           : 60 * GREEN_SEC;

    if (green__http_deadline_begin(&websocket->output.deadline,
                                   websocket->stream->fd, limit) < 0)
        return false;
    if (green__websocket_timer_begin(websocket) == 0)
        return true;
    green__http_deadline_end(&websocket->output.deadline);
    return false;
}

struct green_websocket *
green__websocket_create(struct green_stream *stream, struct green_http *http,
                        const struct green_websocket_options *options,
                        const struct green__websocket_deflate_terms *terms)
{
    struct green_websocket *websocket = calloc(1, sizeof *websocket);

    if (!websocket)
        return NULL;
    websocket->stream = stream;
    websocket->http = http;
    websocket->options = *options;
    websocket->result = 1;
    websocket->code = GREEN__WEBSOCKET_ABNORMAL;
    websocket->output.random_used = sizeof websocket->output.random;
    websocket->heard = green_now();
    if (begin_parts(websocket, terms) && begin_times(websocket))
        return websocket;
    green__websocket_discard(websocket);
    errno = ENOMEM;
    return NULL;
}

void green__websocket_timers_end(struct green_websocket *websocket)
{
    green__websocket_timer_end(websocket);
    green__http_deadline_end(&websocket->output.deadline);
}

void green__websocket_discard(struct green_websocket *websocket)
{
    green_buffer_return(websocket->input.lent);
    free(websocket->input.first);
    free(websocket->input.message.bytes);
    free(websocket->output.packed.bytes);
    free(websocket->output.pongs.bytes);
    free(websocket->output.masked);
    green__websocket_deflate_free(websocket->deflate);
    if (websocket->frames)
        wslay_frame_context_free(websocket->frames);
    free(websocket->protocol);
    free(websocket);
}

const char *green_websocket_protocol(const struct green_websocket *websocket)
{
    return websocket->protocol;
}

/* ---- Calls in it ------------------------------------------------------------------ */

void green__websocket_enter(struct green_websocket *websocket)
{
    websocket->users++;
}

void green__websocket_leave(struct green_websocket *websocket)
{
    if (--websocket->users == 0 && websocket->ending)
        green_event_send(&websocket->unused, NULL);
}

/* ---- Its end ---------------------------------------------------------------------- */

/* Closes by Close frames, if that is possible. Returns whether it was. */
static bool shake_hands(struct green_websocket *websocket, int code)
{
    if (websocket->result > 0 && !websocket->output.broken &&
        green__websocket_send_close(websocket, code, "") == 0 &&
        !websocket->receiving)
        green__websocket_drain(websocket);
    return websocket->output.closed && !websocket->expired;
}

/* Waits for the calls of others, which are about to fail. */
static void wait_for_users(struct green_websocket *websocket)
{
    struct green_shield shield;

    websocket->ending = true;
    websocket->output.closing = true;
    if (websocket->users == 0)
        return;
    if (green_shield_begin(&shield) < 0)
        return;
    green_event_wait(&websocket->unused, NULL);
    green_shield_end(&shield);
}

/* Returns whether the peer is to see an orderly end. */
static bool end(struct green_websocket *websocket, int code)
{
    bool orderly = shake_hands(websocket, code);

    if (!orderly)
        green_shutdown(websocket->stream->fd, SHUT_RDWR);
    wait_for_users(websocket);
    green__websocket_timers_end(websocket);
    return orderly;
}

static void end_of_server(struct green_websocket *websocket, int code)
{
    struct green_http *http = websocket->http;

    /* What the peer has sent is read and dropped, so that no reset overtakes the
     * Close frame. */
    if (end(websocket, code))
        http->connection->linger = true;
    else
        http->connection->cut = true;
    http->websocket = NULL;
    green__websocket_discard(websocket);
}

/* A server closes first; a client waits for that, so that it is the server which
 * is left with the closed connection. */
static void end_of_client(struct green_websocket *websocket, int code)
{
    struct green_stream *stream = websocket->stream;
    struct green_timeout timeout;
    char bytes[1024];

    if (end(websocket, code) &&
        green_timeout_start(&timeout, websocket->options.close_timeout) == 0) {
        while (green_stream_read(stream, bytes, sizeof bytes) > 0)
            ;
        green_timeout_cancel(&timeout);
    }
    green__websocket_discard(websocket);
    green__websocket_close_stream(stream);
}

void green__websocket_finish(struct green_http *http, int result)
{
    if (http->websocket)
        end_of_server(http->websocket, result < 0 ? GREEN__WEBSOCKET_ERROR
                                                  : GREEN__WEBSOCKET_NORMAL);
}

void green_websocket_free(struct green_websocket *websocket)
{
    int error = errno;

    if (!websocket)
        return;
    if (websocket->http)
        end_of_server(websocket, GREEN__WEBSOCKET_NORMAL);
    else
        end_of_client(websocket, GREEN__WEBSOCKET_NORMAL);
    errno = error;
}
