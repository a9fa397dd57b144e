/*
 * The echo server on greenhub for the benchmark, written as README shows it:
 *
 *   echo_greenhub [traced] HUB PORT [large]
 *
 * With "traced" it records a trace meanwhile.
 *
 * It has the buffer size and TCP_NODELAY of floor_epoll.c, and includes only
 * <greenhub.h>. Exit status 3: this hub cannot be used here.
 */
#include <greenhub.h>

#include "common.h"

static void echo_with(int fd, char *buffer, size_t size)
{
    ssize_t n;

    while ((n = green_read(fd, buffer, size)) > 0)
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
    green_close(fd);
}

static void echo(void *arg)
{
    char buffer[BENCH_SMALL_BUFFER];

    echo_with((int)(intptr_t)arg, buffer, sizeof buffer);
}

static void echo_large(void *arg)
{
    char buffer[BENCH_LARGE_BUFFER];

    echo_with((int)(intptr_t)arg, buffer, sizeof buffer);
}

static int listen_on(long port)
{
    char address[64];
    int fd;

    snprintf(address, sizeof address, "tcp://127.0.0.1:%ld", port);
    fd = green_listen(address, NULL);
    if (fd < 0)
        bench_die("green_listen");
    bench_print_port(fd);
    return fd;
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments;
    int listener, fd;

    if (argc > 1 && strcmp(argv[1], "traced") == 0) {
        if (green_trace_start("/dev/null", NULL) < 0)
            bench_die("green_trace_start");
        argc--;
        argv++;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: echo_greenhub [traced] HUB PORT [large]\n");
        return 2;
    }
    arguments = bench_arguments(argc - 1, argv + 1);
    if (green_use_hub(argv[1]) < 0) {
        fprintf(stderr, "%s\n", green_hub_error());
        return 3;
    }
    listener = listen_on(arguments.port);
    while ((fd = green_accept(listener, NULL, NULL)) >= 0) {
        bench_no_delay(fd);
        if (green_spawn_n(
                arguments.buffer_size == BENCH_LARGE_BUFFER ? echo_large : echo,
                (void *)(intptr_t)fd) < 0)
            bench_die("green_spawn_n");
    }
    bench_die("green_accept");
}
