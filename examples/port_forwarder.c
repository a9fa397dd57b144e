/*
 * Forwards each connection to another address: two greenthreads a connection,
 * one for each direction, and no state machine.
 *
 *     port_forwarder [FROM [TO]]
 *     port_forwarder tcp://127.0.0.1:6001 tcp://127.0.0.1:6000
 *     nc 127.0.0.1 6001
 */
#include <greenhub.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *target = "tcp://127.0.0.1:6000";

struct direction {
    int from, to;
};

/* One direction, up to its end, which is passed on: the other may go on. */
static void *pump(void *arg)
{
    struct direction *d = arg;
    char buffer[16384];
    ssize_t n;

    while ((n = green_read(d->from, buffer, sizeof buffer)) > 0) {
        if (green_write_all(d->to, buffer, (size_t)n) < 0)
            break;
    }
    if (n == 0) {
        green_shutdown(d->to, SHUT_WR);
    } else { /* broken: there is no use in the other direction either */
        green_shutdown(d->from, SHUT_RDWR);
        green_shutdown(d->to, SHUT_RDWR);
    }
    return NULL;
}

/* green_serve closes `fd` when this returns. */
static void forward(int fd, void *unused)
{
    struct direction out = {.from = fd}, back = {.to = fd};
    struct green_thread *other;
    int far = green_dial(target);

    (void)unused;
    if (far < 0) {
        fprintf(stderr, "%s: %s\n", target, strerror(errno));
        return;
    }
    out.to = back.from = far;
    other = green_spawn(pump, &back);
    if (other != NULL) {
        pump(&out);
        green_join(other, NULL);
    }
    green_close(far);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6001";
    int listener = green_listen(address, NULL);
    char here[128];

    if (argc > 2)
        target = argv[2];
    if (listener < 0 || green_local_address(listener, here, sizeof here) < 0) {
        perror(address);
        return 1;
    }
    printf("listening on %s, forwarding to %s\n", here, target);
    fflush(stdout);
    if (green_serve(listener, forward, NULL) < 0)
        perror("green_serve");
    return 1;
}
