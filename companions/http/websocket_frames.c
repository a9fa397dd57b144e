/* Frames that are received, and what they carry. */
#include <errno.h>
#include <string.h>

#include <wslay/wslay.h>

#include "websocket.h"

int green__websocket_fail(struct green_websocket *websocket, int code,
                          int error)
{
    websocket->result = -error;
    green__websocket_send_close(websocket, code, "");
    errno = error;
    return -1;
}

static int protocol_error(struct green_websocket *websocket)
{
    return green__websocket_fail(websocket, GREEN__WEBSOCKET_PROTOCOL_ERROR,
                                 EPROTO);
}

/* ---- Heads of frames -------------------------------------------------------------- */

static bool is_data(unsigned opcode)
{
    return opcode == GREEN_WEBSOCKET_TEXT || opcode == GREEN_WEBSOCKET_BINARY;
}

/* Whether the frame may come now. wslay has looked at the lengths, and that
 * control frames are whole. */
static bool may_come(const struct green_websocket *websocket,
                     const struct wslay_frame_iocb *frame)
{
    const struct green__websocket_input *input = &websocket->input;
    unsigned may_be_set = websocket->deflate && is_data(frame->opcode)
                              ? WSLAY_RSV1_BIT
                              : WSLAY_RSV_NONE;

    if ((frame->rsv & ~may_be_set) != 0 || frame->mask != !!websocket->http)
        return false;
    if (is_data(frame->opcode))
        return !input->in_message;
    if (frame->opcode == GREEN__WEBSOCKET_CONTINUATION)
        return input->in_message;
    return frame->opcode >= GREEN__WEBSOCKET_CLOSE &&
           frame->opcode <= GREEN__WEBSOCKET_PONG;
}

static void begin_message(struct green__websocket_input *input,
                          const struct wslay_frame_iocb *frame)
{
    input->in_message = true;
    input->kind = (enum green_websocket_kind)frame->opcode;
    input->packed = frame->rsv != 0;
    input->tail = input->full = input->some = false;
    input->total = 0;
    input->utf8 = (struct green__utf8){0};
}

static int begin_frame(struct green_websocket *websocket,
                       const struct wslay_frame_iocb *frame)
{
    struct green__websocket_input *input = &websocket->input;

    if (!may_come(websocket, frame))
        return protocol_error(websocket);
    input->frame_left = frame->payload_length;
    input->control_size = 0;
    if (wslay_is_ctrl_frame(frame->opcode))
        return 1;
    if (is_data(frame->opcode))
        begin_message(input, frame);
    input->fin = frame->fin;
    if (!input->packed && input->frame_left > input->most - input->total)
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_TOO_BIG,
                                     EMSGSIZE);
    return 1;
}

/* ---- Control frames ----------------------------------------------------------------- */

/* Returns 1 to go on; 0 or -1 for what a receive returns. */
static int take_control(struct green_websocket *websocket,
                        const struct wslay_frame_iocb *frame)
{
    struct green__websocket_input *input = &websocket->input;

    if (frame->data_length > 0)
        memcpy(input->control + input->control_size, frame->data,
               frame->data_length);
    input->control_size += frame->data_length;
    if (input->in_frame)
        return 1;
    if (frame->opcode == GREEN__WEBSOCKET_PING)
        green__websocket_pong(websocket, input->control, input->control_size);
    if (frame->opcode == GREEN__WEBSOCKET_CLOSE)
        return green__websocket_on_close(websocket);
    return 1;
}

/* ---- Payload of messages -------------------------------------------------------------- */

/* wslay has returned less than a frame. Returns 1: go on. */
static int on_short(struct green_websocket *websocket, ssize_t result)
{
    int error = websocket->input.error;

    if (result != WSLAY_ERR_WANT_READ)
        return protocol_error(websocket);
    if (websocket->result <= 0) { /* the end has come meanwhile */
        errno = -websocket->result;
        return websocket->result < 0 ? -1 : 0;
    }
    if (!error)
        return 1;
    websocket->input.error = 0;
    errno = error;
    return -1;
}

/* Takes a part of a frame. Returns 1, or 0 or -1 for what a receive
 * returns. */
