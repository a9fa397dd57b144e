/*
 * The structs of a greenthread and its scheduler. scheduler.h runs them.
 *
 * Invariants, for each OS thread:
 * - `current` is the running greenthread. It and the run queue are one ring,
 *   linked by `next`:
 *
 *       current -> first in the queue -> ... -> last in the queue -> current
 *
 *   with `last` the one before `current`, which is itself when the queue is
 *   empty. So a yield moves on by one, and changes no link.
 * - A runnable greenthread is in the ring once; a parked one is not in the
 *   ring, and its waiter is where its waker will find it.
 * - The hub has a context of its own, `hub_thread`. It enters the ring, as
 *   `current`, when the queue is empty or the budget of direct switches is used
 *   up, and leaves it after each iteration, when it switches to a greenthread.
 * - A finished detached greenthread is `dead` until the next spawn or finish
 *   frees it, since it still runs on its stack while it finishes.
 *
 * A greenthread's struct lies in the room of its stack, next to those of other
 * greenthreads: so a switch touches one page of the stack and no more. Its
 * record, if it has one, lies on the stack:
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
#include "greenthread/identity.h"
#include "hub/hub.h"

struct green__waiter;

/* What a signal handler does to a wait in a program whose signals the patch
 * library delivers, as signal(7) has it for system calls. */
enum green__signal_effect {
    GREEN__GOES_ON,
    GREEN__RESTARTS,  /* with SA_RESTART; else it fails with EINTR */
    GREEN__INTERRUPTS /* it fails with EINTR */
};

/* Describes a kind of wait for green_dump. */
struct green__wait_kind {
    const char *name; /* "read", "join", "sleep", ... */
    /* Adds details, such as "descriptor 7". May be NULL. */
    void (*describe)(const struct green__waiter *waiter, char *text,
                     size_t size);
    /* True if only a greenthread or a callback of this OS thread can end the
     * wait. When in doubt, false: such a wait never counts as part of a
     * deadlock. */
    bool inside;
    enum green__signal_effect signals;
    /* Where the descriptor that it waits for is, an int, counted from the
     * waiter; 0: it waits for none. */
    ptrdiff_t descriptor_at;
};

/* A waiting greenthread, on its stack; see park.h. */
struct green__waiter {
    /* the waiting greenthread; NULL in a hub's callback */
    struct green_thread *thread;
    const struct green__wait_kind *kind;
    green_time since; /* time of the iteration in which it parked */
};

enum green__state {
    GREEN__UNUSED,   /* the room of an unused stack */
    GREEN__DELAYED,  /* spawned to start later */
    GREEN__RUNNABLE, /* in the ring: running or queued */
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
    /* a kill or timeout has come, and no call has failed with it yet */
    GREEN__ALARMED = 64,
    /* its calls of libc are native, whatever is patched */
    GREEN__NATIVE = 128,
};

union green__start {
    void *(*function)(void *);
    void (*procedure)(void *); /* NO_RESULT */
};

struct green_thread {
    struct green__context context;
    struct green_thread *next; /* in the ring */
    struct green__waiter *waiter;
    struct green_cancel_scope *cancel_scopes; /* innermost first */
    unsigned alarms; /* fired cancel scopes, and 1 when killed */
    int interrupt;   /* the errno that ends its park */
    int saved_errno; /* its errno, while another greenthread runs */
    uint8_t state;   /* enum green__state */
    uint8_t flags;
    uint8_t overlooked; /* calls that succeeded despite a kill or timeout */
    union green__start start;
    void *arg; /* the function's argument, later its result */
    /* The first cache line ends here. */
    struct green_thread *joiner;
    struct green__extras *extras;     /* rarely used parts */
    void *spawned_at;                 /* code address */
    struct green__identity *identity; /* NULL: none */
    /* The second cache line ends with struct green__stack. */
};

_Static_assert(sizeof(struct green__context) > sizeof(void *) ||
                   GREEN__STACK_ROOM(sizeof(struct green_thread)) +
                           sizeof(struct green__stack) ==
                       128,
               "a greenthread is two cache lines");

