/*
 * What belongs to the calling OS thread: the library's only global, beside the
 * tables that never change.
 */
#ifndef GREEN_SELF_H
#define GREEN_SELF_H

#include <errno.h>
#include <stdbool.h>

#include "base/attributes.h"

struct green_hub;
struct green__scheduler;

#define GREEN__ERROR_SIZE 256

struct green__self;

/* What a layer does when the ground moves. Set by whoever makes its part of
 * struct green__self. The greenthreads' comes first: they stand on the hub. */
struct green__layer {
    void (*ends)(struct green__self *self);   /* the OS thread ends */
    void (*forked)(struct green__self *self); /* this is a forked child */
    /* self->hub is now another one, the old one is about to be closed. */
    void (*hub_replaced)(struct green__self *self);
};

struct green__self {
    struct green_hub *hub;
    struct green__scheduler *scheduler;
    const struct green__layer *hub_layer, *scheduler_layer;
    bool registered; /* its end will be noticed */
    char error[GREEN__ERROR_SIZE];
};

/*
 * The calling OS thread's. Not inlined, so that no compiler keeps the address of
 * a thread-local variable across a switch of stacks.
 */
struct green__self *green__self(void);

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
