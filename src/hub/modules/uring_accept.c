/*
 * Accepting on io_uring: one entry in the submission queue has the kernel accept
 * connection after connection (IORING_ACCEPT_MULTISHOT, 5.19), as long as
 * somebody comes back for the next in the same turn.
 *
 * Before the hub waits with nobody waiting to accept, the kernel is told to stop.
 * What it has accepted by then is kept, as in the listener's backlog: the next
 * who accepts gets it without a system call, the listener counts as readable, and
 * closing the listener closes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/system.h"
#include "hub/modules/uring.h"

struct green__uring_listener {
    struct green__uring_listener *next; /* of this hub */
    struct green_operation *waiting;    /* who gets the next connection */
    int fd;
    int flags;      /* that connections are accepted with */
    bool armed;     /* the kernel accepts */
    bool stopping;  /* it was told to stop */
    bool abandoned; /* the number was closed: freed when the kernel is done */
    int *accepted;  /* and not asked for yet; in a ring */
    unsigned first, count, room;
};

static uint64_t data_of(const struct green__uring_listener *listener)
{
    return (uint64_t)(uintptr_t)listener | ACCEPT;
}

/* ---- Accepted ahead -------------------------------------------------- */

static bool make_room(struct green__uring_listener *listener)
{
    unsigned room = listener->room ? 2 * listener->room : 16;
    int *accepted;

    if (listener->count < listener->room)
        return true;
    accepted = green__system.allocate(room, sizeof *accepted);
    if (!accepted)
        return false;
    for (unsigned i = 0; i < listener->count; i++)
        accepted[i] =
            listener->accepted[(listener->first + i) % listener->room];
    green__system.release(listener->accepted);
    listener->accepted = accepted;
    listener->first = 0;
    listener->room = room;
    return true;
}

static void keep(struct green__uring_listener *listener, int fd)
{
    if (listener->abandoned || !make_room(listener)) {
        close(fd);
        return;
    }
    listener->accepted[(listener->first + listener->count++) % listener->room] =
        fd;
}

static int take(struct green__uring_listener *listener)
{
    int fd = listener->accepted[listener->first];

    listener->first = (listener->first + 1) % listener->room;
    listener->count--;
    return fd;
}

static void close_kept(struct green__uring_listener *listener)
{
    while (listener->count > 0)
        close(take(listener));
}

/* As accept4 would have given it to this operation. */
static int64_t hand_out(const struct green__uring_listener *listener, int fd,
                        const struct green_operation *operation)
{
    int flags = (int)operation->flags;

    if (operation->buffer &&
        getpeername(fd, operation->buffer, operation->length) < 0)
        *operation->length = 0; /* it has gone already */
    if (flags == listener->flags)
        return fd;
    (void)fcntl(fd, F_SETFD, flags & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
    (void)fcntl(fd, F_SETFL, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0);
    return fd;
}

/* ---- The kernel's part ----------------------------------------------- */

static bool arm(struct green__uring *uring,
                struct green__uring_listener *listener)
{
    struct io_uring_sqe *entry = green__uring_entry(uring);

    if (!entry)
        return false;
    io_uring_prep_multishot_accept(entry, listener->fd, NULL, NULL,
                                   listener->flags);
    io_uring_sqe_set_data64(entry, data_of(listener));
    uring->in_flight++;
    listener->armed = true;
    listener->stopping = false;
    return true;
}

static void stop(struct green__uring *uring,
                 struct green__uring_listener *listener)
{
    if (!listener->armed || listener->stopping)
        return;
    green__uring_cancel_data(uring, data_of(listener));
    listener->stopping = true;
}

static void release(struct green__uring *uring,
                    struct green__uring_listener *listener)
{
    struct green__uring_listener **link = &uring->listeners;

    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    close_kept(listener);
    green__system.release(listener->accepted);
    green__system.release(listener);
}

/* The kernel has stopped accepting by itself, with somebody waiting. If it takes
 * no entry now, that one is to wait until the listener is readable. */
static void go_on(struct green_hub *hub, struct green__uring_listener *listener)
{
    struct green_operation *operation = listener->waiting;

    if (arm(green_hub_state(hub), listener))
        return;
    listener->waiting = NULL;
    green_hub_complete(hub, operation, -EAGAIN);
}

void green__uring_accepted(struct green_hub *hub, uint64_t data, int result,
                           bool more)
{
    struct green__uring *uring = green_hub_state(hub);
    struct green__uring_listener *listener =
        (struct green__uring_listener *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
    struct green_operation *operation = listener->waiting;

    if (!more) {
        uring->in_flight--;
        listener->armed = false;
    }
    if (result >= 0 && operation) {
        listener->waiting = NULL;
        green_hub_complete(hub, operation,
                           hand_out(listener, result, operation));
    } else if (result >= 0) {
        keep(listener, result);
    } else if (operation && result != -ECANCELED) {
        listener->waiting = NULL;
        green_hub_complete(hub, operation, result);
    }
    if (listener->abandoned && !listener->armed)
        release(uring, listener);
    else if (!listener->armed && listener->waiting)
        go_on(hub, listener);
}

/* ---- The hub's part -------------------------------------------------- */

static struct green__uring_listener *find(struct green__uring *uring, int fd)
{
    struct green__uring_listener *listener = uring->listeners;

    while (listener && (listener->fd != fd || listener->abandoned))
        listener = listener->next;
    return listener;
}

static struct green__uring_listener *make(struct green__uring *uring, int fd)
{
    struct green__uring_listener *listener =
        green__system.allocate(1, sizeof *listener);

    if (!listener)
        return NULL;
    listener->fd = fd;
    listener->next = uring->listeners;
    uring->listeners = listener;
    return listener;
}

int green__uring_accept(struct green__uring *uring,
                        struct green_operation *operation)
{
    struct green__uring_listener *listener = find(uring, operation->fd);

    if (!listener && operation->repeated)
        listener = make(uring, operation->fd);
    if (!listener || listener->waiting)
        return -1;
    if (listener->count > 0) {
        operation->result = hand_out(listener, take(listener), operation);
        return 1;
    }
    if (!operation->repeated)
        return -1;
    if (!listener->armed) {
        listener->flags = (int)operation->flags;
        if (!arm(uring, listener))
            return -1;
    }
    listener->waiting = operation;
    return 0;
}

bool green__uring_accept_cancel(struct green_hub *hub,
                                struct green_operation *operation)
{
    struct green__uring *uring = green_hub_state(hub);
    struct green__uring_listener *listener = find(uring, operation->fd);

    if (!listener || listener->waiting != operation)
        return false;
    listener->waiting = NULL;
    /* It may be asked to, to find out what the number stands for by now. */
    stop(uring, listener);
    green_hub_complete(hub, operation, -ECANCELED);
    return true;
}

void green__uring_accept_settle(struct green__uring *uring)
{
    struct green__uring_listener *listener;

    for (listener = uring->listeners; listener; listener = listener->next)
        if (!listener->waiting)
            stop(uring, listener);
}

bool green__uring_accept_has(struct green__uring *uring, int fd)
{
    struct green__uring_listener *listener = find(uring, fd);

    return listener && listener->count > 0;
}

void green__uring_accept_let_go(struct green__uring *uring, int fd)
{
    struct green__uring_listener *listener = find(uring, fd);

    if (!listener)
        return;
    close_kept(listener);
    listener->abandoned = true;
    if (listener->armed)
        stop(uring, listener);
    else
        release(uring, listener);
}

void green__uring_accept_end(struct green__uring *uring)
{
    while (uring->listeners)
        release(uring, uring->listeners);
}
