/*
 * The echo server on State Threads, written as its documentation recommends: a
 * thread for each connection, and the alternative event system, which is epoll
 * on Linux.
 *
 *   echo_st PORT [large]
 */
#include <common.h>

#include <st.h>
#include <stdbool.h>

#define STACK (2 * BENCH_LARGE_BUFFER)

static void echo_with(st_netfd_t fd, char *buffer, size_t size)
{
    ssize_t n;

    while ((n = st_read(fd, buffer, size, ST_UTIME_NO_TIMEOUT)) > 0)
        if (st_write(fd, buffer, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
            break;
    st_netfd_close(fd);
}

static void *echo(void *arg)
{
    char buffer[BENCH_SMALL_BUFFER];

    echo_with(arg, buffer, sizeof buffer);
    return NULL;
}

static void *echo_large(void *arg)
{
    char buffer[BENCH_LARGE_BUFFER];

    echo_with(arg, buffer, sizeof buffer);
    return NULL;
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    bool large = arguments.buffer_size == BENCH_LARGE_BUFFER;
    st_netfd_t listener, fd;

    if (st_set_eventsys(ST_EVENTSYS_ALT) < 0 || st_init() < 0)
        bench_die("st_init");
    listener = st_netfd_open_socket(bench_listen(arguments.port));
    if (!listener)
        bench_die("st_netfd_open_socket");
    for (;;) {
        fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
        if (!fd)
            bench_die("st_accept");
        bench_no_delay(st_netfd_fileno(fd));
        if (!st_thread_create(large ? echo_large : echo, fd, 0,
                              large ? STACK : 0))
            bench_die("st_thread_create");
    }
}
