#include "connection.h"

#include <errno.h>

#include "reason.h"

static int shake(SSL *ssl, struct green__tls_step *step)
{
    (void)step;
    return SSL_do_handshake(ssl);
}

static int run(struct green__tls *tls)
{
    struct green__tls_step step = {.call = shake, .deep = true};

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
