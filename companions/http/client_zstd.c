/* zstd, by libzstd. */
#include <zstd.h>

#include <errno.h>

#include "client_codec.h"

/* RFC 9659: 8 MiB, so that a body can not ask for more memory. */
#define MOST_WINDOW_LOG 23

static void *zstd_create(void)
{
    ZSTD_DCtx *state = ZSTD_createDCtx();

    if (!state)
        errno = ENOMEM;
    else
        ZSTD_DCtx_setParameter(state, ZSTD_d_windowLogMax, MOST_WINDOW_LOG);
    return state;
}

static void zstd_destroy(void *state)
{
    ZSTD_freeDCtx(state);
}

/* One frame may follow the other. */
static int zstd_decode(void *state, struct green__http_step *step)
{
    ZSTD_inBuffer in = {step->in, step->in_size, 0};
    ZSTD_outBuffer out = {step->out, step->out_size, 0};
    size_t result = ZSTD_decompressStream(state, &out, &in);

    step->in += in.pos;
    step->in_size -= in.pos;
    step->out += out.pos;
    step->out_size -= out.pos;
    if (ZSTD_isError(result)) {
        errno = EPROTO;
        return -1;
    }
    return result == 0;
}

const struct green__http_codec green__http_zstd = {
    .name = "zstd",
    .create = zstd_create,
    .decode = zstd_decode,
    .destroy = zstd_destroy,
};
