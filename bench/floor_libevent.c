/*
 * The floor of a hub on libevent: the same echo server on bare events, which
 * calls recv and send itself. It separates the cost of libevent from that of
 * greenhub's hub on it. (peers/echo_libevent.c is a server as libevent's
 * documentation recommends it.)
 *
 *   floor_libevent PORT [large]
 *
 * One persistent event for each connection, level-triggered, never changed
 * while the socket accepts each echo whole. Otherwise as floor_epoll.c.
 */
#include "common.h"
#include "unsent.h"

#include <event2/event.h>
#include <unistd.h>

struct connection {
    struct event *event;
    struct unsent unsent;
};

static struct event_base *base;
static char buffer[BENCH_LARGE_BUFFER];
static size_t buffer_size;

static void drop(struct connection *c)
{
    evutil_socket_t fd = event_get_fd(c->event);

    event_free(c->event);
    close(fd);
    free(c->unsent.data);
    free(c);
}

static void on_ready(evutil_socket_t fd, short events, void *arg);

/* Changes what the connection's event waits for. */
static void watch(struct connection *c, evutil_socket_t fd, short events)
{
    if (event_del(c->event) < 0 ||
        event_assign(c->event, base, fd, (short)(events | EV_PERSIST), on_ready,
                     c) < 0 ||
        event_add(c->event, NULL) < 0)
        bench_die("event_add");
}

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct connection *c = arg;
    bool had_unsent = c->unsent.data, alive;
    ssize_t n;

    (void)events;
    if (had_unsent) {
        alive = unsent_flush(&c->unsent, fd);
    } else {
        n = recv(fd, buffer, buffer_size, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        alive = n > 0 && unsent_send(&c->unsent, fd, buffer, (size_t)n);
    }
    if (!alive)
        drop(c);
    else if (had_unsent != !!c->unsent.data)
        watch(c, fd, had_unsent ? EV_READ : EV_WRITE);
}

static void on_connection(evutil_socket_t listener, short events, void *arg)
{
    struct connection *c;
    int fd;

    (void)events;
    (void)arg;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        bench_no_delay(fd);
        c = calloc(1, sizeof *c);
        if (!c)
            bench_die("calloc");
        c->event = event_new(base, fd, EV_READ | EV_PERSIST, on_ready, c);
        if (!c->event || event_add(c->event, NULL) < 0)
            bench_die("event_new or event_add");
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    struct event *event;
    int listener;

    buffer_size = arguments.buffer_size;
    base = event_base_new();
    listener = bench_listen(arguments.port);
    if (!base)
        bench_die("event_base_new");
    event =
        event_new(base, listener, EV_READ | EV_PERSIST, on_connection, NULL);
    if (!event || event_add(event, NULL) < 0)
        bench_die("event_new or event_add");
    if (event_base_dispatch(base) < 0)
        bench_die("event_base_dispatch");
    return 1;
}
