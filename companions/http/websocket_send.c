/* Messages that are sent. Two locks: one is held for a message, so that no other
 * comes between its frames; the other for a frame, so that pongs can. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <wslay/wslay.h>

#include "websocket.h"

/* Shorter messages are not worth compressing. */
#define LEAST 64

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- Frames --------------------------------------------------------------------- */

/* Whether a write that fails has written nothing. */
static bool is_plain(const struct green_websocket *websocket)
{
    const struct green_stream *stream =
        websocket->http ? websocket->http->connection->stream
                        : websocket->stream;

    return !stream->ops;
}

/* Sends a header, if there is one, and payload. */
static int write_parts(struct green_websocket *websocket, size_t size)
{
    struct green__websocket_output *output = &websocket->output;
    struct iovec parts[] = {
        {output->header, output->header_size},
        {(void *)(uintptr_t)output->payload, output->payload_size}};
    ssize_t n;
    int error;

    green__http_deadline_set(&output->deadline, GREEN__HTTP_WRITES,
                             websocket->options.write_timeout);
    n = green_stream_writev(websocket->stream, parts, size > 0 ? 2 : 1);
    error = n < 0 ? errno : EPIPE;
    green__http_deadline_clear(&output->deadline);
    if (n == (ssize_t)(parts[0].iov_len + parts[1].iov_len))
        return 0;
    if (n >= 0 || !is_plain(websocket) || output->header_size == 0)
        output->broken = true;
    return refuse(output->deadline.expired ? ETIMEDOUT : error);
}

/* Keeps what wslay gives out: the header, then the payload, which it masks in
 * pieces if that is to be. */
ssize_t green__websocket_on_output(const uint8_t *bytes, size_t size, int flags,
                                   void *arg)
{
    struct green__websocket_output *output =
        &((struct green_websocket *)arg)->output;

    (void)flags;
    if (!output->in_payload) {
        memcpy(output->header, bytes, size);
        output->header_size = size;
        output->in_payload = true;
    } else if (output->masked) {
        memcpy(output->masked + output->payload_size, bytes, size);
        output->payload_size += size;
    } else {
        output->payload = bytes;
        output->payload_size = size;
    }
    return (ssize_t)size;
}

/* Masks are to be such that no page can foresee them. */
int green__websocket_on_mask(uint8_t *mask, size_t size, void *arg)
{
    struct green__websocket_output *output =
        &((struct green_websocket *)arg)->output;

    if (size > sizeof output->random - output->random_used) {
        if (getentropy(output->random, sizeof output->random) < 0)
            return -1;
        output->random_used = 0;
    }
    memcpy(mask, output->random + output->random_used, size);
    output->random_used += size;
    return 0;
}

/* Sends a piece of a frame; the first one with the header. */
static int send_piece(struct green_websocket *websocket,
                      struct wslay_frame_iocb *frame, size_t size)
{
    struct green__websocket_output *output = &websocket->output;

    output->header_size = output->payload_size = 0;
    output->payload = output->masked;
    frame->data_length = size;
    if (wslay_frame_send(websocket->frames, frame) != (ssize_t)size) {
        output->broken = true;
        return refuse(EIO);
    }
    frame->data += size;
    return write_parts(websocket, size);
}

static int send_pieces(struct green_websocket *websocket,
                       struct wslay_frame_iocb *frame)
{
    uint64_t left = frame->payload_length;
    size_t most = frame->mask ? GREEN__WEBSOCKET_PART : SIZE_MAX, size;

    websocket->output.in_payload = false;
    do {
        size = left < most ? (size_t)left : most;
        left -= size;
        if (send_piece(websocket, frame, size) < 0) {
            websocket->output.broken |= left > 0;
            return -1;
        }
    } while (left > 0);
    return 0;
}

/* Room for a piece of payload that wslay masks. */
static int begin_masked(struct green__websocket_output *output, size_t size)
{
    size_t room = size < GREEN__WEBSOCKET_PART ? size : GREEN__WEBSOCKET_PART;

    output->masked = malloc(room > 0 ? room : 1);
    return output->masked ? 0 : -1;
}

static void end_masked(struct green__websocket_output *output)
{
    int error = errno;

    free(output->masked);
    output->masked = NULL;
    errno = error;
}

int green__websocket_frame(struct green_websocket *websocket, unsigned opcode,
                           bool fin, bool packed, const void *bytes,
                           size_t size)
{
    struct wslay_frame_iocb frame = {
        .fin = fin,
        .rsv = packed ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE,
        .opcode = (uint8_t)opcode,
        .mask = !websocket->http,
        .payload_length = size,
        .data = bytes,
    };
    int result;

    if (websocket->output.broken)
        return refuse(EPIPE);
    if (frame.mask && begin_masked(&websocket->output, size) < 0)
        return -1;
    result = send_pieces(websocket, &frame);
    end_masked(&websocket->output);
    return result;
}

/* ---- A part of a message ----------------------------------------------------------- */

static bool is_closed(const struct green_websocket *websocket)
{
    return websocket->output.closing || websocket->output.broken;
}

static int send_frame(struct green_websocket *websocket, unsigned opcode,
                      bool fin, bool packed, const char *bytes, size_t size)
{
    struct green_lock *lock = &websocket->output.frame;
    int result;

    if (green_lock_acquire(lock) < 0)
        return -1;
    result = is_closed(websocket) ? refuse(EPIPE)
                                  : green__websocket_flush_control(websocket);
    if (result == 0)
        result =
            green__websocket_frame(websocket, opcode, fin, packed, bytes, size);
    green_lock_release(lock);
    return result;
}

/* What was begun cannot be ended, and nothing else may follow it. */
static int give_up(struct green_websocket *websocket)
{
    if (!websocket->output.closing)
        websocket->output.broken = true;
    return -1;
}

