/*
 * How one OS thread wakes the greenthreads of another. Each OS thread that uses
 * shared objects has a mailbox, which is reference-counted and may outlive the
 * hub and the OS thread. To wake a greenthread, the waker puts its post into
 * the mailbox of the greenthread's OS thread and wakes that hub.
 */
#ifndef GREEN_MAILBOX_H
#define GREEN_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "greenthread/scheduler.h"

/* A greenthread to wake. */
struct green__post {
    struct green_list link; /* in the mailbox */
    struct green__waiter waiter;
};

enum green__wakeup_state {
    GREEN__WAKEUP_IDLE,
    GREEN__WAKEUP_CLAIMED,
    GREEN__WAKEUP_SENT
};

struct green__mailbox {
    atomic_int holders;
    struct green_list waiting; /* this OS thread's places; it alone uses them */
    struct green__scheduler *scheduler; /* likewise */
    struct green__hub_ref hub_ref;      /* likewise; of `hub` */

    pthread_mutex_t mutex; /* guards the fields below */
    struct green_hub *hub; /* NULL: none yet, or closed */
    struct green_list posts;
    enum green__wakeup_state wakeup;
    struct green__mailbox *next; /* in a waker's list of mailboxes to notify */
    struct green_call call;
};

/* Returns the calling OS thread's mailbox, or NULL with ENOMEM. Needs no
 * hub. */
GREEN__PRIVATE struct green__mailbox *green__mailbox(void);

void green__mailbox_keep(struct green__mailbox *mailbox);
void green__mailbox_release(struct green__mailbox *mailbox);

/* Puts a post into the mailbox. If its hub needs a wake-up, adds the mailbox to
 * the front of *to_notify. */
void green__mailbox_post(struct green__mailbox *mailbox,
                         struct green__post *post,
                         struct green__mailbox **to_notify);
/* Removes a post if it is still in the mailbox. */
void green__mailbox_take_back(struct green__mailbox *mailbox,
                              struct green__post *post);
/* Wakes the mailboxes' hubs. The caller holds no lock. */
void green__mailbox_notify_all(struct green__mailbox *to_notify);

/* Called by the mailbox's OS thread: the mailbox wakes this hub until the hub,
 * when it closes, calls `end` of hub_ref. The caller sets `end` before. */
void green__mailbox_use_hub(struct green__mailbox *mailbox,
                            struct green__scheduler *s);
/* From now on no OS thread wakes the hub. */
void green__mailbox_forget_hub(struct green__mailbox *mailbox);
/* Drops all posts, once no OS thread can post any more. */
void green__mailbox_clear(struct green__mailbox *mailbox);

#endif
