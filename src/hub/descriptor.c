#include "hub/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/chaos.h"
#include "base/system.h"
#include "hub/hub.h"

static struct green__edge *edge_of(struct green_list *link)
{
    return container_of(link, struct green__edge, link);
}

static uint64_t token_of(const struct green__descriptor *d)
{
    return (uint64_t)d->generation << 32 | (uint32_t)d->fd;
}

int green_hub_token_fd(uint64_t token)
{
    return (int)(uint32_t)token;
}

/* ---- The table ------------------------------------------------------- */

void green__descriptors_init(struct green_hub *hub)
{
    hub->descriptors.ready_end = &hub->descriptors.ready;
}

static void forget_waiting(struct green__descriptor *d)
{
    while (!green__list_empty(&d->edges))
        green__list_remove(d->edges.next);
    green__listeners_forget(&d->listeners);
}

void green__descriptors_forget(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;

    for (struct green__aside *aside = table->asides; aside;
         aside = aside->outer)
        green__listeners_forget(&aside->listeners);
    for (size_t i = 0; i < table->chunk_count; i++)
        for (size_t j = 0; table->chunks[i] && j < GREEN__CHUNK; j++)
            forget_waiting(&table->chunks[i]->entries[j]);
}

void green__descriptors_free(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;

    for (size_t i = 0; i < table->chunk_count; i++)
        green__system.release(table->chunks[i]);
    green__system.release(table->chunks);
    *table = (struct green__descriptors){0};
}

static int grow_directory(struct green__descriptors *table, size_t index)
{
    size_t count = table->chunk_count ? table->chunk_count : 4;
    struct green__descriptor_chunk **chunks;

    while (count <= index)
        count *= 2;
    chunks = green__system.reallocate(table->chunks, count * sizeof *chunks);
    if (!chunks)
        return -1;
    memset(chunks + table->chunk_count, 0,
           (count - table->chunk_count) * sizeof *chunks);
    table->chunks = chunks;
    table->chunk_count = count;
    return 0;
}

static struct green__descriptor_chunk *make_chunk(struct green_hub *hub,
                                                  size_t index)
{
    struct green__descriptor_chunk *chunk;

    chunk = green__system.allocate(
        1, sizeof *chunk + GREEN__CHUNK * hub->module->descriptor_size);
    if (!chunk)
        return NULL;
    for (size_t i = 0; i < GREEN__CHUNK; i++) {
        struct green__descriptor *d = &chunk->entries[i];

        green__list_init(&d->listeners);
        green__list_init(&d->edges);
        d->generation = 1;
        d->fd = (int)(index * GREEN__CHUNK + i);
    }
    hub->descriptors.chunks[index] = chunk;
    return chunk;
}

/* Of a number that is not open none is made: any number might be given, and a
 * directory for the highest takes 64 MiB. */
static GREEN__COLD struct green__descriptor *make_entry(struct green_hub *hub,
                                                        int fd, size_t index)
{
    struct green__descriptors *table = &hub->descriptors;

    if (green__system.fcntl(fd, F_GETFD) < 0)
        return NULL;
    if ((index >= table->chunk_count && grow_directory(table, index) < 0) ||
        !make_chunk(hub, index)) {
        errno = ENOMEM;
        return NULL;
    }
    return &table->chunks[index]->entries[(size_t)fd % GREEN__CHUNK];
}

struct green__descriptor *green__descriptor_get(struct green_hub *hub, int fd)
{
    struct green__descriptors *table = &hub->descriptors;
    size_t index = (size_t)fd / GREEN__CHUNK;

    if (fd < 0) {
        errno = EBADF;
        return NULL;
    }
    if (green__unlikely(index >= table->chunk_count || !table->chunks[index]))
        return make_entry(hub, fd, index);
    return &table->chunks[index]->entries[(size_t)fd % GREEN__CHUNK];
}

void *green_hub_descriptor_state(struct green_hub *hub, int fd)
{
    struct green__descriptor *d = green__descriptor_peek(hub, fd);
    struct green__descriptor_chunk *chunk;

    if (!d)
        return NULL;
    chunk = hub->descriptors.chunks[(size_t)fd / GREEN__CHUNK];
    return chunk->module_bytes +
           (size_t)fd % GREEN__CHUNK * hub->module->descriptor_size;
}

/* ---- What the module is told ----------------------------------------- */

/* What edges wait for; no more of them are looked at when it is `enough`. */
static unsigned wanted_by_edges(const struct green__descriptor *d,
                                unsigned enough)
{
    unsigned events = 0;
    struct green_list *link;

    green__list_each (&d->edges, link) {
        events |= edge_of(link)->events;
        if ((events & enough) == enough)
            break;
    }
    return events & GREEN__READ_WRITE;
}

/*
 * With a module for edges: a trusted descriptor is registered once, for all. The
 * registration of another is renewed at each wait, and reports at once what is
 * ready: it is for what is waited for alone, or it would wake in vain, for ever.
 */
