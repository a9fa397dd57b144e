/*
 * Forwards each connection to another address: two greenthreads a connection,
 * one for each direction, and no state machine.
 *
 *     port_forwarder [FROM [TO]]
 *     port_forwarder tcp://127.0.0.1:6001 tcp://127.0.0.1:6000
 *     nc 127.0.0.1 6001
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>

static const char *target = "tcp://127.0.0.1:6000";

struct direction {
    int from, to;
};

/*
 * One direction, up to its end, which is passed on: the other may go on. If it
 * breaks there is no use in the other either.
 */
static int pump(void *arg)
{
    struct direction *d = arg;
    char buffer[16384];
    ssize_t n;

    while ((n = green_read(d->from, buffer, sizeof buffer)) > 0) {
        if (green_write_all(d->to, buffer, (size_t)n) < 0)
            return -1;
    }
    return n < 0 ? -1 : green_shutdown(d->to, SHUT_WR);
}

/* green_serve closes `fd` when this returns. */
static void forward(int fd, void *unused)
{
    struct direction there = {.from = fd}, back = {.to = fd};
    struct green_scope scope; /* neither direction outlives it */
    int far = green_dial(target);

    (void)unused;
    if (far < 0) {
        warnx("%s", green_net_error());
        return;
    }
    there.to = back.from = far;
    if (green_scope_begin(&scope, GREEN_FOREVER) < 0)
        warn("scope");
    else if (green_scope_spawn(&scope, pump, &back) < 0)
        warn("greenthread");
    else if (pump(&there) < 0)
        green_scope_stop(&scope);
    green_scope_end(&scope);
    green_close(far);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6001";
    int listener = green_listen(address, NULL);
    char here[128];

    if (argc > 2)
        target = argv[2];
    if (listener < 0)
        errx(1, "%s", green_net_error());
    if (green_local_address(listener, here, sizeof here) < 0)
        err(1, "%s", address);
    printf("listening on %s, forwarding to %s\n", here, target);
    fflush(stdout);
    if (green_serve(listener, forward, NULL) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
