/*
 * A second floor: the same echo server on poll(2), to tell what poll itself
 * costs from what greenhub's hub on it costs.
 *
 *   floor_poll PORT
 *
 * The set is kept dense, and is told to the kernel whole at each turn; that is
 * what poll asks for. Otherwise as floor_epoll.c.
 */
#include "common.h"

#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

struct connection {
    char *unsent;  /* what the socket did not take; NULL: nothing */
    size_t length; /* of unsent */
};

/* polled[0] is the listener; connections[i] belongs to polled[i]. */
static struct pollfd *polled;
static struct connection *connections;
static int count, capacity;
static char buffer[BENCH_BUFFER];

static void append(int fd)
{
    if (count == capacity) {
        capacity = capacity ? 2 * capacity : 1024;
        polled = realloc(polled, (size_t)capacity * sizeof *polled);
        connections =
            realloc(connections, (size_t)capacity * sizeof *connections);
        if (!polled || !connections)
            bench_die("realloc");
    }
    polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    connections[count++] = (struct connection){.unsent = NULL};
}

static void drop(int index)
{
    close(polled[index].fd);
    free(connections[index].unsent);
    count--;
    polled[index] = polled[count];
    connections[index] = connections[count];
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        bench_no_delay(fd);
        append(fd);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

/* Sends; keeps what the socket does not take. False: the connection is over. */
static bool reply(int index, const char *data, size_t size)
{
    struct connection *c = &connections[index];
    ssize_t n = send(polled[index].fd, data, size, MSG_NOSIGNAL);

    if (n == (ssize_t)size) {
        polled[index].events = POLLIN;
        return true;
    }
    if (n < 0 && errno != EAGAIN)
        return false;
    if (n < 0)
        n = 0;
    c->length = size - (size_t)n;
    c->unsent = malloc(c->length);
    if (!c->unsent)
        bench_die("malloc");
    memcpy(c->unsent, data + n, c->length);
    polled[index].events = POLLOUT;
    return true;
}

/* Sends what is left over. False: the connection is over. */
static bool flush(int index)
{
    char *data = connections[index].unsent;
    bool alive;

    connections[index].unsent = NULL;
    alive = reply(index, data, connections[index].length);
    free(data);
    return alive;
}

/* False: the connection is over. */
static bool serve(int index)
{
    ssize_t n;

    if (connections[index].unsent)
        return flush(index);
    n = recv(polled[index].fd, buffer, sizeof buffer, 0);
    if (n < 0)
        return errno == EAGAIN;
    return n > 0 && reply(index, buffer, (size_t)n);
}

int main(int argc, char **argv)
{
    int ready;

    if (argc != 2) {
        fprintf(stderr, "usage: floor_poll PORT\n");
        return 2;
    }
    bench_raise_descriptor_limit();
    append(bench_listen(bench_number(argv[1], 65535)));
    for (;;) {
        ready = poll(polled, (nfds_t)count, -1);
        if (ready < 0 && errno != EINTR)
            bench_die("poll");
        /* Backwards, so that the one that drop moves has been seen. */
        for (int i = count - 1; i > 0 && ready > 0; i--) {
            if (!polled[i].revents)
                continue;
            ready--;
            if (!serve(i))
                drop(i);
        }
        if (polled[0].revents)
            accept_all(polled[0].fd);
    }
}
