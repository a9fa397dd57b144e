/* Bodies that come compressed, with a limit for what a few bytes may become. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"
#include "client_codec.h"

#define IN_SIZE ((size_t)16 << 10)
#define SMALL ((uint64_t)1 << 20) /* up to this, any ratio is allowed */

struct green__http_decoder {
    const struct green__http_codec *codec;
    void *state;
    struct green__http_step step; /* `in` is what has come and was not used */
    uint64_t in_total, out_total;
    bool may_end; /* the body, where it is now */
    bool is_full; /* the last step has filled its room: there may be more */
    unsigned char bytes[IN_SIZE];
};

static const struct green__http_codec *const codecs[] = {
    &green__http_gzip, &green__http_deflate, &green__http_brotli,
    &green__http_zstd};

#define CODECS (sizeof codecs / sizeof codecs[0])

int green__http_encodings_add(struct green__http_text *text)
{
    const char *before = "Accept-Encoding: ";

    for (size_t i = 0; i < CODECS; i++) {
        if (!codecs[i]->name)
            continue;
        if (green__http_text_put(text, before) < 0 ||
            green__http_text_put(text, codecs[i]->name) < 0)
            return -1;
        before = ", ";
    }
    return *before == ',' ? green__http_text_put(text, "\r\n") : 0;
}

static const struct green__http_codec *find_codec(const char *name)
{
    if (name && strcasecmp(name, "x-gzip") == 0)
        name = "gzip";
    for (size_t i = 0; i < CODECS && name; i++)
        if (codecs[i]->name && strcasecmp(codecs[i]->name, name) == 0)
            return codecs[i];
    return NULL;
}

int green__http_decoder_create(struct green_http_client_exchange *exchange)
{
    const struct green_http *in = &exchange->in;
    const struct green__http_codec *codec =
        find_codec(green_http_header(in, "Content-Encoding"));
    struct green__http_decoder *decoder;

    if (!codec || !exchange->may_compress || in->body == GREEN__HTTP_NO_BODY)
        return 0;
    decoder = malloc(sizeof *decoder);
    if (!decoder)
        return -1;
    *decoder = (struct green__http_decoder){.codec = codec};
    decoder->state = codec->create();
    if (!decoder->state) {
        free(decoder);
        return -1;
    }
    exchange->decoder = decoder;
    return 0;
}

void green__http_decoder_free(struct green__http_decoder *decoder)
{
    if (!decoder)
        return;
    decoder->codec->destroy(decoder->state);
    free(decoder);
}

static ssize_t fill(struct green_http_client_exchange *exchange)
{
    struct green__http_decoder *decoder = exchange->decoder;
    ssize_t n =
        green_http_read(&exchange->in, decoder->bytes, sizeof decoder->bytes);

    if (n > 0) {
        decoder->step.in = decoder->bytes;
        decoder->step.in_size = (size_t)n;
        decoder->in_total += (uint64_t)n;
    }
    /* Nothing at all is nothing, compressed or not. */
    if (n == 0 && !decoder->may_end && decoder->in_total > 0) {
        errno = EPROTO;
        return -1;
    }
    return n;
}

/* Decodes what there is. Returns the number of bytes, or -1. */
static ssize_t decode(struct green_http_client_exchange *exchange, void *bytes,
                      size_t size)
{
    struct green__http_decoder *decoder = exchange->decoder;
    unsigned ratio = exchange->client->options.max_ratio;
    int result;

    decoder->step.out = bytes;
    decoder->step.out_size = size;
    result = decoder->codec->decode(decoder->state, &decoder->step);
    if (result < 0)
        return -1;
    size -= decoder->step.out_size;
    decoder->may_end = result == 1;
    decoder->is_full = decoder->step.out_size == 0;
    decoder->out_total += size;
    if (decoder->out_total > SMALL &&
        decoder->out_total / ratio > decoder->in_total) {
        errno = EMSGSIZE;
        return -1;
    }
    return (ssize_t)size;
}

ssize_t green__http_decoder_read(struct green_http_client_exchange *exchange,
                                 void *bytes, size_t size)
{
    struct green__http_decoder *decoder = exchange->decoder;
    ssize_t n = 0;

    while (size > 0 && n == 0) {
        if (decoder->step.in_size == 0 &&
            (!decoder->is_full || decoder->may_end)) {
            n = fill(exchange);
            if (n <= 0)
                return n;
        }
        n = decode(exchange, bytes, size);
    }
    return n;
}
