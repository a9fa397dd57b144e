#include "io/wait.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/system.h"

/* ---- What is known about a descriptor -------------------------------- */

green_time green__socket_timeout(int fd, unsigned direction)
{
    struct timeval time;
    socklen_t length = sizeof time;

    if (getsockopt(fd, SOL_SOCKET,
                   direction == GREEN_READ ? SO_RCVTIMEO : SO_SNDTIMEO, &time,
                   &length) < 0)
        return 0;
    return (green_time)time.tv_sec * GREEN_SEC +
           (green_time)time.tv_usec * GREEN_USEC;
}

static bool has_low_water(int fd)
{
    int low = 0;
    socklen_t length = sizeof low;

    return getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, &length) == 0 &&
           low > 1;
}

/* A child has what was open when it was forked. */
static GREEN__COLD void share_all(struct green_hub *hub, uint32_t forks)
{
    struct green__descriptors *table = &hub->descriptors;

    hub->forks = forks;
    for (size_t i = 0; i < table->chunk_count; i++)
        for (size_t j = 0; table->chunks[i] && j < GREEN__CHUNK; j++)
            table->chunks[i]->entries[j].file |= GREEN__FILE_SHARED;
}

static void notice_forks(struct green_hub *hub)
{
    uint32_t forks = __atomic_load_n(&green__forks, __ATOMIC_RELAXED);

    if (green__unlikely(hub && hub->forks != forks))
        share_all(hub, forks);
}

void green__file_share(int fd)
{
    struct green_hub *hub = green__hub_here();
    struct green__descriptor *d = hub ? green__descriptor_peek(hub, fd) : NULL;

    if (d)
        d->file |= GREEN__FILE_SHARED;
}

static uint32_t options_of(int fd)
{
    uint32_t file = 0;

    if (green__socket_timeout(fd, GREEN_READ))
        file |= GREEN__FILE_RCVTIMEO;
    if (green__socket_timeout(fd, GREEN_WRITE))
        file |= GREEN__FILE_SNDTIMEO;
    if (has_low_water(fd))
        file |= GREEN__FILE_RCVLOWAT;
    return file;
}

void green__file_learn(struct green__descriptor *d)
{
    const uint32_t stamp = green__file_stamp();
    uint32_t file;
    int flags;

    notice_forks(green__hub_here());
    file = d->file & ~(uint32_t)(GREEN__FILE_NONBLOCK | GREEN__FILE_RCVTIMEO |
                                 GREEN__FILE_SNDTIMEO | GREEN__FILE_RCVLOWAT |
                                 GREEN__FILE_STAMP);
    flags = green__system.fcntl(d->fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) &&
        !(file & GREEN__FILE_OUR_NONBLOCK))
        file |= GREEN__FILE_NONBLOCK;
    if (!(file & GREEN__FILE_NO_SOCKET) || !(d->flags & GREEN__TRUSTED))
        file |= options_of(d->fd);
    d->file = file | GREEN__FILE_KNOWN | stamp;
}

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t length = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM;
}

size_t green__low_water(const struct green__io *io, size_t size)
{
    int low = 1;
    socklen_t length = sizeof low;

    if (io->nonblocking || !io->d || !(io->d->file & GREEN__FILE_RCVLOWAT) ||
        (io->d->file & GREEN__FILE_NONBLOCK) || !is_stream(io->fd) ||
        getsockopt(io->fd, SOL_SOCKET, SO_RCVLOWAT, &low, &length) < 0)
        return 1;
    return (size_t)low < size ? (size_t)low : size;
}

bool green__waits_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_OOB)) &&
           is_stream(fd);
}

bool green__peeks_for_all(int fd, int flags)
{
    return (flags & MSG_WAITALL) && (flags & MSG_PEEK) &&
           !(flags & (MSG_OOB | MSG_ERRQUEUE | MSG_DONTWAIT)) && is_stream(fd);
}

unsigned green__file_of_socket(int domain, int type, int protocol)
{
    bool inet = domain == AF_INET || domain == AF_INET6;
    bool stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
    unsigned file = type & SOCK_NONBLOCK ? GREEN__FILE_NONBLOCK : 0;

    if (inet && stream && (protocol == 0 || protocol == IPPROTO_TCP))
        file |= GREEN__FILE_TCP;
    return file;
}

