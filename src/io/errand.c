#include "io/errand.h"

#include <stdio.h>

#include "greenthread/scheduler.h"

/* ---- One operation --------------------------------------------------- */

struct errand {
    struct green__waiter waiter;
    struct green__edge edge; /* told when the number is closed */
    struct green__io *io;
    struct green_operation *operation;
    bool ended;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    (void)waiter;
    snprintf(text, size, "of a file");
}

static const struct green__wait_kind working = {.name = "operation",
                                                .describe = describe};

static void has_ended(struct green_operation *operation)
{
    struct errand *errand = operation->arg;

    errand->ended = true;
    green__wake(&errand->waiter);
}

static void withdraw(struct errand *errand)
{
    if (!errand->ended)
        green_hub_withdraw(errand->io->hub, errand->operation);
}

static void was_closed(struct green__edge *edge, unsigned events)
{
    struct errand *errand = container_of(edge, struct errand, edge);

    (void)events; /* a file's operation is not for a direction: no RENEW */
    errand->io->closed = true;
    withdraw(errand);
}

/* The system has our buffers until it says that it has done. */
static GREEN__COLD void await_end(struct errand *errand)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    while (!errand->ended && errand->io->hub->operations)
        green__park(&errand->waiter);
    green_shield_end(&shield);
}

/* Waits for its end. 0, or the errno that the wait was cut short with. */
static int await(struct errand *errand)
{
    int error = 0;

    if (green__park(&errand->waiter) < 0) {
        error = errno;
        withdraw(errand);
        await_end(errand);
    }
    green__list_remove(&errand->edge.link);
    return errand->io->closed ? EBADF : error;
}

static int is_cut_short(const struct green_thread *thread)
{
    return thread->alarms ? green__interruption(thread) : 0;
}

/* A call that need not wait is not cut short by a kill: one who is killed makes
 * the plain call. So does one who cannot park. */
static bool may_run(struct green__io *io, struct errand *errand)
{
    const struct green_hub *hub = io->hub;

    if (!hub || !(hub->operations & (1u << errand->operation->kind)))
        return false;
    green__waiter_init(&errand->waiter, &working);
    if (!errand->waiter.thread || is_cut_short(errand->waiter.thread))
        return false;
    if (!io->d && io->fd >= 0)
        io->d = green__descriptor_get(io->hub, io->fd);
    return io->d || io->fd < 0;
}

bool green__errand_run(struct green__io *io, struct green_operation *operation,
                       int64_t *result)
{
    struct errand errand = {.io = io, .operation = operation};
    int error;

    if (!may_run(io, &errand))
        return false;
    operation->fd = io->fd;
    operation->callback = has_ended;
    operation->arg = &errand;
    green__list_init(&errand.edge.link);
    if (green_hub_submit(io->hub, operation) < 0)
        return false;
    if (io->d) {
        errand.edge = (struct green__edge){
            .fd = io->fd, .role = GREEN__OPERATES, .callback = was_closed};
        green__edge_line_up(io->hub, io->d, &errand.edge);
    }
    error = await(&errand);
    *result = errand.ended ? operation->result : -EIO;
    if (*result >= 0)
        return true;
    if (*result == -ECANCELED || *result == -EINTR || *result == -EAGAIN) {
        if (!error)
            return false; /* the system would not: nothing was done */
        *result = -error;
    }
    errno = (int)-*result;
    *result = -1;
    return true;
}

/* ---- The file's position --------------------------------------------- */

static const struct green__wait_kind in_line = {.name = "position",
                                                .describe = describe};

static struct green__position *position_of(struct green_list *link)
{
    return container_of(green__edge_of(link), struct green__position, edge);
}

/* The next who QUEUES for it, or who HOLDS it. */
static struct green_list *find(const struct green__descriptor *d,
                               enum green__edge_role role)
{
    struct green_list *link;

    green__list_each (&d->edges, link) {
        const struct green__edge *edge = green__edge_of(link);

        if (edge->events == GREEN__POSITION && edge->role == role)
            return link;
    }
    return NULL;
}

static void position_was_closed(struct green__edge *edge, unsigned events)
{
    struct green__position *position =
        container_of(edge, struct green__position, edge);

    (void)events;
    position->closed = true;
    if (edge->role == GREEN__QUEUES)
        green__wake(&position->waiter);
}

/* The last words of one who was killed are not to be lost for others' sake: what
 * is ahead of them ends soon. */
static int await_turn(struct green__position *position)
{
    const struct green_thread *thread = position->waiter.thread;
    bool is_late = thread->alarms && green__interruption(thread);
    struct green_shield shield;
    int result, error;

    if (is_late)
        green_shield_begin(&shield);
    result = green__park(&position->waiter);
    error = errno;
    if (is_late)
        green_shield_end(&shield);
    if (result == 0 && !position->closed)
        return 0;
    green__list_remove(&position->edge.link);
    return green__refuse(result < 0 ? error : EBADF);
}

int green__position_take(struct green__io *io, struct green__position *position)
{
    bool taken;

    position->closed = false;
    position->edge.events = 0;
    green__list_init(&position->edge.link);
    green__waiter_init(&position->waiter, &in_line);
    if (!io->d)
        io->d = green__descriptor_get(io->hub, io->fd);
    if (!io->d || !position->waiter.thread)
        return 0; /* it has to do without */
    taken = find(io->d, GREEN__HOLDS) != NULL;
    position->edge =
        (struct green__edge){.fd = io->fd,
                             .role = taken ? GREEN__QUEUES : GREEN__HOLDS,
                             .events = GREEN__POSITION,
                             .callback = position_was_closed};
    green__edge_line_up(io->hub, io->d, &position->edge);
    return taken ? await_turn(position) : 0;
}

void green__position_pass(struct green__io *io,
                          struct green__position *position)
{
    struct green_list *next;

    green__list_remove(&position->edge.link);
    if (position->closed || !position->edge.events ||
        position->edge.role != GREEN__HOLDS)
        return; /* those who waited were told; or it did without */
    next = find(io->d, GREEN__QUEUES);
    if (!next)
        return;
    position_of(next)->edge.role = GREEN__HOLDS;
    green__wake(&position_of(next)->waiter);
}
