/*
 * A second floor: the same echo server on poll(2). It separates the cost of
 * poll from that of greenhub's hub on it.
 *
 *   floor_poll PORT [large]
 *
 * The array has no gaps, and poll gets all of it in each iteration, as its
 * interface requires. Otherwise as floor_epoll.c.
 */
#include "common.h"
#include "unsent.h"

#include <poll.h>
#include <unistd.h>

/* polled[0] is the listener; unsent[i] belongs to polled[i]. */
static struct pollfd *polled;
static struct unsent *unsent;
static int count, capacity;
static char buffer[BENCH_LARGE_BUFFER];
static size_t buffer_size;

static void *grown(void *old, size_t size)
{
    void *array = realloc(old, (size_t)capacity * size);

    if (!array)
        bench_die("realloc");
    return array;
}

static void append(int fd)
{
    if (count == capacity) {
        capacity = capacity ? 2 * capacity : 1024;
        polled = grown(polled, sizeof *polled);
        unsent = grown(unsent, sizeof *unsent);
    }
    polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    unsent[count++] = (struct unsent){.data = NULL};
}

static void drop(int index)
{
    close(polled[index].fd);
    free(unsent[index].data);
    count--;
    polled[index] = polled[count];
    unsent[index] = unsent[count];
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

/* False: the connection is over. */
static bool serve(int index)
{
    struct pollfd *p = &polled[index];
    bool alive;
    ssize_t n;

    if (unsent[index].data) {
        alive = unsent_flush(&unsent[index], p->fd);
    } else {
        n = recv(p->fd, buffer, buffer_size, 0);
        if (n < 0)
            return errno == EAGAIN;
        alive = n > 0 && unsent_send(&unsent[index], p->fd, buffer, (size_t)n);
    }
    p->events = unsent[index].data ? POLLOUT : POLLIN;
    return alive;
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    int ready;

    buffer_size = arguments.buffer_size;
    append(bench_listen(arguments.port));
    for (;;) {
        ready = poll(polled, (nfds_t)count, -1);
        if (ready < 0 && errno != EINTR)
            bench_die("poll");
        /* Backwards, so that the entry that drop moves has been served
         * already. */
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
