/*
 * Forwards connections with TLS on one side: takes it off in front of a plain service, or
 * puts it on for clients that do not speak it.
 *
 *     tls_forwarder FROM TO server CERTIFICATE KEY
 *     tls_forwarder FROM TO client HOST [AUTHORITIES]
 *     tls_forwarder tcp://127.0.0.1:6443 tcp://127.0.0.1:6000 server host.crt host.key
 */
#include <greenhub.h>
#include <greenhub/tls.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

static const char *target, *host; /* host: of the TLS server that TO is */
static struct green_tls_config *config;

static struct green_stream *dial(struct green_stream *plain)
{
    struct green_stream *stream = plain;
    int fd = green_dial(target);

    if (fd < 0) {
        warnx("%s", green_net_error());
        return NULL;
    }
    green_stream_init(plain, fd);
    if (host && !(stream = green_tls_client(fd, config, host))) {
        warnx("%s", green_tls_reason());
        green_close(fd);
    }
    return stream;
}

/* green_serve_streams closes `near` when this returns. */
static void forward(struct green_stream *near, void *unused)
{
    struct green_stream plain, *far = dial(&plain);

    (void)unused;
    if (!far)
        return;
    if (green_stream_relay(near, far) < 0)
        warn("relay");
    green_stream_close(far);
}

int main(int argc, char **argv)
{
    struct green_serve_options options = {0};
    struct green_tls_options tls = {0};
    struct green_stream_wrap wrap;
    bool serves = argc == 6 && strcmp(argv[3], "server") == 0;
    char here[128];
    int listener;

    if (!serves && (argc < 5 || argc > 6 || strcmp(argv[3], "client") != 0))
        errx(2, "usage: tls_forwarder FROM TO server CERTIFICATE KEY, or\n"
                "       tls_forwarder FROM TO client HOST [AUTHORITIES]");
    target = argv[2];
    host = serves ? NULL : argv[4];
    tls.certificate = serves ? argv[4] : NULL;
    tls.key = serves ? argv[5] : NULL;
    tls.authorities = serves ? NULL : argv[5];
    if (!(config = green_tls_config_create(&tls)))
        errx(1, "%s", green_tls_reason());
    wrap = green_tls_wrap(config);
    options.wrap = serves ? &wrap : NULL;
    if ((listener = green_listen(argv[1], NULL)) < 0 ||
        green_local_address(listener, here, sizeof here) < 0)
        errx(1, "%s", green_net_error());
    printf("listening on %s, forwarding to %s\n", here, target);
    fflush(stdout);
    if (green_serve_streams(listener, forward, &options) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
