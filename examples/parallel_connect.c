/*
 * Fetches many addresses at once, each with a time limit of its own: the whole
 * takes as long as the slowest, and no longer than the limit.
 *
 *     parallel_connect ADDRESS...
 *     parallel_connect tcp://127.0.0.1:80 tcp://localhost:8080 tcp://10.0.0.1:80
 */
#include <greenhub.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT (2 * GREEN_SEC)

struct fetch {
    const char *address;
    struct green_thread *thread;
    long bytes;    /* of the answer, or -1 */
    char why[256]; /* then */
    green_time took;
};

static long fail(struct fetch *f, int error)
{
    snprintf(f->why, sizeof f->why, "%s: %s", f->address, strerror(error));
    return -1;
}

/* All that may block is in here, and all of it under one timeout. */
static long get(struct fetch *f)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char buffer[4096];
    long bytes = 0;
    ssize_t n = -1;
    int error, fd = green_dial(f->address);

    if (fd < 0) {
        snprintf(f->why, sizeof f->why, "%s", green_net_error());
        return -1;
    }
    if (green_write_all(fd, request, sizeof request - 1) == 0) {
        while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
            bytes += n;
    }
    error = errno;
    green_close(fd);
    return n < 0 ? fail(f, error) : bytes;
}

static void *fetch(void *arg)
{
    struct fetch *f = arg;
    struct green_timeout timeout;
    green_time start = green_now();

    if (green_timeout_start(&timeout, LIMIT) < 0)
        err(1, "timeout");
    f->bytes = get(f);
    green_timeout_cancel(&timeout);
    f->took = green_now() - start;
    return NULL;
}

int main(int argc, char **argv)
{
    struct fetch *all = calloc((size_t)argc, sizeof *all), *f;
    int i, failed = 0;

    if (all == NULL)
        err(1, "memory");
    for (i = 1; i < argc; i++) {
        f = &all[i];
        f->address = argv[i];
        f->thread = green_spawn(fetch, f);
        if (f->thread == NULL)
            f->bytes = fail(f, errno);
    }
    for (i = 1; i < argc; i++) {
        f = &all[i];
        if (f->thread != NULL && green_join(f->thread, NULL) < 0)
            err(1, "join");
        failed += f->bytes < 0;
        if (f->bytes < 0)
            printf("%s, %.3f s\n", f->why, (double)f->took / 1e9);
        else
            printf("%s: %ld bytes, ok, %.3f s\n", f->address, f->bytes,
                   (double)f->took / 1e9);
    }
    free(all);
    return failed > 0;
}
