/*
 * What belongs to the calling OS thread: the library's only global, beside the
 * tables that never change.
 */
#ifndef GREEN_SELF_H
#define GREEN_SELF_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct green_hub;
struct green__scheduler;
struct green__mailbox;

#define GREEN__ERROR_SIZE 256

struct green__self;

/* What a layer does when the ground moves. Set by whoever makes its part of
 * struct green__self. The greenthreads' comes first: they stand on the hub. */
struct green__layer {
    void (*ends)(struct green__self *self);   /* the OS thread ends */
    void (*forked)(struct green__self *self); /* this is a forked child */
    /* self->hub is now another one, the old one is about to be closed. */
    void (*hub_replaced)(struct green__self *self);
    /* Brings self->hub's statistics up to date. */
    void (*count)(struct green__self *self);
};

struct green__self {
    struct green_hub *hub;
    struct green__scheduler *scheduler;
    /* The scheduler while greenthreads run; NULL without one, and while callbacks
     * of the hub are called. What every green call asks first. */
    struct green__scheduler *running;
    struct green__mailbox *mailbox; /* by which other OS threads wake them */
    const struct green__layer *hub_layer, *scheduler_layer, *mailbox_layer;
    bool registered;                   /* its end will be noticed */
    char error[GREEN__ERROR_SIZE];     /* of green_hub_error() */
    char net_error[GREEN__ERROR_SIZE]; /* of green_net_error() */
};

/*
 * What other hands may have done to open files: the first is raised, in steps,
 * when one was changed by a number that the caller's hub did not make, and at
 * each fork; the second counts forks alone. Any OS thread's, so atomic.
 */
#define GREEN__FILE_STEP 0x40000u
extern uint32_t green__file_changes, green__forks;

static inline void green__files_change(void)
{
    __atomic_fetch_add(&green__file_changes, GREEN__FILE_STEP,
                       __ATOMIC_RELEASE);
}

/* The calling OS thread's. */
struct green__self *green__self(void);

/*
 * Initial-exec: one load instead of a call in the shared library. It takes a few
 * hundred bytes of the room that the C library keeps for loaded libraries.
 */
extern _Thread_local struct green__self green__self_here
    __attribute__((tls_model("initial-exec")));

/*
 * green__self()->running without the call: a yield took 1 ns longer with it. A
 * compiler may keep a thread-local's address across a switch of stacks; it stays
 * right, since a greenthread never leaves its OS thread.
 */
static inline struct green__scheduler *green__running(void)
{
    return green__self_here.running;
}

/*
 * Makes sure that the clean-up is called when the OS thread ends or forks.
 * Returns 0, or -1 with errno. Called before the first resource is made.
 */
int green__self_register(struct green__self *self);

/* Sets errno; returns -1. */
static inline int green__refuse(int error)
{
    errno = error;
    return -1;
}

/*
 * Sets the words for green_hub_error(), and errno to `error`; returns -1.
 */
int green__fail(int error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
