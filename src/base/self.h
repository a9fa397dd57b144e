/* State of the calling OS thread, with one part for each layer. */
#ifndef GREEN_SELF_H
#define GREEN_SELF_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct green_hub;
struct green__scheduler;
struct green__mailbox;
struct green__shard;
struct green__buffers;
struct green__trace_ring;

#define GREEN__ERROR_SIZE 256

struct green__self;

/* A layer's handlers for thread exit, fork and change of hub. The code that
 * creates the layer's part of struct green__self sets them. The greenthreads'
 * handlers run first, because they use the hub. */
struct green__layer {
    void (*ends)(struct green__self *self);   /* the OS thread exits */
    void (*forked)(struct green__self *self); /* called in the forked child */
    /* self->hub has been replaced; the old hub is about to be closed. */
    void (*hub_replaced)(struct green__self *self);
    /* Updates self->hub's statistics. */
    void (*count)(struct green__self *self);
};

struct green__self {
    struct green_hub *hub;
    struct green__scheduler *scheduler;
    /* The scheduler while greenthreads run; NULL without one, and while the hub
     * runs callbacks. Every green call reads this first. */
    struct green__scheduler *running;
    /* other OS threads wake greenthreads by it */
    struct green__mailbox *mailbox;
    struct green__shard *servers;    /* net/server.h: this OS thread's parts */
    struct green__buffers *buffers;  /* io/buffers.h */
    struct green__trace_ring *trace; /* base/trace.h; NULL: none */
    const struct green__layer *buffers_layer;
    const struct green__layer *hub_layer, *scheduler_layer, *mailbox_layer;
    bool registered; /* thread_ends() will run when this OS thread exits */
    char error[GREEN__ERROR_SIZE];     /* of green_hub_error() */
    char net_error[GREEN__ERROR_SIZE]; /* of green_net_error() */
};

/*
 * Counters that detect changes of open files outside the hub's control.
 * green__file_changes grows, by GREEN__FILE_STEP, when a file is changed by a
 * descriptor that the caller's hub did not create, and at each fork;
 * green__forks counts forks alone. Any OS thread may change them, so access is
 * atomic.
 */
#define GREEN__FILE_STEP 0x40000u
extern uint32_t green__file_changes, green__forks;

static inline void green__files_change(void)
{
    __atomic_fetch_add(&green__file_changes, GREEN__FILE_STEP,
                       __ATOMIC_RELEASE);
}

/* Returns the calling OS thread's state. */
struct green__self *green__self(void);

/*
 * A pointer to it, so that greenthreads with thread-local data of their own
 * (greenthread/identity.h) can have the state of their OS thread. Until the
 * first green__self() it points to a state of zeros, which cannot be written.
 *
 * Initial-exec: a load instead of a call in the shared library. It uses some of
 * the space that the C library reserves for the thread-local data of loaded
 * libraries.
 */
GREEN__PRIVATE extern _Thread_local struct green__self *green__self_pointer
    __attribute__((tls_model("initial-exec")));

/* green__self() without the call, to read it: the call made a yield 1 ns
 * slower. */
static inline const struct green__self *green__self_here(void)
{
    return green__self_pointer;
}

/*
 * A compiler may keep a thread-local's address across a switch of stacks; the
 * address stays right, because a greenthread leaves neither its OS thread nor
 * its thread-local data.
 */
static inline struct green__scheduler *green__running(void)
{
    return green__self_here()->running;
}

/*
 * Registers the handlers for thread exit and fork. Call it before creating the
 * first resource. Returns 0, or -1 with errno.
 */
int green__self_register(struct green__self *self);

/* Sets errno; returns -1. */
static inline int green__refuse(int error)
{
    errno = error;
    return -1;
}

/* Sets the message of green_hub_error(), and errno to `error`; returns -1. */
GREEN__PRIVATE int green__fail(int error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
