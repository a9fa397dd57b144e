#include "hub/lives.h"

#include "base/system.h"
#include "hub/descriptor.h"

#define CHUNK 1024
#define CHUNKS 1024

bool green__lives_count;

static _Atomic(struct green__life *) chunks[CHUNKS];

void green__lives_begin(void)
{
    green__lives_count = true;
}

static GREEN__COLD struct green__life *make_lives(size_t index)
{
    struct green__life *mine =
        green__system.allocate(CHUNK, sizeof(struct green__life));
    struct green__life *theirs = NULL;

    if (!mine)
        return NULL;
    if (atomic_compare_exchange_strong(&chunks[index], &theirs, mine))
        return mine;
    green__system.release(mine);
    return theirs;
}

struct green__life *green__life_of(int fd)
{
    size_t index = (size_t)fd / CHUNK; /* out of range if fd < 0 */
    struct green__life *lives;

    if (!green__lives_count || index >= CHUNKS)
        return NULL;
    lives = atomic_load_explicit(&chunks[index], memory_order_acquire);
    if (green__unlikely(!lives) && !(lives = make_lives(index)))
        return NULL;
    return &lives[(size_t)fd % CHUNK];
}

/* The kernel has just given the number to the caller, who is alone with it. */
uint32_t green__life_begins(int fd)
{
    struct green__life *life = green__life_of(fd);
    uint32_t number;

    if (!life)
        return 0;
    number = atomic_load(&life->number);
    number = number ? (number + 1) | 1 : 3; /* 1 is an entry's own first */
    atomic_store(&life->file, 0);
    atomic_store(&life->adopted, false);
    atomic_store(&life->number, number);
    return number;
}

uint32_t green__life_ends(int fd)
{
    struct green__life *life = green__life_of(fd);
    uint32_t number;

    if (!life)
        return 0;
    number = (atomic_load(&life->number) | 1) + 1;
    atomic_store(&life->number, number);
    return number;
}

static void adopt(struct green__descriptor *d, struct green__life *life)
{
    if (!atomic_load_explicit(&life->adopted, memory_order_relaxed))
        atomic_store(&life->adopted, true);
    d->flags |= GREEN__TRUSTED;
    d->ready = GREEN__READ_WRITE; /* not known yet: the first call tries */
    d->file = atomic_load(&life->file);
}

void green__life_follow(struct green_hub *hub, struct green__descriptor *d)
{
    struct green__life *life = green__life_of(d->fd);
    uint32_t number =
        life ? atomic_load_explicit(&life->number, memory_order_acquire) : 0;

    if (number == 0)
        return;
    if (number != d->generation) {
        green__descriptor_ended(hub, d);
        d->generation = number;
    }
    if ((number & 1) && !(d->flags & GREEN__TRUSTED))
        adopt(d, life);
}
