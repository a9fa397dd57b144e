/*
 * Forwards each connection to another address, in both directions.
 *
 *     port_forwarder [FROM [TO]]
 *     port_forwarder tcp://127.0.0.1:6001 tcp://127.0.0.1:6000
 *     nc 127.0.0.1 6001
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>

/* green_serve_streams closes `near` when this returns. */
static void forward(struct green_stream *near, void *target)
{
    struct green_stream far;
    int fd = green_dial(target);

    if (fd < 0) {
        warnx("%s", green_net_error());
        return;
    }
    green_stream_init(&far, fd);
    if (green_stream_relay(near, &far) < 0)
        warn("relay");
    green_stream_close(&far);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6001";
    char *target = argc > 2 ? argv[2] : "tcp://127.0.0.1:6000";
    struct green_serve_options options = {.arg = target};
    int listener = green_listen(address, NULL);
    char here[128];

    if (listener < 0)
        errx(1, "%s", green_net_error());
    if (green_local_address(listener, here, sizeof here) < 0)
        err(1, "%s", address);
    printf("listening on %s, forwarding to %s\n", here, target);
    fflush(stdout);
    if (green_serve_streams(listener, forward, &options) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
