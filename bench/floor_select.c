/*
 * The floor of a hub on select(2): the same echo server. It separates the cost
 * of select from that of greenhub's hub on it.
 *
 *   floor_select PORT [large]
 *
 * select changes its sets, so each iteration copies them. The sets are arrays
 * of words that grow to the highest descriptor, since an fd_set ends at 1,023
 * but the system call has no such limit. Otherwise as floor_epoll.c.
 */
#include "common.h"
#include "unsent.h"

#include <sys/select.h>
#include <unistd.h>

#define BITS (8 * (int)sizeof(unsigned long))

enum { READABLE, WRITABLE };

/* wanted[READABLE] has a bit for each fd to wait for; select changes `ready`, a
 * copy of it. unsent[fd] belongs to fd. */
static unsigned long *wanted[2], *ready[2];
static struct unsent *unsent;
static int capacity, highest;
static char buffer[BENCH_LARGE_BUFFER];
static size_t buffer_size;

static void *grown(void *old, size_t old_bytes, size_t bytes)
{
    char *array = realloc(old, bytes);

    if (!array)
        bench_die("realloc");
    memset(array + old_bytes, 0, bytes - old_bytes);
    return array;
}

static void make_room(int fd)
{
    size_t before = (size_t)capacity;
    size_t after = before ? before : 1024;

    while (after <= (size_t)fd)
        after *= 2;
    if (after == before)
        return;
    for (int i = 0; i < 2; i++) {
        wanted[i] = grown(wanted[i], before / 8, after / 8);
        ready[i] = grown(ready[i], before / 8, after / 8);
    }
    unsent = grown(unsent, before * sizeof *unsent, after * sizeof *unsent);
    capacity = (int)after;
}

static void want(int which, int fd, bool wish)
{
    unsigned long bit = 1ul << (fd % BITS);

    if (wish)
        wanted[which][fd / BITS] |= bit;
    else
        wanted[which][fd / BITS] &= ~bit;
}

static void add(int fd)
{
    make_room(fd);
    want(READABLE, fd, true);
    if (fd > highest)
        highest = fd;
}

static void drop(int fd)
{
    want(READABLE, fd, false);
    want(WRITABLE, fd, false);
    free(unsent[fd].data);
    unsent[fd].data = NULL;
    close(fd);
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
        bench_no_delay(fd);
        add(fd);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

static void serve(int fd)
{
    bool had_unsent = unsent[fd].data, alive;
    ssize_t n;

    if (had_unsent) {
        alive = unsent_flush(&unsent[fd], fd);
    } else {
        n = recv(fd, buffer, buffer_size, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        alive = n > 0 && unsent_send(&unsent[fd], fd, buffer, (size_t)n);
    }
    if (!alive) {
        drop(fd);
    } else if (had_unsent != !!unsent[fd].data) {
        want(READABLE, fd, had_unsent);
        want(WRITABLE, fd, !had_unsent);
    }
}

/* Serves the descriptors of a word of both ready sets. */
static void serve_word(int word, int listener)
{
    unsigned long bits = ready[READABLE][word] | ready[WRITABLE][word];

    while (bits) {
        int fd = word * BITS + __builtin_ctzl(bits);

        bits &= bits - 1;
        if (fd == listener)
            accept_all(listener);
        else
            serve(fd);
    }
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    int listener, words;

    buffer_size = arguments.buffer_size;
    listener = bench_listen(arguments.port);
    add(listener);
    for (;;) {
        words = highest / BITS + 1;
        for (int i = 0; i < 2; i++)
            memcpy(ready[i], wanted[i], (size_t)words * sizeof *ready[i]);
        if (select(highest + 1, (fd_set *)ready[READABLE],
                   (fd_set *)ready[WRITABLE], NULL, NULL) < 0 &&
            errno != EINTR)
            bench_die("select");
        for (int word = 0; word < words; word++)
            serve_word(word, listener);
    }
}
