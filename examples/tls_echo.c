/*
 * A TLS echo server: sends back what it receives. SIGHUP makes it read its certificate again,
 * after a renewal; connections go on.
 *
 *     tls_echo tcp://127.0.0.1:6443 CERTIFICATE KEY
 *     openssl s_client -quiet -connect 127.0.0.1:6443
 */
#include <greenhub.h>
#include <greenhub/tls.h>

#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

static struct green_tls_config *config;

static void *handle(void *fd)
{
    struct green_stream *stream = green_tls_server((int)(intptr_t)fd, config);
    char buffer[4096];
    ssize_t n;

    if (!stream) {
        warnx("%s", green_tls_reason());
        green_close((int)(intptr_t)fd);
        return NULL;
    }
    while ((n = green_stream_read(stream, buffer, sizeof buffer)) > 0)
        if (green_stream_write_all(stream, buffer, (size_t)n) < 0)
            break;
    if (n < 0)
        warnx("%s", green_tls_reason());
    green_stream_close(stream);
    return NULL;
}

static sigset_t hangup;

static void *reload_on_hangup(void *unused)
{
    while (green_signal_wait(&hangup, NULL) > 0)
        if (green_tls_config_reload(config) < 0)
            warnx("the old certificate stays: %s", green_tls_reason());
        else
            warnx("the certificate has been read again");
    return unused;
}

int main(int argc, char **argv)
{
    struct green_tls_options options = {0};
    char address[128];
    int listener, fd;

    if (argc != 4)
        errx(2, "usage: tls_echo ADDRESS CERTIFICATE KEY");
    options.certificate = argv[2];
    options.key = argv[3];
    config = green_tls_config_create(&options);
    if (!config)
        errx(1, "%s", green_tls_reason());
    listener = green_listen(argv[1], NULL);
    if (listener < 0)
        errx(1, "%s", green_net_error());
    sigaddset(&hangup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hangup, NULL);
    green_detach(green_spawn(reload_on_hangup, NULL));
    green_local_address(listener, address, sizeof address);
    printf("listening on %s\n", address);
    fflush(stdout);
    while ((fd = green_accept(listener, NULL, NULL)) >= 0)
        green_detach(green_spawn(handle, (void *)(intptr_t)fd));
    err(1, "accept");
}