void green__io_opened(int fd, unsigned file)
{
    struct green_hub *hub = green__hub_get();
    struct green__descriptor *d;

    /* Without memory for it, it is like a descriptor from elsewhere. */
    notice_forks(hub); /* or this one would be among those of before */
    d = hub ? green__descriptor_opened(hub, fd) : NULL;
    if (d)
        d->file = (file & ~GREEN__FILE_STAMP) | green__file_stamp();
}

/* ---- The wait -------------------------------------------------------- */

struct io_waiter {
    struct green__waiter waiter;
    struct green__edge edge;
    unsigned events; /* that it was woken with */
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct io_waiter *w =
        container_of(waiter, const struct io_waiter, waiter);

    snprintf(text, size, "descriptor %d", w->edge.fd);
}

static const struct green__wait_kind reading = {.name = "read",
                                                .describe = describe};
static const struct green__wait_kind writing = {.name = "write",
                                                .describe = describe};

static void is_ready(struct green__edge *edge, unsigned events)
{
    struct io_waiter *w = container_of(edge, struct io_waiter, edge);

    w->events = events;
    green__wake(&w->waiter);
}

bool green__io_others_wait(const struct green__io *io)
{
    struct green_list *link;

    green__list_each (&io->d->edges, link)
        if (green__edge_of(link)->events & io->direction)
            return true;
    return false;
}

void green__io_find_deadline(struct green__io *io)
{
    unsigned flag = io->direction == GREEN_READ ? GREEN__FILE_RCVTIMEO
                                                : GREEN__FILE_SNDTIMEO;
    green_time timeout =
        io->d->file & flag ? green__socket_timeout(io->fd, io->direction) : 0;

    io->deadline = timeout ? green__time_add(green__hub_now(io->hub), timeout)
                           : GREEN_FOREVER;
}

/* As green__io_wait, for an edge that is in line. Nothing is lost: one that is
 * reported between the deadline and the end of the park has been woken. */
static inline int park(struct green__io *io, struct io_waiter *w,
                       green_time until)
{
    const uint32_t generation = io->d->generation;

    w->events = 0;
    if (green__likely(w->waiter.thread != NULL))
        green__prefetch_ahead(w->waiter.thread);
    if (green__unlikely((green__likely(until == GREEN_FOREVER)
                             ? green__park(&w->waiter)
                             : green__park_until(&w->waiter, until)) < 0)) {
        int error = errno;

        if (green__hub_here() == io->hub)
            green__edge_stop(io->hub, &w->edge);
        return green__refuse(error);
    }
    /* Told that it was closed, or closed between being woken and running: the
     * number may have been reused. */
    if (green__unlikely((w->events & GREEN_CLOSED) ||
                        io->d->generation != generation))
        return green__refuse(EBADF);
    return 0;
}

/* ---- In vain --------------------------------------------------------- */

/* So many in a row, each within SOON, may be bad luck. */
#define CHANCES 8
#define SOON GREEN_MSEC
#define LONGEST_PAUSE (16 * GREEN_MSEC)

/* Counts, once the call has waited and said EAGAIN again. True if it is to pause
 * before the next wait. */
static bool is_in_vain(struct green__io *io)
{
    green_time now = green__hub_now(io->hub);
    bool soon = io->vain && now - io->waited_at < SOON;

    io->waited_at = now;
    if (io->paused) {
        io->paused = false;
        return false;
    }
    if (!soon)
        io->vain = 1;
    else if (io->vain < UINT8_MAX)
        io->vain++;
    io->paused = io->vain > CHANCES;
    return io->paused;
}

/* Keeps its place in the line, but asks for nothing: each pause is twice as long
 * as the one before. As green__io_wait. */
static GREEN__COLD int pause_in_line(struct green__io *io)
{
    const unsigned times = io->vain - CHANCES - 1;
    green_time pause = times < 4 ? GREEN_MSEC << times : LONGEST_PAUSE;
    green_time until = green__time_add(io->waited_at, pause);
    struct io_waiter w;

    if (io->deadline && io->deadline < until)
        until = io->deadline;
    w.edge = (struct green__edge){.fd = io->fd,
                                  .role = GREEN__HOLDS,
                                  .events = io->direction,
                                  .ticket = io->ticket,
                                  .callback = is_ready};
    green__waiter_init(&w.waiter,
                       io->direction == GREEN_READ ? &reading : &writing);
    green__edge_line_up(io->hub, io->d, &w.edge);
    return park(io, &w, until) < 0 && errno != EAGAIN ? -1 : 0;
}

