/* What a client sends in HTTP/2: nghttp2's callbacks. None of them switches. */
#include <string.h>

#include "http2.h"

static struct green__http2_stream *stream_of(nghttp2_session *session,
                                             int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static bool is_trailer(const nghttp2_frame *frame)
{
    return frame->headers.cat != NGHTTP2_HCAT_REQUEST;
}

/* ---- Frames ---------------------------------------------------------------------- */

/* Whether a frame carries something, or is none of the usual overhead. */
static bool is_noise(const nghttp2_frame_hd *head)
{
    switch (head->type) {
    case NGHTTP2_DATA:
        return head->length == 0 && !(head->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: /* nghttp2 counts them */
    case NGHTTP2_RST_STREAM:   /* and these */
        return false;
    default:
        return true;
    }
}

static int on_begin_frame(nghttp2_session *session,
                          const nghttp2_frame_hd *head, void *arg)
{
    struct green__http2 *http2 = arg;

    (void)session;
    if (head->type != NGHTTP2_CONTINUATION && http2->head_begun) {
        http2->head_begun = 0;
        green__http2_limit(http2);
    }
    if (!is_noise(head))
        green__http2_earn(&http2->noise);
    else if (!green__http2_spend(&http2->noise))
        green__http2_calm(http2);
    return 0;
}

/* What nghttp2 does not know is not looked at, but counted. */
static int on_extension(nghttp2_session *session, void **payload,
                        const nghttp2_frame_hd *head, void *arg)
{
    (void)session, (void)payload, (void)head, (void)arg;
    return NGHTTP2_ERR_CANCEL;
}

static void on_ping(struct green__http2 *http2, const nghttp2_frame *frame)
{
    if (http2->stopping && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        green__http2_stop_for_good(http2);
}

static void on_head_end(struct green__http2 *http2,
                        struct green__http2_stream *stream)
{
    http2->head_begun = 0;
    if (stream && !stream->spawned && green__http2_stream_start(stream) < 0)
        green__http2_reset(stream, NGHTTP2_REFUSED_STREAM);
    green__http2_limit(http2);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    struct green__http2_stream *stream =
        stream_of(session, frame->hd.stream_id);
    uint8_t type = frame->hd.type;

    if (type == NGHTTP2_PING)
        on_ping(arg, frame);
    if (stream && (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        stream->body_ended = true;
        green__http2_wake(stream);
    }
    if (type == NGHTTP2_HEADERS)
        on_head_end(arg, stream);
    return 0;
}

/* ---- Heads ------------------------------------------------------------------------- */

/*
 * A stream that was reset lasts until its handler sees it. So the handlers are counted, and not
 * only the streams that nghttp2 has; but a response that has just ended may not have
 * let its handler go yet.
 */
static bool has_too_many(const struct green__http2 *http2)
{
    return http2->stream_count >=
           2 * http2->connection->config->options.max_streams;
}

static int on_begin_head(nghttp2_session *session, const nghttp2_frame *frame,
                         void *arg)
{
    struct green__http2_stream *stream = NULL;
    struct green__http2 *http2 = arg;
    int32_t id = frame->hd.stream_id;

    http2->head_begun = green_now();
    if (!is_trailer(frame)) {
        if (!has_too_many(http2))
            stream = green__http2_stream_create(http2, id);
        if (stream)
            nghttp2_session_set_stream_user_data(session, id, stream);
        else
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                      NGHTTP2_REFUSED_STREAM);
    }
    green__http2_limit(http2);
    return 0;
}

static int refuse(struct green__http2_stream *stream, uint32_t error)
{
    green__http2_reset(stream, error);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int add_trailer(struct green__http2_stream *stream, const char *name,
                       size_t name_size, const char *value, size_t value_size)
{
    struct green__http_text *trailers = &stream->http.trailers;

    stream->trailer_bytes += name_size + value_size + 4;
    if (stream->trailer_bytes >
        stream->http.connection->config->options.max_chunk_overhead)
        return refuse(stream, NGHTTP2_ENHANCE_YOUR_CALM);
    if (green__http_text_add(trailers, name, name_size, SIZE_MAX) < 0 ||
        green__http_text_add(trailers, "", 1, SIZE_MAX) < 0 ||
        green__http_text_add(trailers, value, value_size, SIZE_MAX) < 0 ||
        green__http_text_add(trailers, "", 1, SIZE_MAX) < 0)
        return refuse(stream, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame,
                    const uint8_t *name, size_t name_size, const uint8_t *value,
                    size_t value_size, uint8_t flags, void *arg)
{
    struct green__http2_stream *stream =
        stream_of(session, frame->hd.stream_id);
    const char *text = (const char *)name;
    int result;

    (void)flags, (void)arg;
    if (!stream)
        return 0;
    if (is_trailer(frame))
        return add_trailer(stream, text, name_size, (const char *)value,
                           value_size);
    result = green__http2_head_add(stream, text, name_size, (const char *)value,
                                   value_size);
    return result < 0 ? refuse(stream, NGHTTP2_INTERNAL_ERROR) : 0;
}

/* nghttp2 would leave such a field out; RFC 9113, 8.2.1, calls the request
 * malformed. */
static int on_invalid_field(nghttp2_session *session,
                            const nghttp2_frame *frame, const uint8_t *name,
                            size_t name_size, const uint8_t *value,
                            size_t value_size, uint8_t flags, void *arg)
{
    (void)name, (void)name_size, (void)value, (void)value_size;
    (void)flags, (void)arg;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* ---- Bodies ------------------------------------------------------------------------ */

static int keep_body(struct green__http2_stream *stream, const char *bytes,
                     size_t size)
{
    struct green__http_text *body = &stream->body;

    if (stream->taken == body->size)
        stream->taken = body->size = 0;
    if (stream->taken > GREEN__HTTP2_WINDOW) {
        body->size -= stream->taken;
        memmove(body->bytes, body->bytes + stream->taken, body->size);
        stream->taken = 0;
    }
    if (green__http_text_add(body, bytes, size, SIZE_MAX) < 0)
        return -1;
    stream->owner->unread += size;
    green__http2_wake(stream);
    return 0;
}

/*
 * nghttp2 would wait for half a window; but other handlers may hold more than that. What
 * nghttp2 has left out or thrown away counts here, too: it is received, and not unread.
 */
void green__http2_renew(struct green__http2 *http2)
{
    int32_t more =
        nghttp2_session_get_effective_recv_data_length(http2->session) -
        (int32_t)http2->unread;

    if (more >= (int32_t)GREEN__HTTP2_WINDOWS / 16)
        nghttp2_submit_window_update(http2->session, NGHTTP2_FLAG_NONE, 0,
                                     more);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                   const uint8_t *bytes, size_t size, void *arg)
{
    struct green__http2_stream *stream = stream_of(session, id);

    (void)flags, (void)arg;
    if (stream && keep_body(stream, (const char *)bytes, size) == 0)
        return 0;
    if (stream)
        green__http2_reset(stream, NGHTTP2_INTERNAL_ERROR);
    nghttp2_session_consume_stream(session, id, size); /* nobody will */
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error,
                    void *arg)
{
    struct green__http2_stream *stream = stream_of(session, id);

    (void)error, (void)arg;
    if (stream)
        green__http2_stream_close(stream);
    return 0;
}

/* ---- What is sent ------------------------------------------------------------------ */

static bool is_wasteful(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_RST_STREAM &&
           frame->rst_stream.error_code != NGHTTP2_NO_ERROR;
}

static void note_end(nghttp2_session *session, const nghttp2_frame *frame)
{
    struct green__http2_stream *stream =
        stream_of(session, frame->hd.stream_id);

    if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
        stream->ended = true;
}

/* A client can also make the server reset streams, and so free them for others while their
 * handlers run: CVE-2025-8671. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame,
                   void *arg)
{
    struct green__http2 *http2 = arg;

    if (is_wasteful(frame) && !green__http2_spend(&http2->resets))
        green__http2_calm(http2);
    if (frame->hd.type == NGHTTP2_DATA)
        green__http2_earn(&http2->noise);
    else if (frame->hd.type == NGHTTP2_GOAWAY && http2->grace.callback)
        nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL); /* behind it */
    note_end(session, frame);
    return 0;
}

/* ------------------------------------------------------------------------------------- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *made;

    if (nghttp2_session_callbacks_new(&made) < 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
    nghttp2_session_callbacks_set_unpack_extension_callback(made, on_extension);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made,
                                                            on_begin_head);
    nghttp2_session_callbacks_set_on_header_callback(made, on_field);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made,
                                                             on_invalid_field);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_sent);
    nghttp2_session_callbacks_set_send_data_callback(made,
                                                     green__http2_send_data);
    return made;
}

static nghttp2_option *make_option(void)
{
    nghttp2_option *made;

    if (nghttp2_option_new(&made) < 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_no_closed_streams(made, 1);
    for (int type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++)
        nghttp2_option_set_user_recv_extension_type(made, (uint8_t)type);
    nghttp2_option_set_stream_reset_rate_limit(made, GREEN__HTTP2_BURST,
                                               GREEN__HTTP2_RATE);
    nghttp2_option_set_max_send_header_block_length(made,
                                                    4 * GREEN__HTTP_HEAD_MOST);
    return made;
}

static int submit_settings(struct green__http2 *http2)
{
    const struct green_http_options *options =
        &http2->connection->config->options;
    /* RFC 9113, 6.5.2, counts 32 bytes for each field, not 4. */
    uint32_t list =
        (uint32_t)options->max_header + 28 * (options->max_fields + 4);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GREEN__HTTP2_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, list},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};

    if (nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof settings[0]) < 0)
        return -1;
    return nghttp2_session_set_local_window_size(
        http2->session, NGHTTP2_FLAG_NONE, 0, GREEN__HTTP2_WINDOWS);
}

nghttp2_session *green__http2_session(struct green__http2 *http2)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_option();

    if (!callbacks || !option ||
        nghttp2_session_server_new2(&http2->session, callbacks, http2, option) <
            0)
        http2->session = NULL;
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (http2->session && submit_settings(http2) < 0) {
        nghttp2_session_del(http2->session);
        http2->session = NULL;
    }
    return http2->session;
}
