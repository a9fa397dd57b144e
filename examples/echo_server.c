/*
 * The smallest server: a greenthread for each connection, plain blocking code.
 *
 *     echo_server [ADDRESS]          default tcp://127.0.0.1:6000
 *     nc 127.0.0.1 6000              then type something
 *
 * GREENHUB_HUB=poll echo_server runs it on another hub.
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>

/* green_serve closes `fd` when this returns. */
static void echo(int fd, void *arg)
{
    char buffer[4096];
    ssize_t n;

    (void)arg;
    while ((n = green_read(fd, buffer, sizeof buffer)) > 0) {
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
    }
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6000";
    int listener = green_listen(address, NULL);
    char here[128];

    if (listener < 0)
        errx(1, "%s", green_net_error());
    if (green_local_address(listener, here, sizeof here) < 0)
        err(1, "%s", address);
    printf("listening on %s\n", here);
    fflush(stdout);
    if (green_serve(listener, echo, NULL) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
