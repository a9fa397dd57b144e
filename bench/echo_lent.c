/*
 * The echo server on greenhub, with lent buffers:
 *
 *   echo_lent HUB PORT [large]
 *
 * As echo_greenhub.c but for that; `large` changes nothing, since buffers follow
 * what a connection shows.
 */
#include <greenhub.h>

#include "common.h"

static void echo(void *arg)
{
    struct green_stream stream;
    struct green_buffer *buffer;

    green_stream_init(&stream, (int)(intptr_t)arg);
    while (green_stream_lend(&stream, &buffer) > 0) {
        int result =
            green_stream_write_all(&stream, buffer->data, buffer->size);

        green_buffer_return(buffer);
        if (result < 0)
            break;
    }
    green_stream_close(&stream);
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments;
    char address[64];
    int listener, fd;

    if (argc < 3) {
        fprintf(stderr, "usage: echo_lent HUB PORT [large]\n");
        return 2;
    }
    arguments = bench_arguments(argc - 1, argv + 1);
    if (green_use_hub(argv[1]) < 0) {
        fprintf(stderr, "%s\n", green_hub_error());
        return 3;
    }
    snprintf(address, sizeof address, "tcp://127.0.0.1:%ld", arguments.port);
    listener = green_listen(address, NULL);
    if (listener < 0)
        bench_die("green_listen");
    bench_print_port(listener);
    while ((fd = green_accept(listener, NULL, NULL)) >= 0) {
        bench_no_delay(fd);
        if (green_spawn_n(echo, (void *)(intptr_t)fd) < 0)
            bench_die("green_spawn_n");
    }
    bench_die("green_accept");
}
