/*
 * Unsent data, for the hand-written servers: they keep what a socket does not
 * accept at once with its connection, until the socket is writable again.
 * Zero-initialise it.
 */
#ifndef BENCH_UNSENT_H
#define BENCH_UNSENT_H

#include "common.h"

#include <stdbool.h>

struct unsent {
    char *data; /* NULL: there is none */
    size_t length;
};

/* Sends; keeps what the socket does not accept. Returns false if the connection
 * has ended. */
static inline bool unsent_send(struct unsent *unsent, int fd, const char *data,
                               size_t size)
{
    ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

    if (n == (ssize_t)size)
        return true;
    if (n < 0 && errno != EAGAIN)
        return false;
    if (n < 0)
        n = 0;
    unsent->length = size - (size_t)n;
    unsent->data = malloc(unsent->length);
    if (!unsent->data)
        bench_die("malloc");
    memcpy(unsent->data, data + n, unsent->length);
    return true;
}

/* Sends the unsent data. Returns false if the connection has ended. */
static inline bool unsent_flush(struct unsent *unsent, int fd)
{
    char *data = unsent->data;
    bool alive;

    unsent->data = NULL;
    alive = unsent_send(unsent, fd, data, unsent->length);
    free(data);
    return alive;
}

#endif
