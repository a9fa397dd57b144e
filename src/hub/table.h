/*
 * The hub's table of descriptors: the waiters of each, the interest registered
 * with the module, and the events that it has reported.
 *
 * There are two kinds of waiters. A public listener is level-triggered and
 * persists. An I/O waiter is how a greenthread waits: once, after a system call
 * has failed with EAGAIN, and first come, first served. With an edge-triggered
 * module, a descriptor that has only I/O waiters is registered once, for both
 * directions, and stays registered; with a listener, or with another module,
 * interest follows the waiters.
 *
 * The hub removes interest just before the next wait, so that a waiter that
 * waits again at once costs nothing.
 */
#ifndef GREEN_TABLE_H
#define GREEN_TABLE_H

#include <greenhub/hub.h>

#include "base/list.h"

#define GREEN__READ_WRITE (GREEN_READ | GREEN_WRITE)

/* The state of an I/O waiter in its descriptor's queue. */
enum green__io_waiter_role {
    GREEN__LOOKS, /* waits for events, and leaves the queue when they come */
    /* waits for events, then holds its place until it runs: no other
     * greenthread writes between two parts of its transfer */
    GREEN__WAITS,
    GREEN__QUEUES,   /* waits for its turn, then holds its place likewise */
    GREEN__HOLDS,    /* keeps its place while its greenthread continues */
    GREEN__OPERATES, /* has an operation in flight */
};

/* Passed to a waiter with an operation in flight: the number may stand for
 * another open file by now, so it must withdraw the operation and submit it
 * anew. It keeps its place. */
#define GREEN__RENEW 0x100u

/* One greenthread's wait, on its stack. */
struct green__io_waiter {
    struct green_list link;
    int fd;
    enum green__io_waiter_role role;
    unsigned events; /* directions; src/io adds others to READ and WRITE */
    /* order of arrival; 0: none yet; kept when it waits again */
    uint32_t ticket;
    /* Called once, after the waiter left the queue or began to hold its place.
     * GREEN_CLOSED: the descriptor was closed; a waiter that holds receives
     * that too. For GREEN__RENEW see there. */
    void (*callback)(struct green__io_waiter *io_waiter, unsigned events);
};

static inline struct green__io_waiter *
green__io_waiter_of(struct green_list *link)
{
    return container_of(link, struct green__io_waiter, link);
}

enum green__descriptor_flag {
    /* A green call made it and green_close will close it: its registration is
     * reliable, and `ready` is meaningful. */
    GREEN__TRUSTED = 1,
    /* The module refused it as always ready. */
    GREEN__ALWAYS_READY = 2,
    /* A hang-up or error was reported: there may be no further edges. */
    GREEN__ENDED = 4,
    /* In the list `changed`: interest is to be updated. */
    GREEN__CHANGED = 8,
    /* In the queue `ready`: events are to be delivered. */
    GREEN__QUEUED = 16,
    /* sweep.c: a waiter was queued at the last sweep, and no event came since;
     * and: the registration has been renewed since. */
    GREEN__QUIET = 32,
    GREEN__RENEWED = 64,
};

/* 64 bytes: one cache line. */
struct green__descriptor {
    struct green_list listeners; /* of struct green_listener.internal */
    struct green_list io_waiters;
    struct green__descriptor *next_ready, *next_changed;
    uint32_t generation; /* counts the lives of the descriptor number */
    uint8_t interest;    /* last registered with the module */
    uint8_t ready;       /* readiness reported and not used up */
    uint8_t reported;    /* by the module, not yet delivered */
    uint8_t flags;
    int fd;
    uint32_t file; /* used by src/io, about the open file */
};

static inline uint64_t green__token_of(const struct green__descriptor *d)
{
    return (uint64_t)d->generation << 32 | (uint32_t)d->fd;
}

static inline struct green_listener *green__listener_of(struct green_list *link)
{
    return container_of(link, struct green_listener, internal.link);
}

/* Listeners that are being called, and are in no descriptor's list meanwhile. A
 * fork in a callback finds them here. */
struct green__aside {
    struct green_list listeners;
    struct green__aside *outer;
};

/* Entries are allocated in chunks, so that they never move. */
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
    size_t queued;                                /* length of that queue */
    size_t owed;                 /* how many of these the last wait reported */
    struct green__aside *asides; /* innermost first */
    uint32_t tickets;            /* last ticket given to an I/O waiter */
    bool sweeping;               /* sweep_timer is armed */
    struct green_timer sweep_timer;
};

void green__descriptors_init(struct green_hub *hub);
void green__descriptors_free(struct green_hub *hub);

/* Returns the entry, made if need be. NULL with ENOMEM, or EBADF if the number
 * is not open. */
struct green__descriptor *green__descriptor_get(struct green_hub *hub, int fd);

/* Registers this interest with the module. 0 or -1 with errno. */
int green__descriptor_tell(struct green_hub *hub, struct green__descriptor *d,
                           unsigned to);

/* For a new waiter: registers the added interest at once, and returns the
 * module's answer. */
int green__descriptor_tell_of_more(struct green_hub *hub,
                                   struct green__descriptor *d);

/* For a removed waiter: updates the interest before the next wait. */
void green__descriptor_changed(struct green_hub *hub,
                               struct green__descriptor *d);

/* Queues an always ready descriptor for delivery, in this and each later
 * iteration. */
void green__descriptor_queue_always(struct green_hub *hub,
                                    struct green__descriptor *d);

/* Updates interest before a wait; true if a descriptor is ready already. */
bool green__descriptors_prepare(struct green_hub *hub);

#endif
