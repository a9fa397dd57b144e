/*
 * The echo server on greenhub, as README shows it, for the benchmark:
 *
 *   echo_greenhub HUB PORT
 *
 * It sets what floor_epoll.c sets too (the buffer's size, TCP_NODELAY), and
 * sees <greenhub.h> alone. Exit status 3: this hub cannot be used here.
 */
#include <greenhub.h>

#include "common.h"

static void echo(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[BENCH_BUFFER];
    ssize_t n;

    while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
    green_close(fd);
}

static int listen_on(long port)
{
    char address[64];
    int fd;

    snprintf(address, sizeof address, "tcp://127.0.0.1:%ld", port);
    fd = green_listen(address, NULL);
    if (fd < 0 || green_local_address(fd, address, sizeof address) < 0)
        bench_die("green_listen");
    printf("listening %s\n", strrchr(address, ':') + 1);
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    int listener, fd;

    if (argc != 3) {
        fprintf(stderr, "usage: echo_greenhub HUB PORT\n");
        return 2;
    }
    bench_raise_descriptor_limit();
    if (green_use_hub(argv[1]) < 0) {
        fprintf(stderr, "%s\n", green_hub_error());
        return 3;
    }
    listener = listen_on(bench_number(argv[2], 65535));
    while ((fd = green_accept(listener, NULL, NULL)) >= 0) {
        bench_no_delay(fd);
        if (green_spawn_n(echo, (void *)(intptr_t)fd) < 0)
            bench_die("green_spawn_n");
    }
    bench_die("green_accept");
}
