/*
 * Greenthreads as their own files see them.
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
#ifndef GREEN_SCHEDULER_H
#define GREEN_SCHEDULER_H

#include <limits.h>
#include <sys/types.h>

#include <greenhub/thread.h>

#include "base/chaos.h"
#include "base/list.h"
#include "context/context.h"
#include "context/notes.h"
#include "context/stack.h"
#include "greenthread/exceptions.h"
#include "greenthread/park.h"
#include "hub/hub.h"

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

struct green_thread {
    struct green__context context;
    struct green_thread *next; /* in the ring */
    struct green__waiter *waiter;
    struct green_region *regions; /* innermost first */
    unsigned alarms; /* fired ones in `regions`, and 1 when killed */
    int interrupt;   /* the errno that ends its park */
    int saved_errno; /* its errno, while another one runs */
    uint8_t state;   /* enum green__state */
    uint8_t flags;
    uint8_t overlooked; /* calls that a kill or timeout did not fail */
    union {
        void *(*function)(void *);
        void (*procedure)(void *); /* NO_RESULT */
    } start;
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
    struct green_list links;  /* of struct link, join.c */
    struct green_list defers; /* of struct defer, extras.c; latest first */
    void *locals;             /* key.c */
    unsigned local_count;
};

struct green__scheduler {
    struct green_thread *current, *last;
    int *errno_place; /* where this OS thread's errno is */
    int64_t switches; /* hand-overs on this hub, and yields with nobody else */
    int64_t limit;    /* of `switches`: then the clock is looked at. Calls that
                       * need not wait lower it */
    struct green_hub *hub;         /* self->hub */
    int budget;                    /* how many hand-overs were granted last */
    green_time granted;            /* when */
    int64_t switches_then;         /* `switches` when it was granted */
    struct green_thread *outsider; /* one that waited for the outside */
    uint32_t lot;                  /* what green_choose has drawn last */
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

/* This OS thread's, made on first use; NULL with errno as green_get_hub. */
struct green__scheduler *green__scheduler(void);

/* The greenthread that is calling; NULL in a hub's callback, or with errno when
 * there can be no hub. */
struct green_thread *green__current(void);

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

/* The hub's context takes the current one's place. */
struct green_thread *green__replace_by_hub(struct green__scheduler *s);

/* The budget is used up. True if the hub is to have a turn. */
bool green__budget_spent(struct green__scheduler *s);

/* ---- Calls that need not wait ---------------------------------------- */

/*
 * What a call costs of the budget that has not waited, in hand-overs: one that only
 * changes memory, and one that makes a system call, with so many bytes a hand-over
 * besides. One that may have asked a disk: nobody knows, so the clock is looked at.
 */
#define GREEN__COST_CALL 1
#define GREEN__COST_SYSTEM_CALL 4
#define GREEN__COST_BYTES 4096
#define GREEN__COST_DISK 256

/* Of a large transfer, besides. */
static inline int green__cost_of(ssize_t size)
{
    ssize_t cost = size / GREEN__COST_BYTES;

    return cost < INT_MAX / 2 ? (int)cost : INT_MAX / 2;
}

int green__call_refused(struct green_thread *thread);
int green__make_way(struct green__scheduler *s);
void green__call_ends_first(void);

/*
 * Every call that may switch begins with it, before it does anything. 0; or -1 with
 * ECANCELED or ETIMEDOUT, when a kill or a timeout has come that no call of this
 * greenthread has failed with yet. Never switches.
 */
static inline int green__call_begins(void)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(s && s->current->alarms))
        return green__call_refused(s->current);
    return 0;
}

/*
 * ... and ends with it, if it has not waited: a loop of such calls is not to keep
 * the hub and other greenthreads waiting. May switch; leaves errno alone.
 */
static inline void green__call_ends(int cost)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(!s)) {
        green__call_ends_first();
        return;
    }
    s->limit -= cost;
    if (green__unlikely(s->switches >= s->limit) || green__chaos(4))
        green__make_way(s);
}

/* The same around a result. */
static inline int green__call_done(int result)
{
    green__call_ends(GREEN__COST_CALL);
    return result;
}

/* ---- The ring, left -------------------------------------------------- */

/* The current one leaves the ring. Returns whose turn it is. */
static inline struct green_thread *
green__leave_ring(struct green__scheduler *s,
                  const struct green_thread *current)
{
    struct green_thread *first = current->next;

    if (green__unlikely(first == current) ||
        (green__unlikely(++s->switches >= s->limit) && green__budget_spent(s)))
        return green__replace_by_hub(s);
    s->last->next = first;
    return first;
}

/*
 * Has the processor fetch the stack of the one that runs after the next: by the
 * time of its turn it is there. With thousands of connections each stack has long
 * left the near caches: an echo at 5,000 took 9.25 us of CPU time without this, 8.62
 * with it (8.15 by hand). One step ahead would be too late, and a whole batch too
 * early: the kernel's work for each has driven it out again.
 */
static inline void green__prefetch_ahead(const struct green_thread *current)
{
    const struct green_thread *second = current->next->next;
    const char *sp = second->context.sp;

    for (int line = 0; line < 8; line++)
        __builtin_prefetch(sp + 64 * line);
    __builtin_prefetch(second->next);
}

/* ---- Switch, park, wake ---------------------------------------------- */

