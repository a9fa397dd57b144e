/*
 * The echo server on libev, written as its manual recommends: an ev_io embedded
 * in the connection, level-triggered; the server calls read and write itself.
 * If a socket does not accept its echo, the watcher waits for EV_WRITE instead.
 *
 *   echo_libev PORT [large]
 */
#include <common.h>
#include <unsent.h>

#include <ev.h>
#include <unistd.h>

struct connection {
    ev_io io; /* first, so that a watcher is its connection */
    struct unsent unsent;
};

static char buffer[BENCH_LARGE_BUFFER];
static size_t buffer_size;

static void drop(struct ev_loop *loop, struct connection *c)
{
    ev_io_stop(loop, &c->io);
    close(c->io.fd);
    free(c->unsent.data);
    free(c);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    struct connection *c = (struct connection *)io;
    bool had_unsent = c->unsent.data, alive;
    ssize_t n;

    (void)events;
    if (had_unsent) {
        alive = unsent_flush(&c->unsent, io->fd);
    } else {
        n = recv(io->fd, buffer, buffer_size, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        alive = n > 0 && unsent_send(&c->unsent, io->fd, buffer, (size_t)n);
    }
    if (!alive) {
        drop(loop, c);
    } else if (had_unsent != !!c->unsent.data) {
        ev_io_stop(loop, io);
        ev_io_set(io, io->fd, had_unsent ? EV_READ : EV_WRITE);
        ev_io_start(loop, io);
    }
}

static void on_connection(struct ev_loop *loop, ev_io *listener, int events)
{
    struct connection *c;
    int fd;

    (void)events;
    while ((fd = accept4(listener->fd, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        bench_no_delay(fd);
        c = calloc(1, sizeof *c);
        if (!c)
            bench_die("calloc");
        ev_io_init(&c->io, on_ready, fd, EV_READ);
        ev_io_start(loop, &c->io);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    struct ev_loop *loop = ev_default_loop(0);
    ev_io listener;

    if (!loop)
        bench_die("ev_default_loop");
    buffer_size = arguments.buffer_size;
    ev_io_init(&listener, on_connection, bench_listen(arguments.port), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return 1;
}
