/* What a connection of HTTP/2 sends: a greenthread takes it from nghttp2 and writes it,
 * and ends when there is nothing more. So what many streams have to say at once is one
 * write, and an idle connection has no writer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http2.h"

/* nghttp2's frames have at most 16 KiB, and 9 bytes before that, unless asked for more. */
#define FRAME ((size_t)16 << 10)
#define ROOM (4 * (FRAME + 64))

char *green__http2_room(struct green__http2 *http2, size_t size)
{
    char *at = http2->out + http2->out_size;

    if (size > ROOM - http2->out_size)
        return NULL;
    http2->out_size += size;
    return at;
}

void green__http2_die(struct green__http2 *http2, int error)
{
    if (!http2->dead)
        http2->error = error;
    http2->dead = true;
    green_scope_stop(&http2->reading);
    green__http2_wake_all(http2);
}

/* Returns 0, or -1 if nghttp2 has given up. */
static int fill(struct green__http2 *http2)
{
    if (!http2->out)
        http2->out = malloc(ROOM);
    if (!http2->out)
        return -1;
    while (ROOM - http2->out_size >= FRAME + 64) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(http2->session, &bytes);
        char *to;

        if (n <= 0)
            return (int)n;
        to = green__http2_room(http2, (size_t)n);
        if (!to)
            return -1;
        memcpy(to, bytes, (size_t)n);
    }
    return 0;
}

static int send_out(struct green__http2 *http2)
{
    struct green__http_connection *connection = http2->connection;
    size_t size = http2->out_size;
    ssize_t n;
    int error;

    green__http_deadline_set(&connection->deadline, GREEN__HTTP_WRITES,
                             connection->config->options.write_timeout);
    n = green_stream_write(connection->stream, http2->out, size);
    error = errno;
    green__http_deadline_clear(&connection->deadline);
    http2->out_size = 0;
    errno = connection->deadline.expired ? ETIMEDOUT : error;
    return n < 0 ? -1 : 0;
}

/* Whoever waits for the end of a response has it. */
static void note_flushed(struct green__http2 *http2)
{
    for (struct green__http2_stream *stream = http2->first; stream;
         stream = stream->next) {
        if (!stream->ended || stream->flushed)
            continue;
        stream->flushed = true;
        green__http2_wake(stream);
    }
}

static bool is_over(const struct green__http2 *http2)
{
    return !nghttp2_session_want_read(http2->session) &&
           !nghttp2_session_want_write(http2->session);
}

static void write_all(void *arg)
{
    struct green__http2 *http2 = arg;

    while (!http2->dead) {
        if (fill(http2) < 0)
            green__http2_die(http2, ENOMEM);
        else if (http2->out_size == 0)
            break;
        else if (send_out(http2) < 0)
            green__http2_die(http2, errno);
        else
            note_flushed(http2);
    }
    if (http2->stream_count == 0) {
        free(http2->out);
        http2->out = NULL;
    }
    http2->out_size = 0;
    http2->writing = false;
    if (!http2->dead && is_over(http2))
        green__http2_die(http2, ECONNRESET);
    else if (http2->ended)
        green__http2_wake_all(http2); /* no window will open again */
    green_wait_group_done(&http2->running);
}

void green__http2_write(struct green__http2 *http2)
{
    if (http2->writing || http2->dead ||
        !nghttp2_session_want_write(http2->session))
        return;
    http2->writing = true; /* a build for tests may run it in the spawn */
    green_wait_group_add(&http2->running, 1);
    if (green_spawn_n(write_all, http2) == 0)
        return;
    http2->writing = false;
    green_wait_group_done(&http2->running);
    green__http2_die(http2, ENOMEM);
}
