/* permessage-deflate (RFC 7692): messages compressed by zlib. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "websocket.h"

/* Compressing takes about a millisecond for so much; then others run. */
#define PIECE ((size_t)64 << 10)

struct green__websocket_deflate {
    struct green__websocket_deflate_terms terms;
    z_stream out, in;
    bool has_out, has_in;
};

static int fail(int result)
{
    errno = result == Z_MEM_ERROR ? ENOMEM : EPROTO;
    return -1;
}

struct green__websocket_deflate *green__websocket_deflate_create(
    const struct green__websocket_deflate_terms *terms)
{
    struct green__websocket_deflate *deflate = calloc(1, sizeof *deflate);

    if (deflate)
        deflate->terms = *terms;
    return deflate;
}

static void end_out(struct green__websocket_deflate *deflate)
{
    if (deflate->has_out)
        deflateEnd(&deflate->out);
    deflate->has_out = false;
}

static void end_in(struct green__websocket_deflate *deflate)
{
    if (deflate->has_in)
        inflateEnd(&deflate->in);
    deflate->has_in = false;
}

void green__websocket_deflate_free(struct green__websocket_deflate *deflate)
{
    if (!deflate)
        return;
    end_out(deflate);
    end_in(deflate);
    free(deflate);
}

/* ---- Out -------------------------------------------------------------------------- */

static int begin_out(struct green__websocket_deflate *deflate)
{
    int result;

    if (deflate->has_out)
        return 0;
    deflate->out = (z_stream){0};
    /* Level 5 of memory is 16 KiB besides the window. */
    result = deflateInit2(&deflate->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                          -deflate->terms.own_bits, 5, Z_DEFAULT_STRATEGY);
    deflate->has_out = result == Z_OK;
    return result == Z_OK ? 0 : fail(result);
}

/* Compresses up to what the text has room for. */
static int pack_some(z_stream *out, int flush, struct green__http_text *text)
{
    char bytes[1024];
    int result;

    out->next_out = (unsigned char *)bytes;
    out->avail_out = sizeof bytes;
    result = deflate(out, flush);
    if (result != Z_OK && result != Z_BUF_ERROR)
        return fail(result);
    return green__http_text_add(text, bytes, sizeof bytes - out->avail_out,
                                SIZE_MAX);
}

/* A message ends with a block whose last four bytes are not sent. If nothing was
 * to be flushed, what is left of such a block is one byte. */
static int cut_tail(struct green__http_text *text, size_t before)
{
    if (text->size == before)
        return green__http_text_add(text, "", 1, SIZE_MAX);
    text->size -= 4;
    return 0;
}

int green__websocket_deflate_pack(struct green__websocket_deflate *deflate,
                                  const void *bytes, size_t size, bool last,
                                  struct green__http_text *text)
{
    size_t before = text->size;
    z_stream *out = &deflate->out;

    if (begin_out(deflate) < 0)
        return -1;
    out->next_in = (void *)(uintptr_t)bytes;
    do {
        size_t piece = size < PIECE ? size : PIECE;

        out->avail_in = (uInt)piece;
        size -= piece;
        do
            if (pack_some(out, size > 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH, text) < 0)
                return -1;
        while (out->avail_out == 0);
        if (size > 0) /* a kill ends the send that follows */
            green_yield();
    } while (size > 0);
    if (!last)
        return 0;
    if (deflate->terms.own_fresh)
        end_out(deflate);
    return cut_tail(text, before);
}

/* ---- In ----------------------------------------------------------------------------- */

static int begin_in(struct green__websocket_deflate *deflate)
{
    /* zlib takes a window of 8 bits for one of 9. */
    int bits = deflate->terms.peer_bits < 9 ? 9 : deflate->terms.peer_bits;
    int result;

    if (deflate->has_in)
        return 0;
    deflate->in = (z_stream){0};
    result = inflateInit2(&deflate->in, -bits);
    deflate->has_in = result == Z_OK;
    return result == Z_OK ? 0 : fail(result);
}

ssize_t
green__websocket_deflate_unpack(struct green__websocket_deflate *deflate,
                                const uint8_t **bytes, size_t *size, void *out,
                                size_t room)
{
    z_stream *in = &deflate->in;
    int result;

    if (begin_in(deflate) < 0)
        return -1;
    in->next_in = (void *)(uintptr_t)*bytes;
    in->avail_in = (uInt)*size;
    in->next_out = out;
    in->avail_out = (uInt)room;
    /* A block that says it is the last one ends the stream for zlib, though not
     * the connection, whose window is kept. */
    do
        result = inflate(in, Z_SYNC_FLUSH);
    while (result == Z_STREAM_END && inflateResetKeep(in) == Z_OK &&
           in->avail_in > 0 && in->avail_out > 0);
    *bytes += *size - in->avail_in;
    *size = in->avail_in;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return fail(result);
    return (ssize_t)(room - in->avail_out);
}

void green__websocket_deflate_end_message(
    struct green__websocket_deflate *deflate)
{
    if (deflate->terms.peer_fresh)
        end_in(deflate);
}
