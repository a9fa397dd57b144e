/*
 * The floor: an echo server on epoll, hand-written for speed. greenhub's
 * figures are compared with it.
 *
 *   floor_epoll PORT [large]
 *
 * - Each connection is registered once, edge-triggered, for both directions;
 *   no epoll_ctl follows. Level-triggered, the kernel would look at each ready
 *   socket a second time in the next epoll_wait, only to find it drained.
 * - A read that does not fill the buffer has emptied the socket; a second one
 *   would fail with EAGAIN, so the server does not try it. Data that arrives
 *   later triggers a new event. The end of the stream may have arrived before
 *   the event was reported, and then triggers no new one: after EPOLLRDHUP the
 *   server reads until the end.
 * - All connections share one buffer, since an echo that the socket accepts at
 *   once needs no memory afterwards. The server keeps unsent data with the
 *   connection, and reads no more from the connection until that is sent.
 */
#include "common.h"
#include "unsent.h"

#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 512
#define ENDS (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

struct connection {
    int fd;
    bool
        ended; /* the peer has shut down writing, or the connection has failed */
    struct unsent unsent;
};

static int poller;
static char buffer[BENCH_LARGE_BUFFER];
static size_t buffer_size;

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->unsent.data);
    free(c);
}

static void accept_all(int listener)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
    };
    struct connection *c;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        bench_no_delay(fd);
        c = calloc(1, sizeof *c);
        if (!c)
            bench_die("calloc");
        c->fd = fd;
        event.data.ptr = c;
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
            drop(c);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

static void serve(struct connection *c, unsigned events)
{
    ssize_t n;

    if (events & ENDS)
        c->ended = true;
    if (c->unsent.data && !unsent_flush(&c->unsent, c->fd)) {
        drop(c);
        return;
    }
    while (!c->unsent.data) {
        n = recv(c->fd, buffer, buffer_size, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || !unsent_send(&c->unsent, c->fd, buffer, (size_t)n)) {
            drop(c);
            return;
        }
        if (n < (ssize_t)buffer_size && !c->ended)
            return;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    struct bench_arguments arguments = bench_arguments(argc, argv);
    int listener, n;

    buffer_size = arguments.buffer_size;
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = bench_listen(arguments.port);
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0)
        bench_die("epoll");
    for (;;) {
        n = epoll_wait(poller, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            bench_die("epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr, events[i].events);
            else
                accept_all(listener);
        }
    }
}
