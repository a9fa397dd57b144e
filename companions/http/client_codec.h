/* Codings of bodies. Each has a file, and where its library is missing another. */
#ifndef COMPANIONS_HTTP_CLIENT_CODEC_H
#define COMPANIONS_HTTP_CLIENT_CODEC_H

#include <stddef.h>

/* What is to be decoded, and where to; a step takes from both. */
struct green__http_step {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

struct green__http_codec {
    const char *name; /* in Content-Encoding; NULL: there is no such library */
    /* NULL with ENOMEM. */
    void *(*create)(void);
    /* Returns 1 at what may be the end of the body; 0: there must be more; or -1
     * with EPROTO or ENOMEM. */
    int (*decode)(void *state, struct green__http_step *step);
    void (*destroy)(void *state);
};

extern const struct green__http_codec green__http_gzip;
extern const struct green__http_codec green__http_deflate;
extern const struct green__http_codec green__http_brotli;
extern const struct green__http_codec green__http_zstd;

#endif
