/*
 * How one OS thread wakes the greenthreads of another. Each OS thread that uses
 * something shared has a mailbox; it outlives the hub and the thread as long as
 * somebody holds it. To wake a greenthread of another OS thread, its post is put
 * into that one's mailbox, and the mailbox rings its hub.
 */
#ifndef GREEN_MAILBOX_H
#define GREEN_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "greenthread/scheduler.h"

/* A greenthread that is to be woken. */
struct green__post {
    struct green_list link; /* in the mailbox */
    struct green__waiter waiter;
};

enum green__ring { GREEN__QUIET_BELL, GREEN__TO_BE_RUNG, GREEN__RUNG };

struct green__mailbox {
    atomic_int holders;
    struct green_list waiting; /* places of this OS thread; its own business */
    struct green__scheduler *scheduler; /* likewise */
    struct green__hub_ref hub_ref;      /* likewise: of `hub` */

    pthread_mutex_t mutex; /* for the rest */
    struct green_hub *hub; /* NULL: none yet, or gone */
    struct green_list posts;
    enum green__ring ring;
    struct green__mailbox *next; /* among those that a waker has to ring */
    struct green_call call;
};

/* The calling OS thread's; NULL with ENOMEM. Needs no hub. */
struct green__mailbox *green__mailbox(void);

void green__mailbox_keep(struct green__mailbox *mailbox);
void green__mailbox_release(struct green__mailbox *mailbox);

/* If the mailbox is to be rung for it, it comes to stand first in *to_ring. */
void green__mailbox_post(struct green__mailbox *mailbox,
                         struct green__post *post,
                         struct green__mailbox **to_ring);
/* If it still is in the mailbox. */
void green__mailbox_take_back(struct green__mailbox *mailbox,
                              struct green__post *post);
/* Under no lock of the caller's. */
void green__mailbox_ring_all(struct green__mailbox *to_ring);

/* For its own OS thread: has it ring this hub, until that tells the hub_ref, whose
 * `end` is set, that it goes. */
void green__mailbox_use_hub(struct green__mailbox *mailbox,
                            struct green__scheduler *s);
/* Nobody rings the hub from here on. */
void green__mailbox_forget_hub(struct green__mailbox *mailbox);
/* Forgets what was posted, when nobody can post any more. */
void green__mailbox_clear(struct green__mailbox *mailbox);

#endif
