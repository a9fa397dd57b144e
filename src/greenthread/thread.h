/*
 * A greenthread and its scheduler: what they are made of. What runs them is in
 * scheduler.h.
 *
 * Invariants, for each OS thread:
 * - `current` runs. It and the run queue are one ring, linked by `next`:
 *
 *       current -> first in the queue -> ... -> last in the queue -> current
 *
 *   with `last` the one before `current`, which is itself when the queue is
 *   empty. So a yield moves on by one, and touches no link.
 * - A runnable one is in the ring once; a parked one is in none and its waiter is
 *   where its waker will find it.
 * - The hub has a context of its own, `hub_thread`. It enters the ring, as
 *   `current`, when the queue is empty or the budget of direct hand-overs is used
 *   up, and leaves it, handing over, after each turn of the loop.
 * - A finished one that nobody will join is `dead` until the next spawn or
 *   finish frees it, since it still runs on its stack while it finishes.
 *
 * A greenthread's struct lies in the room that belongs to its stack, among those of
 * others: so a switch touches one page of the stack and no more. What belongs to it
 * besides, a record, lies on the stack:
 *
 *     bottom ... frames ... | a record, if it has one | top
 */
#ifndef GREEN_THREAD_INTERNAL_H
#define GREEN_THREAD_INTERNAL_H

#include <greenhub/thread.h>

#include "base/list.h"
#include "context/context.h"
#include "context/sanitizer.h"
#include "context/stack.h"
#include "greenthread/exceptions.h"
#include "hub/hub.h"

struct green__waiter;

/* What is waited for, in words, for green_dump. */
struct green__wait_kind {
    const char *name; /* "read", "join", "sleep", ... */
    /* Adds particulars, "descriptor 7" say. May be NULL. */
    void (*describe)(const struct green__waiter *waiter, char *text,
                     size_t size);
    /* Nobody but a greenthread or a callback of this OS thread can end it. When
     * in doubt, false: such a wait is never taken for a deadlock. */
    bool inside;
};

/* One who waits; how: see park.h. On its stack. */
struct green__waiter {
    struct green_thread *thread; /* who waits; NULL in a hub's callback */
    const struct green__wait_kind *kind;
    green_time since; /* of the hub's turn in which it parked */
};

enum green__state {
    GREEN__UNUSED,   /* a stack's room, that nobody uses */
    GREEN__DELAYED,  /* spawned to start later */
    GREEN__RUNNABLE, /* in the ring: runs, or will */
    GREEN__PARKED,
    GREEN__FINISHED,
};

enum green__thread_flag {
    GREEN__STARTED = 1,
    GREEN__CANCELLED = 2, /* before it started */
    GREEN__KILLED = 4,
    GREEN__DETACHED = 8,
    GREEN__NO_RESULT = 16, /* spawn_n's fn returns nothing */
    GREEN__MAIN = 32,      /* the OS thread's own */
    GREEN__ALARMED = 64,   /* a kill or a timeout has come that no call has
                            * failed with yet */
};

union green__start {
    void *(*function)(void *);
    void (*procedure)(void *); /* NO_RESULT */
};

struct green_thread {
    struct green__context context;
    struct green_thread *next; /* in the ring */
    struct green__waiter *waiter;
    struct green_cancel_scope *regions; /* innermost first */
    unsigned alarms; /* fired ones in `regions`, and 1 when killed */
    int interrupt;   /* the errno that ends its park */
    int saved_errno; /* its errno, while another one runs */
    uint8_t state;   /* enum green__state */
    uint8_t flags;
    uint8_t overlooked; /* calls that a kill or timeout did not fail */
    union green__start start;
    void *arg; /* then the result */
    /* The first cache line ends here. */
    struct green_thread *joiner;
    struct green__stack *stack;   /* NULL for main */
    struct green__extras *extras; /* what few have */
    void *spawned_at;             /* code address */
    /* The second one ends with what is known of the stack. */
};

static inline struct green_thread *
green__thread_of_stack(struct green__stack *stack)
{
    char *room = (char *)stack - GREEN__STACK_ROOM(sizeof(struct green_thread));

    return (struct green_thread *)(void *)room;
}

/* Name, links, deferred functions, locals: made when first used. */
struct green__extras {
    char name[32];
    struct green_list links;  /* of struct link, thread.c */
    struct green_list defers; /* of struct defer, thread.c; latest first */
    void *locals;             /* key.c */
    unsigned local_count;
    void (*destroy_locals)(struct green_thread *thread); /* NULL: has none */
};

