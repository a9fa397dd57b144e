/*
 * The hub's table of descriptors: who waits for which, and what the module has
 * been told.
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
#ifndef GREEN_DESCRIPTOR_H
#define GREEN_DESCRIPTOR_H

#include <greenhub/hub.h>

#include "base/list.h"

#define GREEN__READ_WRITE (GREEN_READ | GREEN_WRITE)

/*
 * Besides events, an edge may wait for its turn in a direction, or have an
 * operation in flight there; the module is not told of these. And an operation is
 * withdrawn to be submitted anew.
 */
#define GREEN__TURN(direction) ((unsigned)(direction) << 8)
#define GREEN__HOLDS(direction) ((unsigned)(direction) << 16)
#define GREEN__RENEW 0x1000000u

/* And the hub may work on a file: whoever waits for that is told of a close. A
 * file's position is waited for and held as a direction is. */
#define GREEN__WORKS 0x2000000u
#define GREEN__POSITION 4u

/* One greenthread's wait. On its stack. */
struct green__edge {
    struct green_list link;
    int fd;
    unsigned events; /* waited for */
    uint32_t ticket; /* 0: came just now; kept when it has to wait again */
    /* Called once, after it was taken off; GREEN_CLOSED: the descriptor went. */
    void (*callback)(struct green__edge *edge, unsigned events);
    /* Of one that HOLDS; NULL: a call that makes way between two pieces. */
    struct green_operation *operation;
};

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
    struct green_list edges;
    struct green__descriptor *next_ready, *next_changed;
    uint32_t generation; /* counts the lives of the number */
    uint8_t interest;    /* what the module was told last */
    uint8_t ready;       /* edges seen and not used up */
    uint8_t reported;    /* by the module, not yet delivered */
    uint8_t flags;
    int fd;
    uint32_t file; /* src/io's, about the open file */
};

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

/* What those are told who wait for a descriptor that is closed. */
#define GREEN__ALL_CLOSED                                                      \
    (GREEN_CLOSED | GREEN_ERROR | GREEN_HANGUP | GREEN__READ_WRITE)

/* Chunks, so that entries keep their place. */
#define GREEN__CHUNK 256

struct green__descriptor_chunk {
    struct green__descriptor entries[GREEN__CHUNK];
    char module_bytes[]; /* GREEN__CHUNK times the module's descriptor_size */
};

/*
 * The most descriptors whose events are passed on in one turn. With 5,000 busy
 * connections an echo took 1.08 of a loop by hand on epolls where it had taken
 * 1.16 with all at once, on libevent 1.15 where it had taken 1.58.
 */
#define GREEN__MOST_A_TURN 64

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

/* The hub ends: nobody waits any more. Owners may ask for listeners and edges to
 * be removed later, from nowhere. */
void green__descriptors_forget(struct green_hub *hub);

/* The entry, made if need be. NULL with ENOMEM, or EBADF if it is not open. */
struct green__descriptor *green__descriptor_get(struct green_hub *hub, int fd);

/*
 * Waits: links the edge at the end of the queue and sees to it that the hub is
 * told. 0, or -1 with errno and not linked; EPERM: always ready.
 */
int green__edge_wait(struct green_hub *hub, struct green__descriptor *d,
                     struct green__edge *edge);

/* Links an edge that waits for its turn, or holds it: nobody is told. */
void green__edge_line_up(struct green_hub *hub, struct green__descriptor *d,
                         struct green__edge *edge);

/* The turn in this direction goes to the next in line, if there is one. */
bool green__edge_pass_turn(struct green__descriptor *d, unsigned direction);

/* Has operations submitted anew: sweep.c. */
void green__edges_renew(struct green_hub *hub, struct green__descriptor *d);

/* Takes an edge back that was not called. */
void green__edge_stop(struct green_hub *hub, struct green__edge *edge);

/*
 * One that only looked leaves the line, whether it was called or not: it has used
 * nothing up, so whoever waited behind it is told, or has its turn.
 */
void green__edge_leave(struct green_hub *hub, struct green__edge *edge,
                       bool called);

/* Passes a readiness that the caller has not used up on to the next in line. */
void green__edge_pass(struct green__descriptor *d, unsigned events);

/*
 * Whether a registration for edges is in force: after a system call took all
 * there was, an edge will tell when there is more.
 */
static inline bool green__descriptor_is_armed(const struct green__descriptor *d)
{
    return (d->interest & 0x80u) && (d->flags & GREEN__TRUSTED) &&
           !(d->flags & GREEN__ENDED);
}

/* A green call has made this descriptor: a new life of the number. */
struct green__descriptor *green__descriptor_opened(struct green_hub *hub,
                                                   int fd);

/* It is about to be closed, or was: tells all who wait, unregisters. */
void green__descriptor_closed(struct green_hub *hub, int fd);

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

/* listener.c: calls those that were there before this dispatch began. */
void green__listeners_call(struct green_hub *hub, struct green__descriptor *d,
                           unsigned events);
/* Tells all that the number's life is over. */
void green__listeners_tell_closed(struct green_hub *hub,
                                  struct green__descriptor *d);
/* They are not added any more. */
void green__listeners_forget(struct green_list *listeners);

/* Has somebody who waits in vain noticed: sweep.c. */
void green__descriptors_sweep_later(struct green_hub *hub);

/* Before a wait; true if something is ready already. */
bool green__descriptors_prepare(struct green_hub *hub);

/* After a wait: calls whoever waits for what was reported. */
void green__descriptors_dispatch(struct green_hub *hub);

#endif
