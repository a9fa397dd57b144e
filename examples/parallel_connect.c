/*
 * Fetches many addresses at once, each with a time limit of its own: the whole
 * takes as long as the slowest, and no longer than the limit.
 *
 *     parallel_connect ADDRESS...
 *     parallel_connect tcp://127.0.0.1:80 tcp://localhost:8080 tcp://10.0.0.1:80
 */
#include <greenhub.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT (2 * GREEN_SEC)

struct fetch {
    const char *address;
    struct green_thread *thread;
    long bytes; /* of the answer, or -1 */
    int error;  /* errno then */
    green_time took;
};

/* All that may block is in here, and all of it under one timeout. */
static long get(const char *address)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char buffer[4096];
    long bytes = 0;
    ssize_t n = -1;
    int error, fd = green_dial(address);

    if (fd < 0)
        return -1;
    if (green_write_all(fd, request, sizeof request - 1) == 0) {
        while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
            bytes += n;
    }
    error = errno;
    green_close(fd);
    errno = error;
    return n < 0 ? -1 : bytes;
}

static void *fetch(void *arg)
{
    struct fetch *f = arg;
    struct green_timeout timeout;
    green_time start = green_now();

    green_timeout_start(&timeout, LIMIT);
    f->bytes = get(f->address);
    f->error = errno;
    green_timeout_cancel(&timeout);
    f->took = green_now() - start;
    return NULL;
}

int main(int argc, char **argv)
{
    struct fetch *all = calloc((size_t)argc, sizeof *all), *f;
    int i, failed = 0;

    for (i = 1; i < argc && all != NULL; i++) {
        all[i].address = argv[i];
        all[i].thread = green_spawn(fetch, &all[i]);
    }
    for (i = 1; i < argc && all != NULL; i++) {
        f = &all[i];
        if (f->thread == NULL || green_join(f->thread, NULL) < 0)
            return perror("greenthread"), 1;
        failed += f->bytes < 0;
        printf("%s: %ld bytes, %s, %.3f s\n", f->address, f->bytes,
               f->bytes < 0 ? strerror(f->error) : "ok", (double)f->took / 1e9);
    }
    free(all);
    return failed > 0;
}
