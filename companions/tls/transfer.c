/*
 * Steps of OpenSSL, with what has to be received before them and sent after them.
 */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "reason.h"

/* A wait for the first bytes of a record has this much room, on the stack, since most
 * connections wait most of the time. The rest of a record is received at once. */
#define SMALL 2048
#define LARGE 16384

/* What may be left to a greenthread that is sending. More than a few alerts is no
 * peer's honest need. */
#define MAX_LEFT 16384

enum outcome { DONE, ENDED, STARVED, FAILED };

/* ---- Sending ------------------------------------------------------------------ */

/* The bytes of wire.out, which may grow anew meanwhile. */
struct bytes {
    unsigned char *start;
    size_t size;
};

static struct bytes take_out(struct green__tls_wire *wire)
{
    struct bytes taken = {wire->out, wire->out_size};

    wire->out = NULL;
    wire->out_size = wire->out_room = 0;
    return taken;
}

static ssize_t send_once(const struct green__tls *tls,
                         const struct bytes *bytes, size_t *done, int flags)
{
    ssize_t n = green_send(tls->stream.fd, bytes->start + *done,
                           bytes->size - *done, flags);

    if (n > 0)
        *done += (size_t)n;
    return n;
}

/*
 * A kill or timeout that has come meanwhile fails the next call, though it could have been
 * done: what remains is tried once more, since half a record ends a connection.
 */
static bool send_bytes(struct green__tls *tls, const struct bytes *bytes)
{
    size_t done = 0;
    int error = 0;

    while (done < bytes->size && send_once(tls, bytes, &done, 0) > 0)
        ;
    if (done < bytes->size) {
        error = errno;
        if (error == ECANCELED || error == ETIMEDOUT)
            send_once(tls, bytes, &done, MSG_DONTWAIT);
        errno = error;
    }
    return done == bytes->size;
}

static int send_all(struct green__tls *tls)
{
    while (tls->wire.out_size > 0) {
        struct bytes bytes = take_out(&tls->wire);
        bool sent = send_bytes(tls, &bytes);
        int error = errno;

        free(bytes.start);
        tls->answers = 0;
        if (!sent) {
            tls->broken = error;
            errno = error;
            return green__tls_fail_system("sending");
        }
    }
    return 0;
}

int green__tls_flush(struct green__tls *tls)
{
    int result, error;

    if (tls->wire.out_size == 0)
        return 0;
    if (green_lock_acquire(&tls->sending) < 0)
        return green__tls_fail_system("sending");
    result = send_all(tls);
    error = errno;
    green_lock_release(&tls->sending);
    errno = error;
    return result;
}

/* Of a greenthread that reads: one that is sending sends this, too. */
static int flush_or_leave(struct green__tls *tls)
{
    if (tls->wire.out_size == 0)
        return 0;
    if (!green_lock_held(&tls->sending))
        return green__tls_flush(tls);
    if (tls->answers > MAX_LEFT)
        return green__tls_fail(EPROTO, "the peer asks, but reads no answers");
    return 0;
}

void green__tls_flush_now(struct green__tls *tls)
{
    struct bytes bytes;
    size_t done = 0;

    if (green_lock_try_acquire(&tls->sending) < 0)
        return;
    bytes = take_out(&tls->wire);
    if (bytes.size > 0 && !tls->broken)
        send_once(tls, &bytes, &done, MSG_DONTWAIT);
    free(bytes.start);
    green_lock_release(&tls->sending);
}

/* ---- Receiving ------------------------------------------------------------------- */

/* Lets nobody run: what has failed is in OpenSSL's queue of errors, which is the OS
 * thread's. */
static enum outcome attempt(struct green__tls *tls,
                            struct green__tls_step *step)
{
    int result;

    ERR_clear_error();
    result = step->call(tls->ssl, step);
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_NONE:
        return DONE;
    case SSL_ERROR_ZERO_RETURN:
        return ENDED;
    case SSL_ERROR_WANT_READ:
        return STARVED;
    default:
        green__tls_note_failure(tls);
        return FAILED;
    }
}

