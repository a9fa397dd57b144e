/*
 * What a trace records: for each OS thread a ring of events, in which that OS
 * thread alone writes. When the ring is full, the oldest events are overwritten.
 * Any OS thread may copy the rings meanwhile; it leaves out what was overwritten
 * under its hands:
 *
 *     ... | overwritten | ended - capacity ... events ... ended | being written
 *
 * Nothing of it is touched while no trace is on.
 */
#ifndef GREEN_TRACE_H
#define GREEN_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <greenhub/base.h>

#include "base/attributes.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/self.h"

enum green__trace_kind {
    GREEN__TRACE_RUN,   /* a greenthread ran, from `begin` to `end` */
    GREEN__TRACE_NAME,  /* the name of a greenthread that begins to run */
    GREEN__TRACE_SPAWN, /* `thread` was made */
    GREEN__TRACE_WAKE,  /* `thread` was made runnable */
    GREEN__TRACE_WAIT,  /* the hub waited */
    GREEN__TRACE_CALL,  /* a system call */
    GREEN__TRACE_TIMER, /* a timer fired */
};

#define GREEN__TRACE_NAME_SIZE 32

struct green__trace_event {
    uint64_t kind; /* enum green__trace_kind */
    green_time begin, end;
    const void *thread; /* NULL: the hub */
    union {
        char name[GREEN__TRACE_NAME_SIZE]; /* of a NAME */
        struct {
            /* the greenthread's function; of a timer, its callback */
            const void *code;
            /* RUN: what it waits for then; CALL: the system call */
            const char *what;
            int64_t number; /* a descriptor; -1: none */
            int64_t result; /* of a CALL: its result, or minus its errno */
        };
    };
} __attribute__((aligned(8))); /* i386 aligns none of its members so */

#define GREEN__TRACE_WORDS (sizeof(struct green__trace_event) / 8)

_Static_assert(sizeof(struct green__trace_event) == 64,
               "an event is a cache line");

struct green__trace_ring {
    struct green_list list; /* of all rings */
    int os_thread;
    bool over;             /* its OS thread has ended */
    uint64_t trace;        /* the number of the trace */
    uint64_t mask;         /* capacity - 1 */
    uint64_t begun, ended; /* events that were begun, and written */
    /* who runs now, since when, and its function */
    const void *thread, *code;
    green_time since;
    uint64_t words[][GREEN__TRACE_WORDS];
};

/* ---- Recording ------------------------------------------------------- */

/* Whether a trace is on. Other OS threads turn it on and off. */
extern bool green__trace_on;

static inline bool green__tracing(void)
{
    return green__unlikely(__atomic_load_n(&green__trace_on, __ATOMIC_RELAXED));
}

/* The calling OS thread's ring, made if need be. NULL without memory. */
struct green__trace_ring *green__trace_ring(void);

/* Records it, unless there is no memory. Leaves errno alone. */
void green__trace_record(const struct green__trace_event *event);

/* The OS thread runs `thread` from now on; NULL: its hub. */
void green__trace_runs(struct green__trace_ring *ring, green_time now,
                       const void *thread, const void *code);

/* Leaves errno alone. */
GREEN__COLD void green__trace_call(green_time begun, const char *what, int fd,
                                   int64_t result);
GREEN__COLD void green__trace_wait(green_time begun, green_time ended);
GREEN__COLD void green__trace_timer(const void *callback);

/*
 * A system call of a green call:
 *
 *     green_time begun = green__trace_clock();
 *
 *     n = green__trace_called(begun, "recv", fd, green__system.recv(...));
 *
 * Leaves errno alone.
 */
static inline green_time green__trace_clock(void)
{
    return green__tracing() ? green__clock() : 0;
}

static inline ssize_t green__trace_called(green_time begun, const char *what,
                                          int fd, ssize_t result)
{
    if (green__unlikely(begun))
        green__trace_call(begun, what, fd, result);
    return result;
}

/* The OS thread ends. */
void green__trace_thread_ends(struct green__self *self);

/* Frees the calling OS thread's ring, if no trace is on. */
GREEN__COLD void green__trace_forget(void);

/* ---- For those who turn it on ---------------------------------------- */

/* A copy of a ring. */
struct green__trace_copy {
    struct green__trace_copy *next;
    int os_thread;
    char name[16];             /* of the OS thread */
    uint64_t dropped;          /* events that were overwritten */
    const void *thread, *code; /* who runs, since when; since 0: nobody */
    green_time since;
    size_t count;
    struct green__trace_event events[]; /* in the order of their ends */
};

/* Turns it on, with rings of so many events, a power of two. False if it is on
 * already. */
bool green__trace_begin(uint64_t capacity);

/*
 * Turns it off, and copies what was recorded. When it began; 0: it was not on.
 * With ENOMEM *copies is NULL, as when nothing was recorded; *failed tells.
 */
green_time green__trace_end(struct green__trace_copy **copies, bool *failed);
void green__trace_copy_free(struct green__trace_copy *copies);

#endif
