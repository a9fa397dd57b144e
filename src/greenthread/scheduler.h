/*
 * Greenthreads as their own files see them.
 *
 * Invariants, for each OS thread:
 * - `current` runs. It is in no queue.
 * - A runnable one is in the run queue once; a parked one is in none and its
 *   waiter is where its waker will find it.
 * - The hub has a context of its own, `hub_thread`, never queued: it runs when
 *   the queue is empty or the budget of direct hand-overs is used up, and hands
 *   over to the head of the queue after each turn of the loop.
 * - A finished one that nobody will join is `dead` until the next spawn or
 *   finish frees it, since it still runs on its stack while it finishes.
 *
 * A greenthread's struct lies at the top of its stack, so that an idle one needs
 * one page:
 *
 *     bottom ... frames ... | a record, if it has one | struct | top
 */
#ifndef GREEN_SCHEDULER_H
#define GREEN_SCHEDULER_H

#include <greenhub/thread.h>

#include "base/list.h"
#include "context/notes.h"
#include "context/stack.h"
#include "greenthread/park.h"
#include "hub/hub.h"

enum green__state {
    GREEN__DELAYED,  /* spawned to start later */
    GREEN__RUNNABLE, /* in the run queue */
    GREEN__RUNNING,
    GREEN__PARKED,
    GREEN__FINISHED,
};

enum green__thread_flag {
    GREEN__STARTED = 1,
    GREEN__CANCELLED = 2, /* before it started */
    GREEN__KILLED = 4,
    GREEN__DETACHED = 8,
    GREEN__NO_RESULT = 16, /* spawn_n's fn returns nothing */
};

struct green_thread {
    struct green__context context;
    struct green_thread *next; /* in the run queue */
    struct green__waiter *waiter;
    struct green_region *regions; /* innermost first */
    unsigned alarms; /* fired ones in `regions`, and 1 when killed */
    int interrupt;   /* the errno that ends its park */
    uint8_t state;   /* enum green__state */
    uint8_t flags;
    union {
        void *(*function)(void *);
        void (*procedure)(void *); /* NO_RESULT */
    } start;
    void *arg; /* then the result */
    struct green__waiter *joiner;
    struct green_list all;
    struct green__stack *stack;   /* NULL for main */
    struct green__extras *extras; /* what few have */
    void *spawned_at;             /* code address */
};

/* Name, links, deferred functions, locals: made when first used. */
struct green__extras {
    char name[32];
    struct green_list links;  /* of struct link, join.c */
    struct green_list defers; /* of struct defer, extras.c; latest first */
    void *locals;             /* key.c */
    unsigned local_count;
};

struct green__scheduler {
    struct green_thread *current;
    struct green_thread *run_first, *run_last;
    struct green_hub *hub; /* self->hub */
    int *errno_place;      /* where this OS thread's errno is */
    int budget;      /* direct hand-overs left until the clock is looked at */
    int budget_size; /* how many were granted */
    green_time granted; /* when */
    uint32_t lot;       /* what green_choose has drawn last */
    struct green_thread *dead;
    /* green_dump runs this in each parked one in turn. */
    void (*inspect)(struct green__scheduler *scheduler);
    unsigned
        drops; /* how often the others were dropped, with a hub or by fork */
    struct green_list all;      /* but for hub_thread and the finished */
    struct green_list finished; /* those not joined yet that have extras */
    struct green__stack_pool stacks;
    bool cooling; /* cool_timer is armed */
    struct green_timer cool_timer;
    struct green_thread main;
    struct green_thread hub_thread;
};

/* This OS thread's, made on first use; NULL with errno as green_get_hub. */
struct green__scheduler *green__scheduler(void);

/* The greenthread that is calling; NULL in a hub's callback, or with errno when
 * there can be no hub. */
struct green_thread *green__current(void);

