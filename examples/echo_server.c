/*
 * The smallest server: a greenthread for each connection, plain blocking code.
 *
 *     echo_server [ADDRESS]          default tcp://127.0.0.1:6000
 *     nc 127.0.0.1 6000              then type something
 *
 * GREENHUB_HUB=poll echo_server runs it on another hub.
 */
#include <greenhub.h>

#include <stdint.h>
#include <stdio.h>

static void echo(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    ssize_t n;

    while ((n = green_read(fd, buffer, sizeof buffer)) > 0) {
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
    }
    green_close(fd);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6000";
    int listener = green_listen(address, NULL), fd;
    char here[128];

    if (listener < 0 || green_local_address(listener, here, sizeof here) < 0) {
        perror(address);
        return 1;
    }
    printf("listening on %s\n", here);
    fflush(stdout);
    while ((fd = green_accept(listener, NULL, NULL)) >= 0) {
        if (green_spawn_n(echo, (void *)(intptr_t)fd) < 0)
            green_close(fd);
    }
    perror("accept");
    return 1;
}