static unsigned wanted_by_edge_module(const struct green__descriptor *d)
{
    if (green__list_empty(&d->edges))
        return d->interest & GREEN_EDGE ? d->interest : 0;
    if (d->flags & GREEN__TRUSTED)
        return GREEN__READ_WRITE | GREEN_EDGE;
    return wanted_by_edges(d, GREEN__READ_WRITE) | GREEN_EDGE;
}

static unsigned wanted(const struct green_hub *hub,
                       const struct green__descriptor *d, unsigned enough)
{
    unsigned events = 0;
    struct green_list *link;

    green__list_each (&d->listeners, link)
        events |= green__listener_of(link)->events;
    if (!events && (hub->module->capabilities & GREEN_HUB_EDGE))
        return wanted_by_edge_module(d);
    return events | wanted_by_edges(d, enough & ~events);
}

int green__descriptor_tell(struct green_hub *hub, struct green__descriptor *d,
                           unsigned to)
{
    unsigned from = d->interest;

    hub->stats.changes++;
    if (hub->module->interest(hub, d->fd, token_of(d), from, to) < 0 && to) {
        int error = green__module_error();

        if (error == EPERM)
            d->flags |= GREEN__ALWAYS_READY;
        if (from)
            hub->stats.descriptors--;
        d->interest = 0;
        errno = error;
        return -1;
    }
    if (!from != !to)
        hub->stats.descriptors += to ? 1 : (uint64_t)-1;
    d->interest = (uint8_t)to;
    return 0;
}

void green__descriptor_changed(struct green_hub *hub,
                               struct green__descriptor *d)
{
    if (d->flags & GREEN__CHANGED)
        return;
    d->flags |= GREEN__CHANGED;
    d->next_changed = hub->descriptors.changed;
    hub->descriptors.changed = d;
}

int green__descriptor_tell_of_more(struct green_hub *hub,
                                   struct green__descriptor *d)
{
    unsigned to = wanted(hub, d, GREEN__READ_WRITE);

    if (to == d->interest && (d->flags & GREEN__TRUSTED))
        return 0;
    return green__descriptor_tell(hub, d, to);
}

static void queue(struct green_hub *hub, struct green__descriptor *d)
{
    struct green__descriptors *table = &hub->descriptors;

    if (d->flags & GREEN__QUEUED)
        return;
    d->flags |= GREEN__QUEUED;
    table->queued++;
    if (green__chaos(2)) {
        d->next_ready = table->ready;
        if (!table->ready)
            table->ready_end = &d->next_ready;
        table->ready = d;
        return;
    }
    d->next_ready = NULL;
    *table->ready_end = d;
    table->ready_end = &d->next_ready;
}

void green__descriptor_queue_always(struct green_hub *hub,
                                    struct green__descriptor *d)
{
    d->reported |= GREEN__READ_WRITE;
    queue(hub, d);
}

bool green__descriptors_prepare(struct green_hub *hub)
{
    struct green__descriptor *d;

    while ((d = hub->descriptors.changed) != NULL) {
        /* More than it was is told at once, so here it can only be less. */
        unsigned to = wanted(hub, d, d->interest & GREEN__READ_WRITE);

        hub->descriptors.changed = d->next_changed;
        d->flags &= (uint8_t)~GREEN__CHANGED;
        if (to != d->interest && !(d->flags & GREEN__ALWAYS_READY) &&
            green__descriptor_tell(hub, d, to) < 0) {
            d->reported |= GREEN_CLOSED;
            queue(hub, d);
        }
    }
    return hub->descriptors.ready != NULL;
}

/* ---- Edges ----------------------------------------------------------- */

static void link_by_ticket(struct green_hub *hub, struct green__descriptor *d,
                           struct green__edge *edge)
{
    struct green_list *position;

    if (edge->ticket == 0) {
        edge->ticket = ++hub->descriptors.tickets;
        green__list_append(&d->edges, &edge->link);
        return;
    }
    /* It was first, and waits again: before all who came later. */
    green__list_each (&d->edges, position)
        if ((int32_t)(edge_of(position)->ticket - edge->ticket) > 0)
            break;
    green__list_insert(position, &edge->link);
}

int green__edge_wait(struct green_hub *hub, struct green__descriptor *d,
                     struct green__edge *edge)
{
    bool told = (d->flags & GREEN__TRUSTED) &&
                (d->interest & edge->events) == edge->events;

    link_by_ticket(hub, d, edge);
    if (!told && green__unlikely(green__descriptor_tell_of_more(hub, d) < 0)) {
        green__list_remove(&edge->link);
        return -1;
    }
    d->flags &= (uint8_t) ~(GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(!hub->descriptors.sweeping))
        green__descriptors_sweep_later(hub);
    return 0;
}

void green__edge_line_up(struct green_hub *hub, struct green__descriptor *d,
                         struct green__edge *edge)
{
    link_by_ticket(hub, d, edge);
    d->flags &= (uint8_t) ~(GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(!hub->descriptors.sweeping))
        green__descriptors_sweep_later(hub);
}