static inline struct green_thread *
green__thread_of_stack(struct green__stack *stack)
{
    char *room = (char *)stack - GREEN__STACK_ROOM(sizeof(struct green_thread));

    return (struct green_thread *)(void *)room;
}

/* Not for main and the hub's context, whose structs lie in the scheduler's. */
static inline struct green__stack *
green__stack_of_thread(const struct green_thread *thread)
{
    char *room = (char *)thread;

    room += GREEN__STACK_ROOM(sizeof(struct green_thread));
    return (struct green__stack *)(void *)room;
}

struct green__gauge;
struct green__values;

/* Name, links, functions at exit, locals: allocated at first use. */
struct green__extras {
    char name[32];
    struct green_list links; /* of struct link, thread.c */
    struct green_list exits; /* of struct at_exit, thread.c; latest first */
    void *locals;            /* key.c */
    unsigned local_count;
    /* NULL if it has none */
    void (*destroy_locals)(struct green_thread *thread);
    /* The same for the C library's thread-specific data; src/patch/key.c. */
    struct green__values *values;
    void (*destroy_values)(struct green_thread *thread);
};

/* What blocking.c saw of an OS thread. */
struct green__watched {
    const struct green_thread *current;
    int64_t switches;
    green_time since;
    bool reported;
};

struct green__scheduler {
    struct green_thread *current, *last;
    int *errno_place; /* address of this OS thread's errno */
    /* bits of enum green__carry: what the switch has to do beyond stacks and
     * errno */
    unsigned carries;
    int os_tid;              /* see identity.h; with tid_place alone */
    int *tid_place;          /* NULL: thread ids do not change */
    void *os_thread_pointer; /* NULL: the thread pointer does not change */
    void *thread_pointer;    /* what the current greenthread has */
    /* switches on this hub, and yields with no other greenthread */
    int64_t switches;
    /* value of `switches` at which the clock is read. Calls that need not
     * wait lower it */
    int64_t limit;
    struct green_hub *hub;                /* self->hub */
    int budget;                           /* the last budget, in switches */
    green_time granted;                   /* when that budget was granted */
    int64_t switches_then;                /* `switches` when it was granted */
    struct green_thread *external_waiter; /* the last external waiter found */
    uint32_t lot; /* green_choose's last random number */
    struct green_thread *dead;
    struct green__runtimes runtimes; /* of C++ */
    unsigned drops;    /* times the other greenthreads were dropped, by a change
                     * of hub or a fork */
    uint64_t alive;    /* main included */
    bool main_is_gone; /* dropped with its hub, or not in this forked child */
    struct green__stack_pool stacks;
    uint64_t spawns; /* on this hub */
    bool cooling;    /* cool_timer is armed */
    struct green_timer cool_timer;
    struct green_thread main;
    struct green_thread hub_thread;
    /* of hub_thread; NULL if a fork in a callback has taken it */
    struct green__stack *hub_stack;
    /* of main, if that was a callback before a fork; else NULL: the OS
     * thread's */
    struct green__stack *main_stack;
    struct green_list others; /* in green__schedulers */
    int os_thread;            /* its thread id */
    struct green_call wake;   /* by green__schedulers_wake */
    struct green__watched watched;
    struct green__gauge *gauge; /* NULL: nobody has watched yet */
};

/* NULL: the OS thread's. */
static inline struct green__stack *
green__stack_of(const struct green__scheduler *s,
                const struct green_thread *thread)
{
    if (thread == &s->main)
        return s->main_stack;
    if (thread == &s->hub_thread)
        return s->hub_stack;
    return green__stack_of_thread(thread);
}

/* The stack of the current greenthread. NULL: the OS thread's. */
static inline struct green__stack *
green__current_stack(const struct green__scheduler *s)
{
    return green__stack_of(s, s->current);
}

/* Calls fn(thread, arg) for each greenthread that has not finished, main first;
 * fn may free it. */