/* Sends it in one frame, or in several. */
static int send_frames(struct green_websocket *websocket, unsigned opcode,
                       bool last, bool packed, const char *bytes, size_t size)
{
    size_t most = websocket->options.fragment;
    bool begun = false;

    while (most > 0 && size > most) {
        if (send_frame(websocket, opcode, false, packed, bytes, most) < 0)
            return begun ? give_up(websocket) : -1;
        bytes += most;
        size -= most;
        opcode = GREEN__WEBSOCKET_CONTINUATION;
        packed = false;
        begun = true;
    }
    if (send_frame(websocket, opcode, last, packed, bytes, size) < 0)
        return begun ? give_up(websocket) : -1;
    return 0;
}

/* Compresses a part, and sends it. */
static int send_packed(struct green_websocket *websocket, unsigned opcode,
                       bool last, const void *bytes, size_t size)
{
    struct green__http_text *packed = &websocket->output.packed;
    int result;

    packed->size = 0;
    result = green__websocket_deflate_pack(websocket->deflate, bytes, size,
                                           last, packed);
    if (result == 0)
        result = send_frames(websocket, opcode, last,
                             opcode != GREEN__WEBSOCKET_CONTINUATION,
                             packed->bytes, packed->size);
    if (result < 0) /* the peer's state is no longer that of this side */
        give_up(websocket);
    if (packed->room > GREEN__WEBSOCKET_PART) {
        free(packed->bytes);
        *packed = (struct green__http_text){0};
    }
    return result;
}

/* Returns whether the text goes on, and may end, as a part of a message. */
static bool is_text(struct green__utf8 *utf8, const void *bytes, size_t size,
                    bool last)
{
    return green__utf8_check(utf8, bytes, size) &&
           (!last || green__utf8_is_whole(utf8));
}

/* ---- Messages ----------------------------------------------------------------------- */

static bool is_kind(enum green_websocket_kind kind)
{
    return kind == GREEN_WEBSOCKET_TEXT || kind == GREEN_WEBSOCKET_BINARY;
}

static int send_message(struct green_websocket *websocket,
                        enum green_websocket_kind kind, const void *bytes,
                        size_t size)
{
    int result;

    if (green_lock_acquire(&websocket->output.message) < 0)
        return -1;
    if (is_closed(websocket))
        result = refuse(EPIPE);
    else if (websocket->deflate && size >= LEAST)
        result = send_packed(websocket, kind, true, bytes, size);
    else
        result = send_frames(websocket, kind, true, false, bytes, size);
    green_lock_release(&websocket->output.message);
    return result;
}

int green_websocket_send(struct green_websocket *websocket,
                         enum green_websocket_kind kind, const void *bytes,
                         size_t size)
{
    struct green__utf8 utf8 = {0};
    int result;

    if (!websocket || !is_kind(kind) || (!bytes && size > 0))
        return refuse(EINVAL);
    if (kind == GREEN_WEBSOCKET_TEXT && !is_text(&utf8, bytes, size, true))
        return refuse(EILSEQ);
    if (websocket->output.part_of && websocket->output.part_of == green_self())
        return refuse(EBUSY);
    green__websocket_enter(websocket);
    result = send_message(websocket, kind, bytes, size);
    green__websocket_leave(websocket);
    return result;
}

int green_websocket_print(struct green_websocket *websocket, const char *format,
                          ...)
{
    va_list list;
    char *text;
    int n, result;

    va_start(list, format);
    n = vasprintf(&text, format, list);
    va_end(list);
    if (n < 0)
        return -1;
    result =
        green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, text, (size_t)n);
    free(text);
    return result;
}

/* ---- Messages in parts --------------------------------------------------------------- */

static int begin_part(struct green_websocket *websocket,
                      enum green_websocket_kind kind)
{
    struct green__websocket_output *output = &websocket->output;

    if (output->part_of && output->part_of == green_self())
        return output->part_kind == kind ? 0 : refuse(EINVAL);
    if (green_lock_acquire(&output->message) < 0)
        return -1;
    output->part_of = green_self();
    output->part_kind = kind;
    output->part_begun = false;
    output->part_utf8 = (struct green__utf8){0};
    return 0;
}

static int send_part(struct green_websocket *websocket, const void *bytes,
                     size_t size, bool last)
{
    struct green__websocket_output *output = &websocket->output;
    unsigned opcode = output->part_begun ? GREEN__WEBSOCKET_CONTINUATION
                                         : (unsigned)output->part_kind;

    if (is_closed(websocket))
        return refuse(EPIPE);
    if (output->part_kind == GREEN_WEBSOCKET_TEXT &&
        !is_text(&output->part_utf8, bytes, size, last))
        return refuse(EILSEQ);
    output->part_begun = true;
    if (websocket->deflate)
        return send_packed(websocket, opcode, last, bytes, size);
    return send_frames(websocket, opcode, last, false, bytes, size);
}

static void end_part(struct green_websocket *websocket, int result)
{
    struct green__websocket_output *output = &websocket->output;

    if (result < 0 && output->part_begun)
        give_up(websocket);
    output->part_of = NULL;
    green_lock_release(&output->message);
}

int green_websocket_send_part(struct green_websocket *websocket,
                              enum green_websocket_kind kind, const void *bytes,
                              size_t size, bool last)
{
    int result;

    if (!websocket || !is_kind(kind) || (!bytes && size > 0))
        return refuse(EINVAL);
    green__websocket_enter(websocket);
    result = begin_part(websocket, kind);
    if (result == 0) {
        result = send_part(websocket, bytes, size, last);
        if (last || result < 0)
            end_part(websocket, result);
    }
    green__websocket_leave(websocket);
    return result;
}