/*
 * A handshake needs 8 KiB of stack and more, several times what reads do. A connection that
 * then waits would keep those pages. So each step of it runs on the stack of a greenthread
 * of its own, of a size that no connection asks for: otherwise the library would give that
 * stack, which it has at hand, to the next connection.
 */
static const struct green_attr deep = {.name = "TLS handshake",
                                       .stack_size = 512 << 10};

struct deep_attempt {
    struct green__tls *tls;
    struct green__tls_step *step;
    enum outcome outcome;
};

static void *attempt_there(void *arg)
{
    struct deep_attempt *one = arg;

    one->outcome = attempt(one->tls, one->step);
    return NULL;
}

/* A kill or timeout cannot end it: it waits for nothing. */
static enum outcome attempt_deep(struct green__tls *tls,
                                 struct green__tls_step *step)
{
    struct deep_attempt one = {.tls = tls, .step = step};
    struct green_thread *thread = green_spawn_with(&deep, attempt_there, &one);
    struct green_shield shield;

    if (!thread)
        return attempt(tls, step);
    green_shield_begin(&shield);
    green_join(thread, NULL);
    green_shield_end(&shield);
    return one.outcome;
}

static enum outcome call(struct green__tls *tls, struct green__tls_step *step)
{
    if (!tls->failed) {
        enum outcome outcome =
            step->deep ? attempt_deep(tls, step) : attempt(tls, step);

        if (outcome != FAILED)
            return outcome;
        green__tls_send_alert(tls);
    }
    green__tls_fail_again(tls);
    return FAILED;
}

static enum outcome fail_receiving(const struct green__tls *tls, ssize_t n)
{
    if (n < 0)
        green__tls_fail_system("receiving");
    else if (SSL_in_init(tls->ssl))
        green__tls_fail(ECONNRESET, "the peer closed the connection during the "
                                    "handshake");
    else
        green__tls_fail(ECONNRESET,
                        "the connection was cut: it ended without a "
                        "close_notify");
    return FAILED;
}

static enum outcome receive(struct green__tls *tls,
                            struct green__tls_step *step, unsigned char *buffer,
                            size_t size)
{
    struct green__tls_wire *wire = &tls->wire;
    size_t unsent;
    ssize_t n = green_recv(tls->stream.fd, buffer,
                           size < wire->wanted ? size : wire->wanted, 0);
    enum outcome outcome;

    if (n <= 0)
        return fail_receiving(tls, n);
    wire->in = buffer;
    wire->in_size = (size_t)n;
    unsent = wire->out_size;
    outcome = call(tls, step);
    tls->answers += wire->out_size > unsent ? wire->out_size - unsent : 0;
    if (wire->in_size > 0 && outcome != FAILED) {
        green__tls_fail(EPROTO, "OpenSSL took less than it had asked for");
        outcome = FAILED;
    }
    wire->in_size = 0;
    return outcome;
}

/* Not in the frame of green__tls_run. */
__attribute__((noinline)) static enum outcome
receive_little(struct green__tls *tls, struct green__tls_step *step)
{
    unsigned char buffer[SMALL];

    return receive(tls, step, buffer, sizeof buffer);
}

static enum outcome receive_much(struct green__tls *tls,
                                 struct green__tls_step *step)
{
    unsigned char *buffer = malloc(LARGE);
    enum outcome outcome = FAILED;
    int error;

    if (buffer)
        outcome = receive(tls, step, buffer, LARGE);
    else
        green__tls_fail(ENOMEM, "out of memory");
    error = errno;
    free(buffer);
    errno = error;
    return outcome;
}

int green__tls_run(struct green__tls *tls, struct green__tls_step *step)
{
    enum outcome outcome = call(tls, step);

    while (outcome == STARVED && flush_or_leave(tls) == 0)
        outcome = SSL_has_pending(tls->ssl) ? receive_much(tls, step)
                                            : receive_little(tls, step);
    if (outcome == STARVED || outcome == FAILED)
        return -1;
    return outcome == DONE;
}
