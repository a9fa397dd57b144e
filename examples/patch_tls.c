/*
 * An echo server with TLS: OpenSSL's blocking calls, a greenthread for each
 * connection, one OS thread.
 *
 *     patch_tls CERTIFICATE.pem KEY.pem tcp://127.0.0.1:8443
 *     openssl s_client -quiet -connect 127.0.0.1:8443
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <err.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>

static SSL_CTX *context;

static void echo(SSL *connection)
{
    char bytes[4096];
    int count;

    if (SSL_accept(connection) != 1)
        return;
    while ((count = SSL_read(connection, bytes, sizeof bytes)) > 0)
        if (SSL_write(connection, bytes, count) <= 0)
            return;
    if (SSL_get_error(connection, count) == SSL_ERROR_ZERO_RETURN)
        SSL_shutdown(connection); /* the client has ended */
}

/* green_serve closes `fd` when this returns. */
static void serve(int fd, void *unused)
{
    SSL *connection = SSL_new(context);

    (void)unused;
    if (connection && SSL_set_fd(connection, fd) == 1)
        echo(connection);
    ERR_clear_error();
    SSL_free(connection);
}

int main(int argc, char **argv)
{
    char here[128];
    int listener;

    if (argc < 4)
        errx(2, "usage: %s CERTIFICATE KEY ADDRESS", argv[0]);
    context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        errx(1, "%s", ERR_error_string(ERR_get_error(), NULL));
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes by write(2) */
    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    listener = green_listen(argv[3], NULL);
    if (listener < 0 || green_local_address(listener, here, sizeof here) < 0)
        errx(1, "%s", green_net_error());
    printf("listening on %s\n", here);
    fflush(stdout);
    if (green_serve(listener, serve, NULL) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
