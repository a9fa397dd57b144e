/* gzip and deflate, by zlib. */
#include <zlib.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>

#include "client_codec.h"

#define FIND_FORM (15 + 32) /* gzip's or zlib's, and the largest window */

struct inflater {
    z_stream z;
    bool begun; /* the bytes of a stream */
    bool over;  /* its end was seen */
};

static void *inflater_create(void)
{
    struct inflater *inflater = calloc(1, sizeof *inflater);

    if (inflater && inflateInit2(&inflater->z, FIND_FORM) == Z_OK)
        return inflater;
    free(inflater);
    errno = ENOMEM;
    return NULL;
}

static void inflater_destroy(void *state)
{
    struct inflater *inflater = state;

    inflateEnd(&inflater->z);
    free(inflater);
}

static unsigned at_most(size_t size)
{
    return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

static int inflate_some(struct inflater *inflater,
                        struct green__http_step *step)
{
    z_stream *z = &inflater->z;
    unsigned in = at_most(step->in_size), out = at_most(step->out_size);
    int result;

    z->next_in = (unsigned char *)(uintptr_t)step->in;
    z->avail_in = in;
    z->next_out = step->out;
    z->avail_out = out;
    result = inflate(z, Z_NO_FLUSH);
    step->in += in - z->avail_in;
    step->in_size -= in - z->avail_in;
    step->out += out - z->avail_out;
    step->out_size -= out - z->avail_out;
    inflater->over = result == Z_STREAM_END;
    if (result == Z_OK || result == Z_BUF_ERROR)
        return 0;
    if (result == Z_STREAM_END)
        return 1;
    errno = result == Z_MEM_ERROR ? ENOMEM : EPROTO;
    return -1;
}

/* RFC 1952, 2.2: one stream may follow the other. */
static int gzip_decode(void *state, struct green__http_step *step)
{
    struct inflater *inflater = state;

    if (inflater->over && step->in_size == 0)
        return 1;
    if (inflater->over &&
        (step->in[0] != 0x1f || inflateReset(&inflater->z) != Z_OK)) {
        errno = EPROTO;
        return -1;
    }
    return inflate_some(inflater, step);
}

/* RFC 9110, 8.4.1.2: zlib's form is meant, but some send the bare one. */
static int deflate_decode(void *state, struct green__http_step *step)
{
    struct inflater *inflater = state;

    if (!inflater->begun && step->in_size > 0) {
        inflater->begun = true;
        if ((step->in[0] & 0x0f) != Z_DEFLATED &&
            inflateReset2(&inflater->z, -15) != Z_OK) {
            errno = ENOMEM;
            return -1;
        }
    }
    if (inflater->over && step->in_size == 0)
        return 1;
    if (inflater->over) {
        errno = EPROTO;
        return -1;
    }
    return inflate_some(inflater, step);
}

const struct green__http_codec green__http_gzip = {
    .name = "gzip",
    .create = inflater_create,
    .decode = gzip_decode,
    .destroy = inflater_destroy,
};

const struct green__http_codec green__http_deflate = {
    .name = "deflate",
    .create = inflater_create,
    .decode = deflate_decode,
    .destroy = inflater_destroy,
};
