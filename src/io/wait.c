#include "io/wait.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/system.h"

/* ---- The wait -------------------------------------------------------- */

static void describe_place(const struct green__waiter *waiter, char *text,
                           size_t size)
{
    const struct green__place *place =
        container_of(waiter, const struct green__place, waiter);

    snprintf(text, size, "descriptor %d", place->io_waiter.fd);
}

#define DESCRIPTOR                                                             \
    ((ptrdiff_t)offsetof(struct green__place, io_waiter.fd) -                  \
     (ptrdiff_t)offsetof(struct green__place, waiter))

const struct green__wait_kind green__reading = {.name = "read",
                                                .describe = describe_place,
                                                .signals = GREEN__RESTARTS,
                                                .descriptor_at = DESCRIPTOR};
const struct green__wait_kind green__writing = {.name = "write",
                                                .describe = describe_place,
                                                .signals = GREEN__RESTARTS,
                                                .descriptor_at = DESCRIPTOR};

/* The greenthread may be parked elsewhere while it holds its place. */
void green__place_is_called(struct green__io_waiter *io_waiter, unsigned events)
{
    struct green__place *place =
        container_of(io_waiter, struct green__place, io_waiter);

    place->events |= events; /* perhaps closed before it has run */
    if (green__likely(place->waiter.thread->waiter == &place->waiter))
        green__wake(&place->waiter);
}

size_t green__low_water(const struct green__io *io, size_t size)
{
    int low = 1;
    socklen_t length = sizeof low;

    if (io->nonblocking || !io->d || !(io->d->file & GREEN__FILE_RCVLOWAT) ||
        (io->d->file & GREEN__FILE_NONBLOCK) || !green__is_stream(io->fd) ||
        getsockopt(io->fd, SOL_SOCKET, SO_RCVLOWAT, &low, &length) < 0)
        return 1;
    return (size_t)low < size ? (size_t)low : size;
}

GREEN__COLD void green__io_broken(const struct green__io *io)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (!io->ticket || io->closed ||
        getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || !error)
        error = EPIPE;
    errno = error;
}

bool green__io_others_wait(const struct green__io *io)
{
    return green__io_waiter_find(io->d, io->direction, GREEN__ANY_ROLE);
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

/* As green__io_wait, for an I/O waiter that is in line. Readiness between the
 * deadline and the end of the park is not lost: its callback has woken the
 * waiter. */
static inline int park(struct green__io *io, struct green__place *w,
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
            green__io_waiter_remove(io->hub, &w->io_waiter);
        return green__refuse(error);
    }
    /* It holds its place until here. */
    green__list_remove(&w->io_waiter.link);
    /* The descriptor was closed, during the wait or between the wake-up and
     * here: the number may have been reused. */
    if (green__unlikely((w->events & GREEN_CLOSED) ||
                        io->d->generation != generation))
        return green__refuse(EBADF);
    /* A waiter that joined the line behind this one has cleared the bit. */
    io->d->ready |= io->direction;
    return 0;
}

/* ---- Spurious wake-ups ------------------------------------------------ */

/* Up to this many spurious wake-ups in a row, each within SOON, are chance. */
#define MAX_SPURIOUS_WAKEUPS 8
#define SOON GREEN_MSEC
#define MAX_PAUSE (16 * GREEN_MSEC)

/* Counts the wake-ups after which the call returned EAGAIN again. True if the
 * call should pause before its next wait. */
static bool should_pause(struct green__io *io)
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
    io->paused = io->vain > MAX_SPURIOUS_WAKEUPS;
    return io->paused;
}

/* Keeps its place in the line without asking for events; each pause is twice as
 * long as the one before. Returns as green__io_wait. */
static GREEN__COLD int pause_in_line(struct green__io *io)
{
    const unsigned times = io->vain - MAX_SPURIOUS_WAKEUPS - 1;
    green_time pause = times < 4 ? GREEN_MSEC << times : MAX_PAUSE;
    green_time until = green__time_add(io->waited_at, pause);
    struct green__place w;

    if (io->deadline && io->deadline < until)
        until = io->deadline;
    green__place_init(&w, io, green__place_kind(io));
    green__place_line_up(&w, io, GREEN__HOLDS, io->direction);
    return park(io, &w, until) < 0 && errno != EAGAIN ? -1 : 0;
}

/* Whether prepare() has nothing to do. */
static bool is_prepared(const struct green__io *io)
{
    const struct green__descriptor *d = io->d;

    return d && !io->nonblocking && (d->flags & GREEN__TRUSTED) &&
           (d->file &
            (GREEN__FILE_KNOWN | GREEN__FILE_NONBLOCK | GREEN__FILE_RCVTIMEO |
             GREEN__FILE_SNDTIMEO | GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
               (GREEN__FILE_KNOWN | green__file_stamp());
}

/* Learns what must be known before a wait. 0, or -1 with errno if the call must
 * not wait. */
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
    struct green__place w;

    if (green__unlikely(!is_prepared(io)) && prepare(io) < 0)
        return -1;
    if (green__unlikely(io->ticket != 0) && should_pause(io))
        return pause_in_line(io);
    w.io_waiter.fd = io->fd;
    w.io_waiter.role = GREEN__WAITS;
    w.io_waiter.events = io->direction;
    w.io_waiter.ticket = io->ticket;
    w.io_waiter.callback = green__place_is_called;
    green__waiter_init(&w.waiter, green__place_kind(io));
    io->d->ready &= (uint8_t)~io->direction;
    if (green__unlikely(green__io_waiter_add(io->hub, io->d, &w.io_waiter) < 0))
        return -1;
    io->ticket = w.io_waiter.ticket;
    return park(io, &w, io->deadline ? io->deadline : GREEN_FOREVER);
}

/* ---- Going on without a wait ----------------------------------------- */

/* Holds the place in line, so that no other call comes between two pieces. */
static GREEN__COLD int make_way_in_line(struct green__io *io,
                                        struct green__scheduler *s)
{
    struct green__place place;

    if (!io->d && !(io->d = green__descriptor_get(io->hub, io->fd)))
        return 0; /* without memory for a place, do not switch */
    green__place_init(&place, io, green__place_kind(io));
    green__place_line_up(&place, io, GREEN__HOLDS, io->direction);
    io->ticket = place.io_waiter.ticket;
    green__make_way(s);
    green__list_remove(&place.io_waiter.link);
    io->closed = place.events & GREEN_CLOSED;
    if (io->closed)
        return green__refuse(EBADF);
    /* A waiter that joined the line behind this one has cleared the bit. */
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
        return 0; /* in a callback, or without a scheduler */
    s->limit -= GREEN__COST_SYSTEM_CALL + green__cost_of(piece);
    if ((green__unlikely(s->switches >= s->limit) || green__chaos(4)) &&
        make_way_in_line(io, s) < 0)
        return -1;
    if (green__likely(green__call_begins() == 0))
        return 0;
    /* This call returns what is done; the next one fails. */
    s->current->flags |= GREEN__ALARMED;
    return -1;
}

void green__io_pass(struct green__io *io)
{
    int saved = errno;

    if (io->hub->operations &&
        green__io_waiter_pass_turn(io->d, io->direction)) {
        errno = saved;
        return;
    }
    /* If it is known to be drained, the next event wakes the next in line. */
    if ((io->d->ready & io->direction) || !green__io_can_rely(io))
        green__io_waiter_pass(io->d, io->direction);
    errno = saved;
}