/* The one function that switches between stacks. Returns 0. */
int green__switch_to(struct green__scheduler *s, struct green_thread *to);

/* The current one has finished and hands over for ever: returns what its own
 * context is to end with, at once. */
GREEN__NO_SANITIZE static inline struct green__next_context
green__switch_last(struct green__scheduler *s, struct green_thread *from)
{
    struct green_thread *to = green__leave_ring(s, from);

    *s->errno_place = to->saved_errno;
    s->current = to;
    green__notes_before_switch(&from->context, &to->context, true);
    return (struct green__next_context){.load = to->context.sp, .arg = to};
}

/* What few parks meet: killed or timed out, before or during it. 0, or -1 with
 * errno. */
int green__park_refused(struct green_thread *thread);
int green__park_interrupted(struct green_thread *thread);

/* green__park for a waiter of this scheduler's current greenthread. Inlined where
 * each instruction counts. */
static inline int green__park_on(struct green__scheduler *s,
                                 struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;

    if (green__unlikely(thread->alarms) && green__park_refused(thread) < 0)
        return -1;
    waiter->since = s->hub->turn_time;
    thread->waiter = waiter;
    thread->state = GREEN__PARKED;
    green__switch_to(s, green__leave_ring(s, thread));
    thread->waiter = NULL;
    if (green__unlikely(thread->interrupt))
        return green__park_interrupted(thread);
    return 0;
}

/* green__wake, by the greenthread that waits. */
static inline void green__wake_thread(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    if (green__likely(thread->state == GREEN__PARKED)) {
        green__make_runnable(s, thread);
    } else if (thread->interrupt) { /* but it has not run yet */
        thread->interrupt = 0;
        thread->flags |= GREEN__ALARMED;
    }
}

/* The current one goes to the end of the run queue, and hands over. As
 * green__park: 0, or -1 with errno. */
int green__yield(void);

/* The same, killed or not. Returns 0. */
int green__rotate(struct green__scheduler *s);

/* green__wake for a waiter of this scheduler's greenthreads. */
static inline void green__wake_on(struct green__scheduler *s,
                                  struct green__waiter *waiter)
{
    green__wake_thread(s, waiter->thread);
}

/* Ends a park with an error, if the greenthread is parked. */
void green__interrupt(struct green_thread *thread, int error);

/* interrupt.c: ECANCELED or ETIMEDOUT if a call of this one may not block, or 0.
 */
int green__interruption(const struct green_thread *thread);

/*
 * Regions. The calling greenthread enters one, and leaves its innermost: 0, or -1
 * with EDEADLK in a callback, EBUSY if it is in it already, EINVAL if it is not the
 * innermost or not of that kind. `end` leaves one that was forgotten. What has fired makes blocking calls in it fail with `error`, until it is
 * left; firing twice is firing once.
 */
enum green__region_kind {
    GREEN__TIMEOUT = 0x71e0,
    GREEN__SHIELD = 0x5e1d,
    GREEN__SCOPE = 0x5c09,
};
int green__region_enter(struct green_region *region,
                        enum green__region_kind kind,
                        void (*end)(struct green_region *region),
                        void *begun_at);
int green__region_leave(struct green_region *region,
                        enum green__region_kind kind);
void green__region_fire(struct green_region *region, int error);

/* Ends those in which a greenthread still is when its function has returned. */
void green__regions_end(struct green_thread *thread);

/* What lies on the top of its stack, when something does. */
static inline size_t green__record_size(size_t size)
{
    return (size + 63) / 64 * 64;
}

static inline void *green__record_of(struct green_thread *thread, size_t size)
{
    return thread->stack->top - green__record_size(size);
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

/* dump.c: a code address, by its function's name if that is known. */
void green__describe_place(void *address, char *text, size_t size);

void green__extras_free(struct green_thread *thread);
void green__cool_later(struct green__scheduler *s);

/* Started and cancelled is one that was dropped with its hub. */
static inline void green__thread_free(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    struct green__stack *stack = thread->stack;

    if (green__unlikely(thread->extras != NULL))
        green__extras_free(thread);
    green__notes_done(&thread->context, (thread->flags & GREEN__STARTED) &&
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

/* One that has not started is dropped: its parent must not cancel it. */
void green__delay_forget(struct green_thread *thread);

/* join.c, extras.c, key.c: parts of a greenthread's end. */
void green__links_call(struct green_thread *thread);
void green__links_free(struct green__extras *extras);
void green__defers_run(struct green_thread *thread);
void green__defers_free(struct green__extras *extras);
void green__locals_destroy(struct green_thread *thread);
struct green__extras *green__extras(struct green_thread *thread);

/* lifecycle.c */
extern const struct green__layer green__scheduler_layer;
void green__lifecycle_check(struct green__scheduler *s);

/* deadlock.c: whether nothing can ever wake anybody, when the hub is about to wait
 * without a limit; and the end of that. */
bool green__is_deadlocked(struct green__scheduler *s);
void green__deadlock_end(struct green__scheduler *s);

/* A fresh context for the hub, on its old stack. */
void green__hub_thread_make(struct green__scheduler *s);

/* overflow.c: the OS thread has begun, or ended, to use greenthreads. */
void green__overflow_thread_begins(void);
void green__overflow_thread_ends(void);

#endif
