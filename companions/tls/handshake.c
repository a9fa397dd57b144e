#include "connection.h"

#include <errno.h>

#include "reason.h"

/*
 * A handshake needs 8 KiB of stack and more, several times what reads do. A connection that
 * then waits would keep those pages. So each step of it runs on the stack of a greenthread
 * of its own, of a size that no connection asks for: otherwise the library would give that
 * stack, which it has at hand, to the next connection.
 */
static const struct green_attr deep = {.name = "TLS handshake",
                                       .stack_size = 512 << 10};

struct turn {
    SSL *ssl;
    int result;
};

static void *take_turn(void *arg)
{
    struct turn *turn = arg;

    turn->result = SSL_do_handshake(turn->ssl);
    return NULL;
}

/* A kill or timeout cannot end it: the step waits for nothing. */
static int shake(SSL *ssl, struct green__tls_step *step)
{
    struct turn turn = {.ssl = ssl};
    struct green_thread *thread = green_spawn_with(&deep, take_turn, &turn);
    struct green_shield shield;

    (void)step;
    if (!thread)
        return SSL_do_handshake(ssl);
    green_shield_begin(&shield);
    green_join(thread, NULL);
    green_shield_end(&shield);
    return turn.result;
}

static int run(struct green__tls *tls)
{
    struct green__tls_step step = {.call = shake};

    return green__tls_run(tls, &step) < 0 ? -1 : green__tls_flush(tls);
}

int green__tls_handshake(struct green__tls *tls)
{
    green_time limit = tls->config->options.handshake_timeout;
    struct green_timeout timeout;
    int result, error;

    if (green_timeout_start(&timeout, limit) < 0)
        return green__tls_fail_system("the time limit of the handshake");
    result = run(tls);
    error = errno;
    green_timeout_cancel(&timeout);
    if (result < 0 && error == ETIMEDOUT && green_timeout_fired(&timeout))
        return green__tls_fail(ETIMEDOUT,
                               "the handshake took longer than %.3g s",
                               (double)limit / GREEN_SEC);
    errno = error;
    return result;
}
