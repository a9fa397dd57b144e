/*
 * The echo server on libevent, written as its book recommends: a listener and
 * bufferevents, each of which moves its input to its output. The buffers are
 * libevent's, so "large" changes nothing.
 *
 *   echo_libevent PORT [large]
 */
#include <common.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void on_read(struct bufferevent *connection, void *arg)
{
    (void)arg;
    evbuffer_add_buffer(bufferevent_get_output(connection),
                        bufferevent_get_input(connection));
}

static void on_event(struct bufferevent *connection, short events, void *arg)
{
    (void)arg;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(connection);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int length, void *arg)
{
    struct event_base *base = evconnlistener_get_base(listener);
    struct bufferevent *connection =
        bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)address;
    (void)length;
    (void)arg;
    if (!connection)
        bench_die("bufferevent_socket_new");
    bench_no_delay(fd);
    bufferevent_setcb(connection, on_read, NULL, on_event, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    struct event_base *base = event_base_new();
    struct evconnlistener *listener;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)arguments.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    if (!base)
        bench_die("event_base_new");
    listener = evconnlistener_new_bind(
        base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
        BENCH_BACKLOG, (struct sockaddr *)&address, sizeof address);
    if (!listener)
        bench_die("evconnlistener_new_bind");
    bench_print_port(evconnlistener_get_fd(listener));
    event_base_dispatch(base);
    return 1;
}