void green__each_thread(struct green__scheduler *s,
                        void (*fn)(struct green_thread *thread, void *arg),
                        void *arg);

/* ---- The ring -------------------------------------------------------- */

/* Appends the greenthread to the run queue. */
static inline void green__make_runnable(struct green__scheduler *s,
                                        struct green_thread *thread)
{
    thread->state = GREEN__RUNNABLE;
    thread->next = s->current;
    s->last->next = thread;
    s->last = thread;
}

/* Whether any greenthread besides the current one is runnable. */
static inline bool green__others_runnable(const struct green__scheduler *s)
{
    return s->last != s->current;
}

/* ---- Extras ---------------------------------------------------------- */

/* Returns the extras, allocated if need be. NULL with ENOMEM. */
GREEN__PRIVATE struct green__extras *green__extras(struct green_thread *thread);
void green__extras_free(struct green_thread *thread);

/* Frees the extras, and releases the identity. */
void green__parts_free(struct green_thread *thread);

/* Adds a function to be called at its end. 0, or -1 with ENOMEM. */
int green__at_exit(struct green_thread *thread, void (*fn)(void *), void *arg);

/* Steps of a greenthread's end, if it has extras. */
void green__exits_run(struct green_thread *thread);
void green__links_call(struct green_thread *thread);

static inline void green__locals_destroy(struct green_thread *thread)
{
    if (thread->extras && thread->extras->destroy_locals)
        thread->extras->destroy_locals(thread);
    if (thread->extras && thread->extras->destroy_values)
        thread->extras->destroy_values(thread);
}

/* ---- Interruption ---------------------------------------------------- */

/* Returns ECANCELED or ETIMEDOUT if this greenthread's calls may not block, or
 * 0. A kill counts first, then the outermost cancel scope that has fired; a
 * shield keeps off a kill and the cancel scopes around it. */
int green__interruption(const struct green_thread *thread);

enum green__cancel_scope_kind {
    GREEN__TIMEOUT = 0x71e0,
    GREEN__SHIELD = 0x5e1d,
    GREEN__SCOPE = 0x5c09,
    GREEN__IDLE = 0x1d1e,
};

/* ---- The record at the top of the stack ------------------------------ */

static inline size_t green__record_size(size_t size)
{
    return (size + 63) / 64 * 64;
}

static inline void *green__record_of(struct green_thread *thread, size_t size)
{
    return green__stack_of_thread(thread)->top - green__record_size(size);
}

/* The record of a greenthread whose start is delayed: delay.c. */
struct green__delay {
    struct green_timer timer;
    struct green_thread *parent; /* its end cancels the greenthread; or NULL */
    void (*parent_ends)(struct green_thread *parent, void *thread);
};

static inline struct green__delay *green__delay_of(struct green_thread *thread)
{
    return green__record_of(thread, sizeof(struct green__delay));
}

/* Has the parent's end no longer cancel it. */
void green__delay_forget(struct green_thread *thread);

/* ---- Freeing --------------------------------------------------------- */

/* Schedules the return of unused memory to the system. */
void green__cool_later(struct green__scheduler *s);

/* A greenthread that is both started and cancelled was dropped with its hub. */
static inline void green__thread_free(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    struct green__stack *stack = green__stack_of_thread(thread);

    /* one test for both */
    if (green__unlikely((uintptr_t)thread->extras |
                        (uintptr_t)thread->identity))
        green__parts_free(thread);
    green__sanitizer_done(&thread->context,
                          (thread->flags & GREEN__STARTED) &&
                              (thread->flags & GREEN__CANCELLED));
    thread->state = GREEN__UNUSED;
    if (green__unlikely(green__stack_release(stack)))
        green__cool_later(s);
}

/* Frees the detached greenthread that finished last. */
static inline void green__free_dead(struct green__scheduler *s)
{
    struct green_thread *dead = s->dead;

    if (dead) {
        s->dead = NULL;
        green__thread_free(s, dead);
    }
}

#endif
