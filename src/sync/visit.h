/*
 * How greenthreads of different OS threads wait for something that they share: in
 * its line, each on a place of its own, until a visit of another one serves them.
 *
 * A place is in one of three states, and moves on under the guard of what it waits
 * for:
 *
 *     in line  -> settled and posted -> woken            another OS thread's
 *     in line  -> settled and woken                      its own
 *
 * One whose wait was ended by a kill or a timeout looks under the guard: if it is
 * still in line it leaves; if it is settled it takes its place back from the
 * mailbox, and has got what it waited for. So nothing is lost, and nobody touches
 * the stack that it is on afterwards. One that was woken from another OS thread
 * passes through the guard, too: whoever woke it has left it then, and it may free
 * the thing.
 *
 * When a hub goes with its greenthreads, those that wait are taken out of their
 * lines, and what they had been given, but had not come to see, is given back.
 *
 * Locks are taken in the order: guard, mailbox.
 */
#ifndef GREEN_VISIT_H
#define GREEN_VISIT_H

#include "sync/biased_lock.h"
#include "sync/mailbox.h"

struct green__shared_place;
struct green__visit;

struct green__shared_line {
    struct green__shared_place *first, *last;
};

/* What all shared things begin with. */
struct green__shared {
    struct green__biased_lock guard;
    /* Takes back what a settled place was given; under the guard. May be NULL. */
    void (*give_back)(struct green__visit *visit,
                      struct green__shared_place *place);
};

struct green__shared_place {
    struct green__shared_place *next, *prev; /* in line */
    struct green_list own;                   /* in the mailbox's `waiting` */
    struct green__post post;
    struct green__shared *shared;
    struct green__shared_line *line;
    struct green__mailbox *mailbox;
    bool settled;
    bool posted; /* by another OS thread */
    int error; /* what its call fails with; 0: it has got what it waited for */
    void *value;
};

/* One visit to a shared thing, from entering its guard to leaving it. */
struct green__visit {
    struct green__shared *shared;
    struct green__mailbox *mailbox; /* the caller's own, or NULL */
    struct green__mailbox *to_ring;
    bool alone;
};

static inline void green__visit_begin(struct green__visit *visit,
                                      struct green__shared *shared)
{
    visit->shared = shared;
    visit->mailbox = green__mailbox();
    visit->to_ring = NULL;
    visit->alone = green__biased_lock_enter(&shared->guard, visit->mailbox);
}

/* Leaves the guard, and rings whom it has to. Leaves errno alone. */
void green__visit_end(struct green__visit *visit);

/* Takes the first out of a line, settled; there is one. Hand over what is handed
 * over, then post it. */
struct green__shared_place *green__shared_take(struct green__shared_line *line);
void green__shared_post(struct green__visit *visit,
                        struct green__shared_place *place, int error);

/*
 * Waits at the end of a line, with the visit begun, which this ends. 0 when
 * settled, with place->error; or -1 with errno, and it is out of the line.
 */
int green__shared_wait(struct green__visit *visit,
                       struct green__shared_line *line,
                       struct green__shared_place *place,
                       const struct green__wait_kind *kind);

#endif
