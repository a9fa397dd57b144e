/*
 * The lives of descriptor numbers, for a program whose threads run on several
 * hubs (src/patch/carrier.h): one of them accepts a connection, another reads
 * it, and a third may have had that number before. Each hub's table notes the
 * life that it knows as `generation`; when it looks at a descriptor, and the
 * number has begun another life since, it ends the old one (descriptor.c). And
 * it trusts what a green call of another hub has made.
 *
 *     green call makes it    life 3, 5, ...  another hub takes over `file`
 *     green call closes it   life 2, 4, ...
 *     neither yet            life 0          nothing is known
 *
 * Off for everybody else: a hub then trusts what its own green calls make.
 */
#ifndef GREEN_LIVES_H
#define GREEN_LIVES_H

#include <stdatomic.h>

#include "hub/hub.h"

struct green__life {
    _Atomic(uint32_t) number;
    _Atomic(uint32_t) file; /* used by src/io: what is true for each hub */
    atomic_bool adopted;    /* by a hub that has not made it */
};

extern bool green__lives_count;

/* From now on; before there is a second hub. */
void green__lives_begin(void);

/* NULL for a number so high that its lives are not counted, or without
 * memory. */
struct green__life *green__life_of(int fd);

/* A green call has made it, or closes it. Returns the new number, or 0 if lives
 * do not count. */
uint32_t green__life_begins(int fd);
uint32_t green__life_ends(int fd);

/* Ends a life that is over, and adopts a new one. */
void green__life_follow(struct green_hub *hub, struct green__descriptor *d);

/* green__descriptor_peek for an entry that is about to be used. */
static inline struct green__descriptor *
green__descriptor_find(struct green_hub *hub, int fd)
{
    struct green__descriptor *d = green__descriptor_peek(hub, fd);

    if (green__unlikely(green__lives_count) && d)
        green__life_follow(hub, d);
    return d;
}

#endif
