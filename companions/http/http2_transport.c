/* How an exchange travels in a stream of HTTP/2. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http2.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

static struct green__http2_stream *stream_of(const struct green_http *http)
{
    return (struct green__http2_stream *)((uintptr_t)http -
                                          offsetof(struct green__http2_stream,
                                                   http));
}

static const struct green_http_options *
options_of(const struct green_http *http)
{
    return &http->connection->config->options;
}

/* ---- The request's body ------------------------------------------------------------ */

/* Waits for more. Returns 1, 0 at the end, or -1. */
static int find_body(struct green__http2_stream *stream)
{
    struct green_http *http = &stream->http;

    while (stream->taken == stream->body.size) {
        bool expired;

        if (stream->body_ended)
            return 0;
        if (stream->closed || stream->owner->ended || stream->owner->dead)
            return green__http_body_fail(http, ECONNRESET, 400);
        if (green__http2_wait(stream, options_of(http)->body_timeout,
                              &expired) < 0)
            return green__http_body_fail(http, errno, expired ? 408 : 400);
    }
    return 1;
}

static ssize_t read_body(struct green_http *http, void *bytes, size_t size)
{
    struct green__http2_stream *stream = stream_of(http);
    struct green__http2 *http2 = stream->owner;
    int found = find_body(stream);

    if (found <= 0) {
        http->body_over = found == 0;
        return found;
    }
    if (size > stream->body.size - stream->taken)
        size = stream->body.size - stream->taken;
    if (size > http->limit - http->received)
        return green__http_body_fail(http, EMSGSIZE, 413);
    memcpy(bytes, stream->body.bytes + stream->taken, size);
    stream->taken += size;
    if (http->body == GREEN__HTTP_LENGTH)
        http->remaining -= size < http->remaining ? size : http->remaining;
    http2->unread -= size;
    if (!http2->dead) {
        nghttp2_session_consume_stream(http2->session, stream->id, size);
        green__http2_renew(http2);
    }
    green__http2_write(http2);
    return (ssize_t)size;
}

static nghttp2_nv field_of(const char *name, size_t name_size,
                           const char *value, size_t value_size)
{
    nghttp2_nv field = {(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                        name_size, value_size, NGHTTP2_NV_FLAG_NONE};

    return field;
}

static int send_continue(struct green_http *http)
{
    struct green__http2_stream *stream = stream_of(http);
    nghttp2_nv status = field_of(":status", 7, "100", 3);

    if (http->head_sent || stream->closed || stream->owner->dead ||
        stream->body.size > 0)
        return 0;
    nghttp2_submit_headers(stream->owner->session, NGHTTP2_FLAG_NONE,
                           stream->id, NULL, &status, 1, NULL);
    green__http2_write(stream->owner);
    return 0;
}

/* ---- What nghttp2 takes --------------------------------------------------------------- */

static size_t left_of(const struct green__http2_stream *stream)
{
    return stream->parts[0].iov_len + stream->parts[1].iov_len +
           stream->file_left;
}

static size_t count_lines(const struct green__http_text *text)
{
    size_t count = 0;

    for (size_t i = 0; i < text->size; i++)
        count += text->bytes[i] == '\n';
    return count;
}

/* "Name: value\r\n", and so on. nghttp2 makes the names lower-case. */
static size_t add_lines(const struct green__http_text *text, nghttp2_nv *fields)
{
    size_t count = 0;

    for (size_t begin = 0; begin < text->size;) {
        const char *at = text->bytes + begin;
        size_t left = text->size - begin;
        const char *colon = memchr(at, ':', left);
        const char *end = memchr(at, '\n', left);

        fields[count++] = field_of(at, (size_t)(colon - at), colon + 2,
                                   (size_t)(end - 1 - (colon + 2)));
        begin += (size_t)(end + 1 - at);
    }
    return count;
}

static int submit_trailers(struct green__http2_stream *stream)
{
    const struct green__http_text *text = &stream->http.trailer_fields;
    nghttp2_nv *fields = calloc(count_lines(text) + 1, sizeof *fields);
    int result = NGHTTP2_ERR_NOMEM;

    if (fields)
        result = nghttp2_submit_trailer(stream->owner->session, stream->id,
                                        fields, add_lines(text, fields));
    free(fields);
    return result;
}

/* nghttp2 asks how much of the body there is. */
static ssize_t offer(nghttp2_session *session, int32_t id, uint8_t *bytes,
                     size_t most, uint32_t *flags, nghttp2_data_source *source,
                     void *arg)
{
    struct green__http2_stream *stream =
        nghttp2_session_get_stream_user_data(session, id);
    size_t size;

    (void)bytes, (void)source, (void)arg;
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size = left_of(stream);
    if (size == 0 && !stream->last) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size > most)
        return (ssize_t)most;
    if (stream->last) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->http.trailer_fields.size > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (submit_trailers(stream) < 0)
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
    }
    return (ssize_t)size;
}

static int take_file(struct green__http2_stream *stream, char *to, size_t size)
{
    while (size > 0) {
        ssize_t n = pread(stream->file, to, size, stream->offset);

        if (n <= 0)
            return -1;
        to += n;
        size -= (size_t)n;
        stream->offset += n;
        stream->file_left -= (size_t)n;
    }
    return 0;
}

static int take(struct green__http2_stream *stream, char *to, size_t size)
{
    if (size > left_of(stream))
        return -1;
    stream->moved = green_now();
    for (int i = 0; i < 2; i++) {
        struct iovec *part = &stream->parts[i];
        size_t n = size < part->iov_len ? size : part->iov_len;

        if (n == 0)
            continue;
        memcpy(to, part->iov_base, n);
        part->iov_base = (char *)part->iov_base + n;
        part->iov_len -= n;
        to += n;
        size -= n;
    }
    return take_file(stream, to, size);
}

