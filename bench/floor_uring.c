/*
 * An echo server on io_uring, hand-written for speed; the uring hub is compared
 * with it. Otherwise as floor_epoll.c.
 *
 *   floor_uring PORT [large]
 *
 * - In each iteration, one io_uring_enter submits all entries and waits. The
 *   kernel does its part of the work inside this call (DEFER_TASKRUN).
 * - Multishot entries: one accepts all connections, and one for each connection
 *   receives all data, into buffers that all connections share and the kernel
 *   selects from. The few buffers in use stay in the cache, whatever the number
 *   of connections. (With a buffer for each connection and an entry for each
 *   receive, a request costs 2 % more at 100 connections and 8 % more at
 *   5,000.)
 * - The server sends an echo from the buffer that the message is in; one at a
 *   time for each connection, so that echoes stay in order.
 */
#include "common.h"

#include <liburing.h>
#include <stdbool.h>
#include <unistd.h>

#define SUBMISSIONS 1024
#define COMPLETIONS 16384
#define DEFER_TASKRUN (1u << 13) /* newer than some liburing.h */

struct piece {
    struct piece *next;
    uint16_t buffer;
    unsigned start, end;
};

struct connection {
    int fd;
    bool receiving, sending, ended;
    struct piece *first, **last; /* to be sent, in order */
};

enum kind { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
static char *buffers;
static struct piece *pieces; /* one for each buffer */
static unsigned buffer_count;
static size_t buffer_size;
static int listener;

static struct io_uring_sqe *new_entry(void)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

    if (!entry) {
        io_uring_submit(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    if (!entry)
        bench_die("io_uring_get_sqe");
    return entry;
}

/* The functions of liburing that fill an entry in clear its user data. */
static void tag(struct io_uring_sqe *entry, void *about, enum kind kind)
{
    io_uring_sqe_set_data64(entry, (uint64_t)(uintptr_t)about | kind);
}

static void start_accepting(void)
{
    struct io_uring_sqe *entry = new_entry();

    io_uring_prep_multishot_accept(entry, listener, NULL, NULL, SOCK_CLOEXEC);
    tag(entry, NULL, ACCEPT);
}

static void start_receiving(struct connection *c)
{
    struct io_uring_sqe *entry = new_entry();

    io_uring_prep_recv_multishot(entry, c->fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    tag(entry, c, RECEIVE);
    c->receiving = true;
}

static void give_back(unsigned buffer)
{
    io_uring_buf_ring_add(free_buffers, buffers + buffer * buffer_size,
                          (unsigned)buffer_size, (unsigned short)buffer,
                          io_uring_buf_ring_mask(buffer_count), 0);
    io_uring_buf_ring_advance(free_buffers, 1);
}

static void send_first(struct connection *c)
{
    struct piece *piece = c->first;
    struct io_uring_sqe *entry = new_entry();

    io_uring_prep_send(entry, c->fd,
                       buffers + piece->buffer * buffer_size + piece->start,
                       piece->end - piece->start, MSG_NOSIGNAL);
    tag(entry, c, SEND);
    c->sending = true;
}

static void drop_if_done(struct connection *c)
{
    if (!c->ended || c->receiving || c->sending)
        return;
    for (struct piece *piece = c->first; piece; piece = piece->next)
        give_back(piece->buffer);
    close(c->fd);
    free(c);
}

static void accepted(int fd, unsigned flags)
{
    struct connection *c;

    if (!(flags & IORING_CQE_F_MORE))
        start_accepting();
    if (fd < 0)
        return;
    bench_no_delay(fd);
    c = calloc(1, sizeof *c);
    if (!c)
        bench_die("calloc");
    c->fd = fd;
    c->last = &c->first;
    start_receiving(c);
}

static void received(struct connection *c, int n, unsigned flags)
{
    c->receiving = flags & IORING_CQE_F_MORE;
    if (n > 0) {
        struct piece *piece = &pieces[flags >> IORING_CQE_BUFFER_SHIFT];

        *piece = (struct piece){.buffer = (uint16_t)(piece - pieces),
                                .end = (unsigned)n};
        *c->last = piece;
        c->last = &piece->next;
        if (!c->sending)
            send_first(c);
    } else if (n != -ENOBUFS) {
        c->ended = true;
    }
    if (!c->receiving && !c->ended)
        start_receiving(c);
    drop_if_done(c);
}

static void sent(struct connection *c, int n)
{
    struct piece *piece = c->first;

    c->sending = false;
    if (n < 0)
        c->ended = true;
    else
        piece->start += (unsigned)n;
    if (n >= 0 && piece->start == piece->end) {
        c->first = piece->next;
        if (!c->first)
            c->last = &c->first;
        give_back(piece->buffer);
    }
    if (n >= 0 && c->first)
        send_first(c);
    else if (n < 0 && c->receiving)
        shutdown(c->fd, SHUT_RD); /* ends the multishot receive */
    drop_if_done(c);
}

static void handle(const struct io_uring_cqe *entry)
{
    void *about = (void *)(uintptr_t)(entry->user_data & ~(uint64_t)7);

    switch ((enum kind)(entry->user_data & 7)) {
    case ACCEPT:
        accepted(entry->res, entry->flags);
        break;
    case RECEIVE:
        received(about, entry->res, entry->flags);
        break;
    case SEND:
        sent(about, entry->res);
        break;
    }
}

static void make_buffers(void)
{
    struct io_uring_buf_reg registration = {0};
    size_t size;

    buffer_count = buffer_size == BENCH_LARGE_BUFFER ? 256 : 1024;
    size = buffer_count * sizeof(struct io_uring_buf);
    if (posix_memalign((void **)&free_buffers, 4096, size) != 0)
        bench_die("posix_memalign");
    memset(free_buffers, 0, size);
    buffers = malloc(buffer_count * buffer_size);
    pieces = calloc(buffer_count, sizeof *pieces);
    if (!buffers || !pieces)
        bench_die("malloc");
    registration.ring_addr = (uintptr_t)free_buffers;
    registration.ring_entries = buffer_count;
    if (io_uring_register_buf_ring(&ring, &registration, 0) != 0)
        bench_die("io_uring_register_buf_ring");
    for (unsigned i = 0; i < buffer_count; i++)
        give_back(i);
}

/* Exit status 3: not available here. */
static void make_ring(void)
{
    struct io_uring_params params = {
        .flags =
            IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN,
        .cq_entries = COMPLETIONS,
    };
    int error = -io_uring_queue_init_params(SUBMISSIONS, &ring, &params);

    if (error) {
        fprintf(stderr, "io_uring lacks a feature that this needs: %s\n",
                strerror(error));
        exit(3);
    }
    io_uring_register_ring_fd(&ring);
}

int main(int argc, char **argv)
{
    struct bench_arguments arguments = bench_arguments(argc, argv);
    struct io_uring_cqe *entry;
    unsigned head, count;

    buffer_size = arguments.buffer_size;
    make_ring();
    make_buffers();
    listener = bench_listen(arguments.port);
    start_accepting();
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        count = 0;
        io_uring_for_each_cqe(&ring, head, entry)
        {
            handle(entry);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}
