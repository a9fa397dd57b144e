/*
 * The hub's table of descriptors: who waits for which, what the module has been
 * told of each, and what it has reported.
 *
 * Two kinds wait. A public listener is level-triggered and persists. An "edge"
 * is how greenthreads wait: once, after a system call has said EAGAIN, and first
 * come, first served. With a module that reports edges, a descriptor with edges
 * alone is registered once, for both directions, and stays registered; with a
 * listener, or without such a module, interest follows whoever waits.
 *
 * What has to be taken back from the module is taken back before the next wait,
 * so that whoever waits again at once costs nothing.
 */
#ifndef GREEN_TABLE_H
#define GREEN_TABLE_H

#include <greenhub/hub.h>

#include "base/list.h"

#define GREEN__READ_WRITE (GREEN_READ | GREEN_WRITE)

/* What an edge does in the line of its descriptor. */
enum green__io_waiter_role {
    GREEN__LOOKS,  /* waits for events, and is taken off when they come */
    GREEN__WAITS,  /* for events, and then holds its place until it runs: nobody
                      * writes between two pieces of one who has been woken */
    GREEN__QUEUES, /* until it is its turn; then the same */
    GREEN__HOLDS,  /* keeps its place while its greenthread goes on */
    GREEN__OPERATES, /* has an operation in flight */
};

/* To an edge that operates: the number may stand for another open file by now,
 * so its operation is to be withdrawn and submitted anew. It stays in line. */
#define GREEN__RENEW 0x100u

/* One greenthread's wait. On its stack. */
struct green__io_waiter {
    struct green_list link;
    int fd;
    enum green__io_waiter_role role;
    unsigned events; /* directions; src/io has more than READ and WRITE */
    uint32_t ticket; /* 0: came just now; kept when it has to wait again */
    /* Called once, after it was taken off or has begun to hold its place;
     * GREEN_CLOSED: the descriptor went, which is told to one that holds too. Or with
     * GREEN__RENEW, see there. */
    void (*callback)(struct green__io_waiter *io_waiter, unsigned events);
};

static inline struct green__io_waiter *
green__io_waiter_of(struct green_list *link)
{
    return container_of(link, struct green__io_waiter, link);
}

enum green__descriptor_flag {
    /* A green call made it and green_close will close it: its registration can
     * be relied on, and `ready` means something. */
    GREEN__TRUSTED = 1,
    /* The module refused it as of a kind that is always ready. */
    GREEN__ALWAYS_READY = 2,
    /* A hang-up or error was seen: no more edges need come. */
    GREEN__ENDED = 4,
    /* In the list of those whose interest is to be brought up to date. */
    GREEN__CHANGED = 8,
    /* In the queue of those to be delivered. */
    GREEN__QUEUED = 16,
    /* sweep.c: somebody was waiting at the last sweep, and nothing came since;
     * and: it has been renewed since. */
    GREEN__QUIET = 32,
    GREEN__RENEWED = 64,
};

/* 64 bytes: one cache line. */
struct green__descriptor {
    struct green_list listeners; /* of struct green_listener.internal */
    struct green_list io_waiters;
    struct green__descriptor *next_ready, *next_changed;
    uint32_t generation; /* counts the lives of the number */
    uint8_t interest;    /* what the module was told last */
    uint8_t ready;       /* edges seen and not used up */
    uint8_t reported;    /* by the module, not yet delivered */
    uint8_t flags;
    int fd;
    uint32_t file; /* src/io's, about the open file */
};

static inline uint64_t green__token_of(const struct green__descriptor *d)
{
    return (uint64_t)d->generation << 32 | (uint32_t)d->fd;
}

static inline struct green_listener *green__listener_of(struct green_list *link)
{
    return container_of(link, struct green_listener, internal.link);
}

/* Listeners that are being called, which are in no descriptor's list meanwhile. A
 * fork in a callback finds them here. */
struct green__aside {
    struct green_list listeners;
    struct green__aside *outer;
};

/* Chunks, so that entries keep their place. */
#define GREEN__CHUNK 256

struct green__descriptor_chunk {
    struct green__descriptor entries[GREEN__CHUNK];
    char module_bytes[]; /* GREEN__CHUNK times the module's descriptor_size */
};

struct green__descriptors {
    struct green__descriptor_chunk **chunks;
    size_t chunk_count;
    struct green__descriptor *changed;
    struct green__descriptor *ready, **ready_end; /* for the next dispatch */
    size_t queued;                                /* of them */
    size_t owed;                 /* of those, the ones of the last wait */
    struct green__aside *asides; /* innermost first */
    uint32_t tickets; /* handed out to edges, in the order of coming */
    bool sweeping;    /* sweep_timer is armed */
    struct green_timer sweep_timer;
};

void green__descriptors_init(struct green_hub *hub);
void green__descriptors_free(struct green_hub *hub);

/* The entry, made if need be. NULL with ENOMEM, or EBADF if it is not open. */
struct green__descriptor *green__descriptor_get(struct green_hub *hub, int fd);

/* The change of interest that the module is told of. 0 or -1 with errno. */
int green__descriptor_tell(struct green_hub *hub, struct green__descriptor *d,
                           unsigned to);

/* Somebody new waits: the module must know now, and the caller its answer. */
int green__descriptor_tell_of_more(struct green_hub *hub,
                                   struct green__descriptor *d);

/* Somebody waits no more: before the next wait the module is told. */
void green__descriptor_changed(struct green_hub *hub,
                               struct green__descriptor *d);

/* Always ready: to be delivered in the next turn, and so on. */
void green__descriptor_queue_always(struct green_hub *hub,
                                    struct green__descriptor *d);

/* Before a wait; true if something is ready already. */
bool green__descriptors_prepare(struct green_hub *hub);

#endif
