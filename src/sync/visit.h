/*
 * How greenthreads of different OS threads wait for a shared object: each waits
 * on a place in the object's line, until another greenthread's visit serves it.
 *
 * A place is in one of three states, and changes its state under the object's
 * lock:
 *
 *     in line  -> settled and posted -> woken            another OS thread's
 *     in line  -> settled and woken                      its own
 *
 * A greenthread whose wait ended by a kill or a timeout checks under the lock.
 * If its place is still in line, it removes it. If the place is settled, it
 * takes its post back from the mailbox, and its wait has succeeded. So no value
 * is lost, and no OS thread touches the greenthread's stack afterwards. A
 * greenthread that another OS thread woke enters and leaves the lock too: the
 * waker has left it by then, and the greenthread may free the object.
 *
 * When a hub closes, it drops its greenthreads: waiting places are removed from
 * their lines, and values that they were given but had not seen are given back.
 *
 * Lock order: lock, mailbox.
 */
#ifndef GREEN_VISIT_H
#define GREEN_VISIT_H

#include "base/attributes.h"
#include "sync/biased_lock.h"
#include "sync/mailbox.h"

struct green__shared_place;
struct green__visit;

/* The first member of every shared object. */
struct green__shared {
    struct green__biased_lock lock;
    /* Takes back what a settled place was given. Called under the lock. May be
     * NULL. */
    void (*give_back)(struct green__visit *visit,
                      struct green__shared_place *place);
};

struct green__shared_place {
    struct green_list in_line;
    struct green_list own; /* in the mailbox's `waiting` */
    struct green__post post;
    struct green__shared *shared;
    struct green_list *line;
    struct green__mailbox *mailbox;
    bool settled;
    bool posted; /* by another OS thread */
    int error;   /* errno of its call; 0: it was served */
    void *value;
};

/* One visit to a shared object, from entering its lock to leaving it. */
struct green__visit {
    struct green__shared *shared;
    struct green__mailbox *mailbox; /* the caller's own, or NULL */
    struct green__mailbox *to_notify;
    bool biased;
};

static inline void green__visit_begin(struct green__visit *visit,
                                      struct green__shared *shared)
{
    visit->shared = shared;
    visit->mailbox = green__mailbox();
    visit->to_notify = NULL;
    visit->biased = green__biased_lock_enter(&shared->lock, visit->mailbox);
}

/* Leaves the lock, then wakes the hubs of posted places. Preserves errno. */
GREEN__PRIVATE void green__visit_end(struct green__visit *visit);

/* Takes the first place from a line, which must not be empty, and settles it.
 * Store its value, then post it. */
struct green__shared_place *green__shared_take(struct green_list *line);
/* The same for a place anywhere in its line. */
GREEN__PRIVATE void green__shared_take_one(struct green__shared_place *place);
GREEN__PRIVATE void green__shared_post(struct green__visit *visit,
                                       struct green__shared_place *place,
                                       int error);

/*
 * Waits at the end of a line. Call it within a visit, which it ends. Returns 0
 * when settled, with place->error; or -1 with errno, and the place is in no
 * line.
 */
int green__shared_wait(struct green__visit *visit, struct green_list *line,
                       struct green__shared_place *place,
                       const struct green__wait_kind *kind);

/*
 * The same in two steps, for a caller that has something to do in between, such
 * as releasing a mutex. It must not switch in between. Enter is called within a
 * visit, which goes on; it returns 0, or -1 with errno. After it, exactly one
 * of park and leave. park: as green__shared_wait, with a deadline, after which
 * it returns -1 with EAGAIN. leave: does not wait, and returns whether the
 * place was served meanwhile.
 */
GREEN__PRIVATE int green__shared_enter(struct green__visit *visit,
                                       struct green_list *line,
                                       struct green__shared_place *place,
                                       const struct green__wait_kind *kind);
GREEN__PRIVATE int green__shared_park(struct green__shared_place *place,
                                      green_time deadline);
GREEN__PRIVATE bool green__shared_leave(struct green__shared_place *place);

#endif
