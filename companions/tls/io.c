/* Reads, writes and the end of a connection. */
#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "reason.h"

/* So much is encrypted before it is sent: four records. */
#define PIECE 65536

/* A write of up to this many parts needs no memory from the heap for them. */
#define FEW 8

/* ---- One call at a time ---------------------------------------------------------- */

/* Waits for its turn. 0, or -1 with errno and words. */
static int enter(struct green__tls *tls, struct green_lock *turn)
{
    tls->users++;
    if (green_lock_acquire(turn) == 0)
        return 0;
    green__tls_fail_system("waiting for another call");
    green__tls_release(tls);
    return -1;
}

/* Keeps errno. */
static void leave(struct green__tls *tls, struct green_lock *turn)
{
    int error = errno;

    green_lock_release(turn);
    green__tls_release(tls);
    errno = error;
}

/* ---- Reads ------------------------------------------------------------------------ */

static int read_some(SSL *ssl, struct green__tls_step *step)
{
    return SSL_read_ex(ssl, step->buffer, step->size, &step->done);
}

ssize_t green__tls_read(struct green__tls *tls, void *buffer, size_t size)
{
    struct green__tls_step step = {
        .call = read_some, .buffer = buffer, .size = size};
    int result;

    if (size == 0)
        return 0;
    if (enter(tls, &tls->reading) < 0)
        return -1;
    result = green__tls_run(tls, &step);
    leave(tls, &tls->reading);
    return result <= 0 ? result : (ssize_t)step.done;
}

/* Decrypts a record that has come, if it is whole. */
static void look(struct green__tls *tls)
{
    unsigned char byte;
    size_t done;
    int result;

    ERR_clear_error();
    result = SSL_peek_ex(tls->ssl, &byte, 1, &done);
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_WANT_READ:
        break;
    default:
        green__tls_note_failure(tls);
    }
}

size_t green__tls_pending(struct green__tls *tls)
{
    if (!tls->failed && SSL_pending(tls->ssl) == 0 && SSL_has_pending(tls->ssl))
        look(tls);
    return tls->failed ? 1 : (size_t)SSL_pending(tls->ssl);
}

/* ---- Writes ------------------------------------------------------------------------ */

/* Encrypts into wire.out. */
static int encrypt(struct green__tls *tls, const void *bytes, size_t size)
{
    size_t done;

    if (tls->broken)
        return green__tls_fail(tls->broken, "a write after one that failed");
    if (tls->finished)
        return green__tls_fail(EPIPE, "a write after the end of writes");
    if (green__tls_wire_reserve(&tls->wire, size) < 0)
        return green__tls_fail(ENOMEM, "out of memory");
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, bytes, size, &done) > 0)
        return 0;
    green__tls_note_failure(tls);
    green__tls_send_alert(tls);
    return green__tls_fail_again(tls);
}

/* Encrypts parts, or what remains of them, until there is enough to send. Returns how many
 * bytes, or -1. */
static ssize_t encrypt_parts(struct green__tls *tls, struct iovec **parts,
                             int *count)
{
    size_t done = 0;

    while (*count > 0 && done < PIECE) {
        struct iovec *part = *parts;
        size_t size =
            part->iov_len < PIECE - done ? part->iov_len : PIECE - done;

        if (size > 0 && encrypt(tls, part->iov_base, size) < 0)
            return -1;
        done += size;
        part->iov_base = (char *)part->iov_base + size;
        part->iov_len -= size;
        if (part->iov_len == 0) {
            ++*parts;
            --*count;
        }
    }
    return (ssize_t)done;
}

static ssize_t write_parts(struct green__tls *tls, struct iovec *parts,
                           int count)
{
    ssize_t done = 0;

    while (count > 0) {
        ssize_t n = encrypt_parts(tls, &parts, &count);

        if (n < 0 || green__tls_flush(tls) < 0)
            return done > 0 ? done : -1;
        done += n;
    }
    return done;
}

ssize_t green__tls_writev(struct green__tls *tls, const struct iovec *parts,
                          int count)
{
    struct iovec few[FEW], *own = few;
    ssize_t result = -1;

    if (count < 0 || count > IOV_MAX)
        return green__tls_fail(EINVAL, "too many parts");
    if (count > FEW && !(own = malloc((size_t)count * sizeof *own)))
        return green__tls_fail(ENOMEM, "out of memory");
    memcpy(own, parts, (size_t)count * sizeof *own);
    if (enter(tls, &tls->writing) == 0) {
        result = write_parts(tls, own, count);
        leave(tls, &tls->writing);
    }
    if (own != few)
        free(own);
    return result;
}

/* ---- The end ------------------------------------------------------------------------ */

/* Writes a close_notify to wire.out, once. */
static void say_goodbye(struct green__tls *tls)
{
    if (tls->broken || tls->finished || SSL_in_init(tls->ssl))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
    tls->finished = true;
}

int green__tls_finish(struct green__tls *tls)
{
    int result;

    if (enter(tls, &tls->writing) < 0)
        return -1;
    say_goodbye(tls);
    result = green__tls_flush(tls);
    leave(tls, &tls->writing);
    return result;
}

/*
 * A kernel that closes a socket with unread bytes resets the connection, and what was sent
 * may be lost on the peer's side. Tickets are often unread: a client gets them behind the
 * handshake, before the server has sent anything else.
 */
static void drain(const struct green__tls *tls)
{
    char unread[4096];
    int most = 16;

    while (most-- > 0 && green_recv(tls->stream.fd, unread, sizeof unread,
                                    MSG_DONTWAIT) == (ssize_t)sizeof unread)
        ;
}

int green__tls_close(struct green__tls *tls)
{
    int fd = tls->stream.fd, result, error;

    if (!green_lock_held(&tls->writing))
        say_goodbye(tls);
    green__tls_flush_now(tls);
    drain(tls);
    tls->broken = EBADF;
    tls->stream.fd = -1; /* the number may be another's when a call goes on */
    result = green_close(fd);
    error = errno;
    green__tls_release(tls);
    errno = error;
    return result;
}