static int take_frame(struct green_websocket *websocket)
{
    struct green__websocket_input *input = &websocket->input;
    struct wslay_frame_iocb frame = {0};
    ssize_t n = wslay_frame_recv(websocket->frames, &frame);

    if (n < 0)
        return on_short(websocket, n);
    if (!input->in_frame && begin_frame(websocket, &frame) < 0)
        return -1;
    input->frame_left -= frame.data_length;
    input->in_frame = input->frame_left > 0;
    if (wslay_is_ctrl_frame(frame.opcode))
        return take_control(websocket, &frame);
    input->piece = frame.data;
    input->piece_size = frame.data_length;
    input->some |= frame.data_length > 0;
    return 1;
}

/* Adds what the sender has left out at the end of a compressed message. */
static bool add_tail(struct green__websocket_input *input)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};

    if (!input->packed || input->tail || !input->some)
        return false;
    input->tail = true;
    input->piece = tail;
    input->piece_size = sizeof tail;
    return true;
}

/* Whether all payload of the message has been used. */
static bool is_over(struct green__websocket_input *input)
{
    return input->in_message && input->fin && !input->in_frame &&
           input->piece_size == 0 && !input->full && !add_tail(input);
}

/* Returns how much was moved from the piece, decompressed; or -1. */
static ssize_t unload(struct green_websocket *websocket, char *bytes,
                      size_t room)
{
    struct green__websocket_input *input = &websocket->input;
    size_t size = input->piece_size < room ? input->piece_size : room;
    ssize_t n;

    if (room > GREEN__WEBSOCKET_FAIR)
        room = GREEN__WEBSOCKET_FAIR;
    if (input->packed && (input->piece_size > 0 || input->full)) {
        n = green__websocket_deflate_unpack(websocket->deflate, &input->piece,
                                            &input->piece_size, bytes, room);
        input->full = n == (ssize_t)room;
        return n;
    }
    if (size == 0)
        return 0;
    memcpy(bytes, input->piece, size);
    input->piece += size;
    input->piece_size -= size;
    return (ssize_t)size;
}

/* A little that was received may become much: then others run meanwhile. A kill is
 * noticed by the next wait. */
static void be_fair(struct green__websocket_input *input, size_t size)
{
    input->unpacked += size;
    if (input->unpacked < GREEN__WEBSOCKET_FAIR)
        return;
    input->unpacked = 0;
    green_yield();
}

/* Looks at payload, `n` bytes. */
static int check(struct green_websocket *websocket, const char *bytes,
                 ssize_t n)
{
    struct green__websocket_input *input = &websocket->input;

    if (n < 0 && errno == EPROTO)
        return protocol_error(websocket);
    if (n < 0)
        return -1;
    if ((uint64_t)n > input->most - input->total)
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_TOO_BIG,
                                     EMSGSIZE);
    input->total += (uint64_t)n;
    if (input->kind == GREEN_WEBSOCKET_TEXT &&
        !green__utf8_check(&input->utf8, bytes, (size_t)n))
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_INVALID,
                                     EILSEQ);
    return 1;
}

static int end_message(struct green_websocket *websocket)
{
    struct green__websocket_input *input = &websocket->input;

    if (input->kind == GREEN_WEBSOCKET_TEXT &&
        !green__utf8_is_whole(&input->utf8))
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_INVALID,
                                     EILSEQ);
    if (input->packed)
        green__websocket_deflate_end_message(websocket->deflate);
    input->in_message = input->packed = false;
    return 1;
}

int green__websocket_take(struct green_websocket *websocket, char *bytes,
                          size_t room, size_t *size, bool *over)
{
    struct green__websocket_input *input = &websocket->input;
    int result;
    ssize_t n;

    for (;;) {
        n = unload(websocket, bytes, room);
        if (n != 0 && check(websocket, bytes, n) < 0)
            return -1;
        be_fair(input, (size_t)n);
        *size = (size_t)n;
        *over = is_over(input);
        if (*over)
            return end_message(websocket);
        if (n > 0)
            return 1;
        /* Else the end of a compressed message was added. */
        if (input->piece_size == 0) {
            result = take_frame(websocket);
            if (result <= 0)
                return result;
        }
    }
}