/* The end of the run queue. */
static inline void green__make_runnable(struct green__scheduler *s,
                                        struct green_thread *thread)
{
    thread->state = GREEN__RUNNABLE;
    thread->next = NULL;
    if (s->run_first)
        s->run_last->next = thread;
    else
        s->run_first = thread;
    s->run_last = thread;
}

/* The current one goes to the end of the run queue, and hands over. As
 * green__park: 0, or -1 with errno. */
int green__yield(void);

/* green__park for a waiter of this scheduler's current greenthread. */
int green__park_on(struct green__scheduler *s, struct green__waiter *waiter);

/* green__wake for a waiter of this scheduler's greenthreads. */
static inline void green__wake_on(struct green__scheduler *s,
                                  struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;

    if (green__likely(thread->state == GREEN__PARKED))
        green__make_runnable(s, thread);
    else
        thread->interrupt = 0; /* interrupted, but it has not run yet */
}

/* Ends a park with an error, if the greenthread is parked. */
void green__interrupt(struct green_thread *thread, int error);

/* The current one, parked or queued again, hands over. */
void green__switch_away(struct green__scheduler *s);

/* The current one has finished and hands over for ever: returns the context that
 * its own is to end with, at once. */
void *green__switch_last(struct green__scheduler *s);

/* The one function that switches between stacks. */
void green__switch_to(struct green__scheduler *s, struct green_thread *to);

/* interrupt.c: ECANCELED or ETIMEDOUT if a call of this one may not block, or 0.
 */
int green__interruption(const struct green_thread *thread);

/*
 * Regions. The calling greenthread enters one, and leaves its innermost: 0, or -1
 * with EDEADLK in a callback, EINVAL if it is not the innermost or not of that
 * kind. What has fired makes blocking calls in it fail with `error`, until it is
 * left; firing twice is firing once.
 */
enum green__region_kind {
    GREEN__TIMEOUT = 0x71e0,
    GREEN__SHIELD = 0x5e1d,
    GREEN__SCOPE = 0x5c09,
};
int green__region_enter(struct green_region *region,
                        enum green__region_kind kind);
int green__region_leave(struct green_region *region,
                        enum green__region_kind kind);
void green__region_fire(struct green_region *region, int error);

/* What lies below the struct on its stack, when something does. */
static inline size_t green__record_size(size_t size)
{
    return (size + 63) / 64 * 64;
}

static inline void *green__record_of(struct green_thread *thread, size_t size)
{
    return (char *)thread - green__record_size(size);
}

/*
 * spawn.c: a joinable greenthread that is not in the run queue yet, with a record
 * of so many bytes, which its caller fills in. It runs fn(record), and its end
 * calls ended(thread, record), as by green_link. NULL as green_spawn.
 */
struct green_thread *
green__spawn_prepare(void *(*fn)(void *record), size_t size,
                     void (*ended)(struct green_thread *thread, void *record),
                     void *spawned_at);
void green__spawn_start(struct green_thread *thread);

void green__free_dead(struct green__scheduler *s);
void green__thread_free(struct green__scheduler *s,
                        struct green_thread *thread);

/* One that has not started is dropped: its parent must not cancel it. */
void green__delay_forget(struct green_thread *thread);

/* join.c, extras.c, key.c: parts of a greenthread's end. */
void green__links_call(struct green_thread *thread);
void green__links_free(struct green__extras *extras);
void green__defers_run(struct green_thread *thread);
void green__defers_free(struct green__extras *extras);
void green__locals_destroy(struct green_thread *thread);
struct green__extras *green__extras(struct green_thread *thread);
void green__extras_free(struct green_thread *thread);

/* lifecycle.c */
extern const struct green__layer green__scheduler_layer;
void green__cool_later(struct green__scheduler *s);
void green__lifecycle_check(struct green__scheduler *s);

/* A fresh context for the hub, on its old stack. */
void green__hub_thread_make(struct green__scheduler *s);

/* overflow.c: the OS thread has begun, or ended, to use greenthreads. */
void green__overflow_thread_begins(void);
void green__overflow_thread_ends(void);

#endif