/* Whether the next function has nothing to do. */
static bool is_prepared(const struct green__io *io)
{
    const struct green__descriptor *d = io->d;

    return d && !io->nonblocking && (d->flags & GREEN__TRUSTED) &&
           (d->file &
            (GREEN__FILE_KNOWN | GREEN__FILE_NONBLOCK | GREEN__FILE_RCVTIMEO |
             GREEN__FILE_SNDTIMEO | GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
               (GREEN__FILE_KNOWN | green__file_stamp());
}

/* What has to be known before a wait. 0, or -1 with errno when there is to be
 * none. */
static GREEN__NOINLINE int prepare(struct green__io *io)
{
    if (io->nonblocking)
        return green__refuse(EAGAIN);
    if (!io->d) {
        io->d = green__descriptor_get(io->hub, io->fd);
        if (!io->d)
            return -1;
    }
    if (!green__file_is_known(io->d))
        green__file_learn(io->d);
    if (io->d->file & GREEN__FILE_NONBLOCK)
        return green__refuse(EAGAIN);
    if (!io->deadline)
        green__io_find_deadline(io);
    return 0;
}

int green__io_wait(struct green__io *io)
{
    struct io_waiter w;

    if (green__unlikely(!is_prepared(io)) && prepare(io) < 0)
        return -1;
    if (green__unlikely(io->ticket != 0) && is_in_vain(io))
        return pause_in_line(io);
    w.edge.fd = io->fd;
    w.edge.role = GREEN__WAITS;
    w.edge.events = io->direction;
    w.edge.ticket = io->ticket;
    w.edge.callback = is_ready;
    green__waiter_init(&w.waiter,
                       io->direction == GREEN_READ ? &reading : &writing);
    io->d->ready &= (uint8_t)~io->direction;
    if (green__unlikely(green__edge_wait(io->hub, io->d, &w.edge) < 0))
        return -1;
    io->ticket = w.edge.ticket;
    return park(io, &w, io->deadline ? io->deadline : GREEN_FOREVER);
}

/* ---- Going on without a wait ----------------------------------------- */

struct place {
    struct green__edge edge;
    bool closed;
};

static void place_was_closed(struct green__edge *edge, unsigned events)
{
    (void)events;
    container_of(edge, struct place, edge)->closed = true;
}

/* None of those who run meanwhile is to come in between two pieces. */
static GREEN__COLD int make_way_in_line(struct green__io *io,
                                        struct green__scheduler *s)
{
    struct place place = {
        .edge = {.fd = io->fd,
                 .role = GREEN__HOLDS,
                 .events = io->direction,
                 .ticket = io->ticket,
                 .callback = place_was_closed},
    };

    if (!io->d && !(io->d = green__descriptor_get(io->hub, io->fd)))
        return 0; /* no memory to be in line: it is not left */
    green__edge_line_up(io->hub, io->d, &place.edge);
    io->ticket = place.edge.ticket;
    green__make_way(s);
    green__list_remove(&place.edge.link);
    if ((io->closed = place.closed))
        return green__refuse(EBADF);
    /* One who joined the line behind it took it to be waiting for that. */
    io->d->ready |= io->direction;
    return 0;
}

int green__io_go_on(struct green__io *io, ssize_t piece)
{
    struct green__scheduler *s = green__running();

    green__io_progress(io);
    if (green__unlikely(io->closed))
        return green__refuse(EBADF); /* the piece was an operation's */
    if (green__unlikely(!s))
        return 0; /* in a callback, or soon there is one */
    s->limit -= GREEN__COST_SYSTEM_CALL + green__cost_of(piece);
    if ((green__unlikely(s->switches >= s->limit) || green__chaos(4)) &&
        make_way_in_line(io, s) < 0)
        return -1;
    return green__call_begins();
}

void green__io_pass(struct green__io *io)
{
    int saved = errno;

    if (io->hub->operations && green__edge_pass_turn(io->d, io->direction)) {
        errno = saved;
        return;
    }
    /* When it is known to be drained, the next event wakes the next in line. */
    if ((io->d->ready & io->direction) || !green__io_can_rely(io))
        green__edge_pass(io->d, io->direction);
    errno = saved;
}
