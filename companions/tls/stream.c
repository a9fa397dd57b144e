/* The public functions of connections, and the operations of a TLS stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "reason.h"

static struct green__tls *tls_of(const struct green_stream *stream)
{
    return (struct green__tls *)stream;
}

/* ---- The operations ------------------------------------------------------- */

static ssize_t op_read(struct green_stream *stream, void *buffer, size_t size)
{
    return green__tls_read(tls_of(stream), buffer, size);
}

static ssize_t op_writev(struct green_stream *stream, const struct iovec *parts,
                         int count)
{
    return green__tls_writev(tls_of(stream), parts, count);
}

static size_t op_pending(const struct green_stream *stream)
{
    return green__tls_pending(tls_of(stream));
}

static int op_shutdown(struct green_stream *stream, int how)
{
    if (how == SHUT_RD)
        return green_shutdown(stream->fd, how);
    if (how != SHUT_WR && how != SHUT_RDWR)
        return green__tls_fail(EINVAL, "no such way to shut down");
    if (green__tls_finish(tls_of(stream)) < 0)
        return -1;
    return how == SHUT_WR ? 0 : green_shutdown(stream->fd, how);
}

static int op_close(struct green_stream *stream)
{
    return green__tls_close(tls_of(stream));
}

static const struct green_stream_ops tls_ops = {
    .name = "tls",
    .read = op_read,
    .writev = op_writev,
    .pending = op_pending,
    .shutdown = op_shutdown,
    .close = op_close,
};

/* ---- Handshakes -------------------------------------------------------------- */

/* OpenSSL's has no null byte at its end. */
static int note_protocol(struct green__tls *tls)
{
    const unsigned char *name;
    unsigned size;

    SSL_get0_alpn_selected(tls->ssl, &name, &size);
    if (size == 0)
        return 0;
    tls->protocol = calloc(1, (size_t)size + 1);
    if (!tls->protocol)
        return green__tls_fail(ENOMEM, "out of memory");
    memcpy(tls->protocol, name, size);
    return 0;
}

/* The descriptor stays the caller's if it fails. */
static struct green_stream *connected(struct green__tls *tls)
{
    int error;

    if (!tls)
        return NULL;
    if (green__tls_handshake(tls) == 0 && note_protocol(tls) == 0) {
        tls->stream.ops = &tls_ops;
        return &tls->stream;
    }
    error = errno;
    green__tls_release(tls);
    errno = error;
    return NULL;
}

struct green_stream *green_tls_client(int fd, struct green_tls_config *config,
                                      const char *host)
{
    return connected(green__tls_client(fd, config, host));
}

struct green_stream *green_tls_server(int fd, struct green_tls_config *config)
{
    return connected(green__tls_server(fd, config));
}

/* ---- Questions ------------------------------------------------------------------ */

struct ssl_st *green_tls_ssl(const struct green_stream *stream)
{
    if (stream && stream->ops == &tls_ops)
        return tls_of(stream)->ssl;
    green__tls_fail(EINVAL, "not a TLS stream");
    return NULL;
}

const char *green_tls_protocol(const struct green_stream *stream)
{
    if (stream && stream->ops == &tls_ops)
        return tls_of(stream)->protocol;
    return NULL;
}

/* ---- For code that does not know TLS ------------------------------------------- */

static struct green_stream *wrap(int fd, const char *host, void *config)
{
    return host ? green_tls_client(fd, config, host)
                : green_tls_server(fd, config);
}

struct green_stream_wrap green_tls_wrap(struct green_tls_config *config)
{
    struct green_stream_wrap made = {
        .wrap = wrap, .protocol = green_tls_protocol, .arg = config};

    return made;
}