struct green__scheduler {
    struct green_thread *current, *last;
    int *errno_place; /* where this OS thread's errno is */
    int64_t switches; /* hand-overs on this hub, and yields with nobody else */
    int64_t limit;    /* of `switches`: then the clock is looked at. Calls that
                       * need not wait lower it */
    struct green_hub *hub; /* self->hub */
    int budget;            /* how many hand-overs were granted last */
    green_time granted;    /* when */
    int64_t switches_then; /* `switches` when it was granted */
    struct green_thread *external_waiter; /* one that waited for the outside */
    uint32_t lot;                         /* what green_choose has drawn last */
    struct green_thread *dead;
    struct green__runtimes runtimes; /* of C++ */
    unsigned
        drops; /* how often the others were dropped, with a hub or by fork */
    uint64_t alive;    /* main included */
    bool main_is_gone; /* dropped with its hub, or left behind by a fork */
    struct green__stack_pool stacks;
    uint64_t spawns; /* on this hub */
    bool cooling;    /* cool_timer is armed */
    struct green_timer cool_timer;
    struct green_thread main;
    struct green_thread hub_thread;
};

/* Calls fn(thread, arg) for each greenthread that has not finished, main first;
 * fn may free it. */
void green__each_thread(struct green__scheduler *s,
                        void (*fn)(struct green_thread *thread, void *arg),
                        void *arg);

/* ---- The ring -------------------------------------------------------- */

/* To the end of the run queue. */
static inline void green__make_runnable(struct green__scheduler *s,
                                        struct green_thread *thread)
{
    thread->state = GREEN__RUNNABLE;
    thread->next = s->current;
    s->last->next = thread;
    s->last = thread;
}

/* Whether any other than the current one could run. */
static inline bool green__others_runnable(const struct green__scheduler *s)
{
    return s->last != s->current;
}

/* ---- Extras ---------------------------------------------------------- */

/* Makes them if need be. NULL with ENOMEM. */
struct green__extras *green__extras(struct green_thread *thread);
void green__extras_free(struct green_thread *thread);

/* Adds a deferred function. 0, or -1 with ENOMEM. */
int green__defer(struct green_thread *thread, void (*fn)(void *), void *arg);

/* Parts of a greenthread's end, if it has extras. */
void green__defers_run(struct green_thread *thread);
void green__links_call(struct green_thread *thread);

static inline void green__locals_destroy(struct green_thread *thread)
{
    if (thread->extras && thread->extras->destroy_locals)
        thread->extras->destroy_locals(thread);
}

/* ---- What ends its calls --------------------------------------------- */

/* ECANCELED or ETIMEDOUT if a call of this one may not block, or 0. The outermost
 * region that has fired counts, but for what a shield keeps off. */
int green__interruption(const struct green_thread *thread);

enum green__cancel_scope_kind {
    GREEN__TIMEOUT = 0x71e0,
    GREEN__SHIELD = 0x5e1d,
    GREEN__SCOPE = 0x5c09,
};

/* ---- The record on top of its stack ---------------------------------- */

static inline size_t green__record_size(size_t size)
{
    return (size + 63) / 64 * 64;
}

static inline void *green__record_of(struct green_thread *thread, size_t size)
{
    return thread->stack->top - green__record_size(size);
}

/* Of one that has not started, and is to start later: delay.c. */
struct green__delay {
    struct green_timer timer;
    struct green_thread *parent; /* whose end cancels it, or NULL */
    void (*parent_ends)(struct green_thread *parent, void *thread);
};

static inline struct green__delay *green__delay_of(struct green_thread *thread)
{
    return green__record_of(thread, sizeof(struct green__delay));
}

/* Its parent's end is not to cancel it any more. */
void green__delay_forget(struct green_thread *thread);

/* ---- Its end --------------------------------------------------------- */

/* Has memory that is used no more given back to the system, in a while. */
void green__cool_later(struct green__scheduler *s);

/* Started and cancelled is one that was dropped with its hub. */
static inline void green__thread_free(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    struct green__stack *stack = thread->stack;

    if (green__unlikely(thread->extras != NULL))
        green__extras_free(thread);
    green__sanitizer_done(&thread->context,
                          (thread->flags & GREEN__STARTED) &&
                              (thread->flags & GREEN__CANCELLED));
    thread->state = GREEN__UNUSED;
    if (green__unlikely(green__stack_release(stack)))
        green__cool_later(s);
}

/* The last one that nobody joined. */
static inline void green__free_dead(struct green__scheduler *s)
{
    struct green_thread *dead = s->dead;

    if (dead) {
        s->dead = NULL;
        green__thread_free(s, dead);
    }
}

#endif
