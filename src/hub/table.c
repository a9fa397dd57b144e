#include "hub/table.h"

#include <errno.h>
#include <string.h>

#include "base/chaos.h"
#include "base/system.h"
#include "hub/hub.h"
#include "hub/lives.h"

int green_hub_token_fd(uint64_t token)
{
    return (int)(uint32_t)token;
}

/* ---- The table ------------------------------------------------------- */

void green__descriptors_init(struct green_hub *hub)
{
    hub->descriptors.ready_end = &hub->descriptors.ready;
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
        green__list_init(&d->io_waiters);
        d->generation = 1;
        d->fd = (int)(index * GREEN__CHUNK + i);
    }
    hub->descriptors.chunks[index] = chunk;
    return chunk;
}

/* Makes no entry for a number that is not open: a caller may pass any number,
 * and a directory for the highest takes 64 MiB. */
static GREEN__COLD struct green__descriptor *make_entry(struct green_hub *hub,
                                                        int fd, size_t index)
{
    struct green__descriptors *table = &hub->descriptors;

    if (!green__is_open(fd))
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
    if (green__unlikely(index >= table->chunk_count || !table->chunks[index]) &&
        !make_entry(hub, fd, index))
        return NULL;
    return green__descriptor_find(hub, fd);
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

/* ---- Interest -------------------------------------------------------- */

/* The events that I/O waiters wait for; stops once it has found all of
 * `enough`. */
static unsigned wanted_by_io_waiters(const struct green__descriptor *d,
                                     unsigned enough)
{
    unsigned events = 0;
    struct green_list *link;

    green__list_each (&d->io_waiters, link) {
        const struct green__io_waiter *io_waiter = green__io_waiter_of(link);

        if (io_waiter->role <= GREEN__WAITS)
            events |= io_waiter->events;
        if ((events & enough) == enough)
            break;
    }
    return events & GREEN__READ_WRITE;
}

/*
 * With an edge-triggered module a trusted descriptor is registered once, for
 * both directions. The registration of an untrusted descriptor is renewed at
 * each wait, and then reports at once what is ready; so it includes only the
 * events waited for, or it would wake the waiter spuriously, for ever.
 */
static unsigned wanted_by_edge_module(const struct green__descriptor *d)
{
    if (green__list_empty(&d->io_waiters))
        return d->interest & GREEN_EDGE ? d->interest : 0;
    if (d->flags & GREEN__TRUSTED)
        return GREEN__READ_WRITE | GREEN_EDGE;
    return wanted_by_io_waiters(d, GREEN__READ_WRITE) | GREEN_EDGE;
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
    return events | wanted_by_io_waiters(d, enough & ~events);
}

int green__descriptor_tell(struct green_hub *hub, struct green__descriptor *d,
                           unsigned to)
{
    unsigned from = d->interest;

    hub->stats.changes++;
    if (hub->module->interest(hub, d->fd, green__token_of(d), from, to) < 0 &&
        to) {
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
        /* Added interest is registered at once, so here interest can only
         * shrink. */
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

/* ---- Reports from the module ----------------------------------------- */

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