int green__http2_send_data(nghttp2_session *session, nghttp2_frame *frame,
                           const uint8_t *head, size_t size,
                           nghttp2_data_source *source, void *arg)
{
    struct green__http2_stream *stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    char *to;

    (void)source;
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    to = green__http2_room(arg, size + 9);
    if (!to)
        return NGHTTP2_ERR_WOULDBLOCK;
    memcpy(to, head, 9);
    if (take(stream, to + 9, size) < 0) {
        ((struct green__http2 *)arg)->out_size -= size + 9;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (left_of(stream) == 0)
        green__http2_wake(stream);
    return 0;
}

/* ---- Waiting until it has ---------------------------------------------------------------- */

static bool is_done(const struct green__http2_stream *stream)
{
    return left_of(stream) == 0 && (!stream->last || stream->flushed);
}

/* Whether it will never be: the stream was reset, or no window will open. */
static bool is_hopeless(const struct green__http2_stream *stream)
{
    const struct green__http2 *http2 = stream->owner;

    return http2->dead || (stream->closed && !stream->ended) ||
           (http2->ended && !http2->writing);
}

static int error_of(const struct green__http2 *http2)
{
    return http2->dead ? http2->error : ECONNRESET;
}

/* What lies on this stack must not be taken later. */
static int give_up(struct green__http2_stream *stream, int error)
{
    stream->parts[0].iov_len = stream->parts[1].iov_len = 0;
    stream->file_left = 0;
    stream->last = false;
    stream->http.failed = true;
    return refuse(error);
}

/* A stream that waits for its turn behind others has no time limit of its own: the
 * connection has one. */
static int wait_sent(struct green__http2_stream *stream)
{
    green_time limit = options_of(&stream->http)->write_timeout;
    green_time left = limit;

    green__http2_write(stream->owner);
    while (!is_done(stream)) {
        bool expired;

        if (is_hopeless(stream))
            return give_up(stream, error_of(stream->owner));
        if (green__http2_wait(stream, left, &expired) == 0)
            continue;
        if (!expired)
            return give_up(stream, errno);
        left = stream->owner->writing ? limit
                                      : stream->moved + limit - green_now();
        if (left <= 0)
            return give_up(stream, ETIMEDOUT);
    }
    return 0;
}

/* Gives nghttp2 what there is now. */
static int send_more(struct green__http2_stream *stream)
{
    if (stream->http.failed)
        return give_up(stream, EPIPE);
    if (stream->deferred && !stream->closed && !stream->owner->dead) {
        stream->deferred = false;
        nghttp2_session_resume_data(stream->owner->session, stream->id);
    }
    return wait_sent(stream);
}

/* ---- The response ------------------------------------------------------------------------- */

static size_t add_own(struct green_http *http, nghttp2_nv *fields,
                      char status[4], char length[24])
{
    size_t count = 0;
    int size;

    snprintf(status, 4, "%d", http->status);
    fields[count++] = field_of(":status", 7, status, 3);
    if (!http->has_date)
        fields[count++] = field_of("date", 4, green__http_now(), 29);
    if (http->has_length) {
        size = snprintf(length, 24, "%llu", (unsigned long long)http->length);
        fields[count++] = field_of("content-length", 14, length, (size_t)size);
    }
    return count;
}

static int submit_head(struct green__http2_stream *stream, bool has_body)
{
    const nghttp2_data_provider provider = {.read_callback = offer};
    struct green_http *http = &stream->http;
    nghttp2_nv few[16], *fields = few;
    size_t count = count_lines(&http->fields) + 3;
    char status[4], length[24];
    int result;

    if (count > sizeof few / sizeof few[0])
        fields = calloc(count, sizeof *fields);
    if (!fields)
        return -1;
    count = add_own(http, fields, status, length);
    count += add_lines(&http->fields, fields + count);
    result = nghttp2_submit_response(stream->owner->session, stream->id, fields,
                                     count, has_body ? &provider : NULL);
    if (fields != few)
        free(fields);
    return result < 0 ? refuse(ENOMEM) : 0;
}

static int send_head(struct green_http *http, const struct iovec *parts,
                     int count, bool whole)
{
    struct green__http2_stream *stream = stream_of(http);
    bool bodiless = http->end == GREEN__HTTP_BODILESS;

    if (stream->closed || stream->owner->dead)
        return give_up(stream, error_of(stream->owner));
    for (int i = 0; i < count; i++)
        stream->parts[i] = parts[i];
    stream->last = whole || bodiless;
    if (submit_head(stream, !bodiless && !(whole && count == 0)) < 0)
        return give_up(stream, errno);
    return wait_sent(stream);
}

static int send_body(struct green_http *http, const struct iovec *parts,
                     int count, size_t size)
{
    struct green__http2_stream *stream = stream_of(http);

    (void)size;
    for (int i = 0; i < count; i++)
        stream->parts[i] = parts[i];
    return send_more(stream);
}

static int send_file(struct green_http *http, int fd, off_t offset, size_t size)
{
    struct green__http2_stream *stream = stream_of(http);

    stream->file = fd;
    stream->offset = offset;
    stream->file_left = size;
    stream->last = http->has_length && http->length == http->written + size;
    return send_more(stream);
}

static int send_end(struct green_http *http)
{
    struct green__http2_stream *stream = stream_of(http);

    if (stream->last)
        return 0;
    stream->last = true;
    return send_more(stream);
}

static void cut(struct green_http *http)
{
    green__http2_reset(stream_of(http), NGHTTP2_INTERNAL_ERROR);
}

const struct green__http_transport green__http2_transport = {
    .read = read_body,
    .send_continue = send_continue,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .send_end = send_end,
    .cut = cut,
};
