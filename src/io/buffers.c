/*
 * Each OS thread has a pile of free buffers for each size. The one returned last
 * is lent first: it is the one whose bytes are still in the processor's cache.
 */
#include "io/buffers.h"

#include <errno.h>

#include "base/self.h"
#include "base/system.h"

#define SIZES 6
/* The data begin here, on a cache line of their own. */
#define HEADER ((size_t)64)
/* Free buffers beyond this go back to the allocator. */
#define MOST_KEPT ((size_t)1 << 20)

struct green__buffers {
    struct green_buffer *piles[SIZES];
    size_t kept; /* bytes in the piles */
};

_Static_assert(sizeof(struct green_buffer) <= HEADER, "the header holds it");
_Static_assert(GREEN__BUFFER_LEAST << (SIZES - 1) == GREEN__BUFFER_MOST,
               "there is a pile for each size");

static void free_buffers(struct green__self *self)
{
    struct green__buffers *buffers = self->buffers;

    self->buffers = NULL;
    for (int i = 0; i < SIZES; i++)
        while (buffers->piles[i]) {
            struct green_buffer *buffer = buffers->piles[i];

            buffers->piles[i] = buffer->internal.next;
            green__system.release(buffer);
        }
    green__system.release(buffers);
}

static struct green__buffers *buffers_here(void)
{
    static const struct green__layer layer = {.ends = free_buffers};
    struct green__self *self = green__self();

    if (self->buffers || green__self_register(self) < 0)
        return self->buffers;
    self->buffers = green__system.allocate(1, sizeof *self->buffers);
    self->buffers_layer = &layer;
    return self->buffers;
}

static unsigned pile_of(size_t room)
{
    return (unsigned)__builtin_ctzl(room / GREEN__BUFFER_LEAST);
}

static struct green_buffer *new_buffer(size_t room)
{
    struct green_buffer *buffer = green__system.allocate(1, HEADER + room);

    if (!buffer) {
        errno = ENOMEM;
        return NULL;
    }
    buffer->data = (char *)buffer + HEADER;
    buffer->internal.room = room;
    return buffer;
}

struct green_buffer *green__buffer_take(size_t room)
{
    struct green__buffers *buffers = buffers_here();
    struct green_buffer **pile, *buffer;

    if (!buffers) {
        errno = ENOMEM;
        return NULL;
    }
    pile = &buffers->piles[pile_of(room)];
    buffer = *pile;
    if (!buffer)
        return new_buffer(room);
    *pile = buffer->internal.next;
    buffers->kept -= room;
    return buffer;
}

/* None is kept for the next, unless it has the size of a pile. */
struct green_buffer *green__buffer_take_large(size_t room)
{
    return new_buffer(room);
}

static bool has_pile(size_t room)
{
    return room >= GREEN__BUFFER_LEAST && room <= GREEN__BUFFER_MOST &&
           (room & (room - 1)) == 0;
}

void green_buffer_return(struct green_buffer *buffer)
{
    struct green__buffers *buffers = green__self()->buffers;
    struct green_buffer **pile;

    if (!buffer)
        return;
    /* The OS thread is about to end, or has enough. */
    if (!buffers || buffers->kept + buffer->internal.room > MOST_KEPT ||
        !has_pile(buffer->internal.room)) {
        green__system.release(buffer);
        return;
    }
    pile = &buffers->piles[pile_of(buffer->internal.room)];
    buffer->internal.next = *pile;
    *pile = buffer;
    buffers->kept += buffer->internal.room;
}
