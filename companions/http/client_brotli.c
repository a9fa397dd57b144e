/* br, by libbrotlidec. */
#include <brotli/decode.h>

#include <errno.h>

#include "client_codec.h"

static void *brotli_create(void)
{
    void *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);

    if (!state)
        errno = ENOMEM;
    return state;
}

static void brotli_destroy(void *state)
{
    BrotliDecoderDestroyInstance(state);
}

static int brotli_decode(void *state, struct green__http_step *step)
{
    BrotliDecoderResult result;

    if (BrotliDecoderIsFinished(state)) {
        errno = EPROTO;
        return step->in_size > 0 ? -1 : 1;
    }
    result = BrotliDecoderDecompressStream(state, &step->in_size, &step->in,
                                           &step->out_size, &step->out, NULL);
    if (result == BROTLI_DECODER_RESULT_ERROR) {
        errno = EPROTO;
        return -1;
    }
    return result == BROTLI_DECODER_RESULT_SUCCESS;
}

const struct green__http_codec green__http_brotli = {
    .name = "br",
    .create = brotli_create,
    .decode = brotli_decode,
    .destroy = brotli_destroy,
};