void green__edge_stop(struct green_hub *hub, struct green__edge *edge)
{
    struct green__descriptor *d = green__descriptor_peek(hub, edge->fd);

    green__list_remove(&edge->link);
    if (d && !(d->interest & GREEN_EDGE))
        green__descriptor_changed(hub, d);
}

static void wake_first(struct green__descriptor *d, unsigned direction,
                       unsigned events)
{
    struct green_list *link;

    green__list_each (&d->edges, link) {
        struct green__edge *edge = edge_of(link);

        if ((edge->events & GREEN__HOLDS(direction)) && !edge->operation)
            return; /* it goes on by itself, before all behind it */
        if (edge->events & (direction | GREEN__TURN(direction))) {
            green__list_remove(link);
            edge->callback(edge, events);
            return;
        }
    }
}

void green__edge_pass(struct green__descriptor *d, unsigned events)
{
    if (events & GREEN_READ)
        wake_first(d, GREEN_READ, events);
    if (events & GREEN_WRITE)
        wake_first(d, GREEN_WRITE, events);
}

/* ---- Opened and closed ----------------------------------------------- */

/* Tells all who wait; each is off the list before it is called. */
static void tell_closed(struct green_hub *hub, struct green__descriptor *d)
{
    while (!green__list_empty(&d->edges)) {
        struct green__edge *edge = edge_of(d->edges.next);

        green__list_remove(&edge->link);
        edge->callback(edge, GREEN__ALL_CLOSED);
    }
    green__listeners_tell_closed(hub, d);
}

/* The number's life is over; what belongs to the next is set anew. */
static void end_life(struct green_hub *hub, struct green__descriptor *d)
{
    if (d->interest)
        green__descriptor_tell(hub, d, 0);
    d->generation++;
    d->ready = 0;
    d->reported = 0;
    d->flags &= GREEN__CHANGED | GREEN__QUEUED;
    d->file = 0;
    if (!green__list_empty(&d->edges) || !green__list_empty(&d->listeners))
        tell_closed(hub, d);
    if (green__unlikely(hub->module->let_go != NULL) && !hub->dead)
        hub->module->let_go(hub, d->fd);
}

void green__descriptor_closed(struct green_hub *hub, int fd)
{
    struct green__descriptor *d = green__descriptor_peek(hub, fd);

    if (d)
        end_life(hub, d);
}

struct green__descriptor *green__descriptor_opened(struct green_hub *hub,
                                                   int fd)
{
    struct green__descriptor *d = green__descriptor_get(hub, fd);

    if (!d)
        return NULL;
    end_life(hub, d);
    d->flags |= GREEN__TRUSTED;
    d->ready = GREEN__READ_WRITE; /* not known yet: try */
    return d;
}

int green_hub_forget(struct green_hub *hub, int fd)
{
    if (!hub) {
        errno = EINVAL;
        return -1;
    }
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    green__descriptor_closed(hub, fd);
    return 0;
}

/* ---- Delivery -------------------------------------------------------- */

void green_hub_ready(struct green_hub *hub, uint64_t token, unsigned events)
{
    struct green__descriptor *d =
        green__descriptor_peek(hub, green_hub_token_fd(token));

    if (!d || d->generation != token >> 32)
        return;
    d->reported |= (uint8_t)events;
    if (!(d->flags & GREEN__QUEUED)) {
        hub->stats.events++;
        queue(hub, d);
    }
}

static void deliver(struct green_hub *hub, struct green__descriptor *d)
{
    unsigned events = d->reported;

    d->reported = 0;
    d->flags &= (uint8_t) ~(GREEN__QUEUED | GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(events & GREEN_CLOSED)) {
        end_life(hub, d);
        return;
    }
    if (events & (GREEN_ERROR | GREEN_HANGUP)) {
        d->flags |= GREEN__ENDED;
        events |= GREEN__READ_WRITE;
    }
    d->ready |= events & GREEN__READ_WRITE;
    if (!green__list_empty(&d->edges)) {
        green__edge_pass(d, events);
        if (!(d->interest & GREEN_EDGE))
            green__descriptor_changed(hub, d);
    }
    if (!green__list_empty(&d->listeners))
        green__listeners_call(hub, d, events);
    if (green__unlikely(d->flags & GREEN__ALWAYS_READY) && !hub->dead &&
        !green__list_empty(&d->listeners))
        green__descriptor_queue_always(hub, d);
}

/*
 * In portions, so that whoever is woken runs before what the waking touched, and
 * what the kernel has just looked at, has left the cache; the rest is owed, and
 * the module is not asked again until it is paid.
 */
void green__descriptors_dispatch(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;
    size_t count;

    if (!table->owed)
        table->owed = table->queued;
    count = table->owed < GREEN__MOST_A_TURN ? table->owed : GREEN__MOST_A_TURN;
    table->owed -= count;
    table->queued -= count;
    while (count-- > 0 && !hub->dead) {
        struct green__descriptor *d = table->ready;

        table->ready = d->next_ready;
        if (!table->ready)
            table->ready_end = &table->ready;
        deliver(hub, d);
    }
}
