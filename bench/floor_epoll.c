/*
 * The floor: an echo server on epoll as one writes it by hand for speed. What
 * greenhub costs is told against it.
 *
 *   floor_epoll PORT
 *
 * - Each connection is registered once, edge-triggered, for both directions;
 *   no epoll_ctl follows. Level-triggered, the kernel would look at each ready
 *   socket a second time in the next epoll_wait, only to find it drained.
 * - A read that does not fill the buffer has emptied the socket; a second one
 *   would give EAGAIN and is left out. What arrives later makes a new edge.
 *   The end of the stream may have arrived before the edge was reported, and
 *   then makes no new one: EPOLLRDHUP tells, and we read on to see it.
 * - One buffer serves all, since an echo that the socket takes at once needs no
 *   memory of its own. What it does not take is kept with the connection, which
 *   is not read from again until it is gone.
 */
#include "common.h"

#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 512
#define ENDS (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

struct connection {
    int fd;
    bool ended;    /* the peer has sent its last byte, or worse */
    char *unsent;  /* what the socket did not take; NULL: nothing */
    size_t length; /* of unsent */
};

static int poller;
static char buffer[BENCH_BUFFER];

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->unsent);
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

/* Sends; keeps what the socket does not take. False: the connection is over. */
static bool reply(struct connection *c, const char *data, size_t size)
{
    ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

    if (n == (ssize_t)size)
        return true;
    if (n < 0 && errno != EAGAIN)
        return false;
    if (n < 0)
        n = 0;
    c->length = size - (size_t)n;
    c->unsent = malloc(c->length);
    if (!c->unsent)
        bench_die("malloc");
    memcpy(c->unsent, data + n, c->length);
    return true;
}

/* Sends what is left over. False: the connection is over. */
static bool flush(struct connection *c)
{
    char *data = c->unsent;
    bool alive;

    c->unsent = NULL;
    alive = reply(c, data, c->length);
    free(data);
    return alive;
}

static void serve(struct connection *c, unsigned events)
{
    ssize_t n;

    if (events & ENDS)
        c->ended = true;
    if (c->unsent && !flush(c)) {
        drop(c);
        return;
    }
    while (!c->unsent) {
        n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || !reply(c, buffer, (size_t)n)) {
            drop(c);
            return;
        }
        if (n < (ssize_t)sizeof buffer && !c->ended)
            return;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int listener, n;

    if (argc != 2) {
        fprintf(stderr, "usage: floor_epoll PORT\n");
        return 2;
    }
    bench_raise_descriptor_limit();
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = bench_listen(bench_number(argv[1], 65535));
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
