#include "sync/mailbox.h"

#include "base/system.h"

/* Runs in the mailbox's OS thread: wakes all posted greenthreads. */
static void wake_posted(struct green_call *call)
{
    struct green__mailbox *mailbox = call->arg;
    struct green_list posts;

    green__list_init(&posts);
    green__system.pthread_mutex_lock(&mailbox->mutex);
    mailbox->wakeup = GREEN__WAKEUP_IDLE;
    green__list_splice(&posts, &mailbox->posts);
    green__system.pthread_mutex_unlock(&mailbox->mutex);
    while (!green__list_empty(&posts)) {
        struct green__post *post =
            container_of(posts.next, struct green__post, link);

        green__list_remove(&post->link);
        green__wake_on(mailbox->scheduler, &post->waiter);
    }
}

/* Sets the state before any hub or wake-up, whatever it was. */
static void reset(struct green__mailbox *mailbox)
{
    mailbox->hub = NULL;
    mailbox->wakeup = GREEN__WAKEUP_IDLE;
    mailbox->call =
        (struct green_call){.callback = wake_posted, .arg = mailbox};
    green__list_init(&mailbox->posts);
}

static void ends(struct green__self *self)
{
    green__mailbox_release(self->mailbox);
    self->mailbox = NULL;
}

/* A forked child has no other OS threads, and shared objects are in an unknown
 * state, so it does not touch them. The fork may have cut a wake-up short. */
static void forked(struct green__self *self)
{
    green__system.pthread_mutex_init(&self->mailbox->mutex, NULL);
    reset(self->mailbox);
    green__list_init(&self->mailbox->waiting);
}

static const struct green__layer layer = {.ends = ends, .forked = forked};

static GREEN__COLD struct green__mailbox *make_mailbox(struct green__self *self)
{
    struct green__mailbox *mailbox = green__system.allocate(1, sizeof *mailbox);

    if (!mailbox ||
        green__system.pthread_mutex_init(&mailbox->mutex, NULL) != 0) {
        green__system.release(mailbox);
        errno = ENOMEM;
        return NULL;
    }
    if (green__self_register(self) < 0) {
        green__system.pthread_mutex_destroy(&mailbox->mutex);
        green__system.release(mailbox);
        return NULL;
    }
    atomic_init(&mailbox->holders, 1);
    green__list_init(&mailbox->waiting);
    reset(mailbox);
    self->mailbox = mailbox;
    self->mailbox_layer = &layer;
    return mailbox;
}

struct green__mailbox *green__mailbox(void)
{
    struct green__mailbox *mailbox = green__self_here()->mailbox;

    return green__likely(mailbox != NULL) ? mailbox
                                          : make_mailbox(green__self());
}

void green__mailbox_keep(struct green__mailbox *mailbox)
{
    atomic_fetch_add(&mailbox->holders, 1);
}

void green__mailbox_release(struct green__mailbox *mailbox)
{
    if (atomic_fetch_sub(&mailbox->holders, 1) > 1)
        return;
    green__system.pthread_mutex_destroy(&mailbox->mutex);
    green__system.release(mailbox);
}

/* ---- Waking ------------------------------------------------------------ */

void green__mailbox_post(struct green__mailbox *mailbox,
                         struct green__post *post,
                         struct green__mailbox **to_notify)
{
    green__system.pthread_mutex_lock(&mailbox->mutex);
    green__list_append(&mailbox->posts, &post->link);
    if (mailbox->wakeup == GREEN__WAKEUP_IDLE) {
        mailbox->wakeup = GREEN__WAKEUP_CLAIMED; /* this caller sends it */
        green__mailbox_keep(mailbox);
        mailbox->next = *to_notify;
        *to_notify = mailbox;
    }
    green__system.pthread_mutex_unlock(&mailbox->mutex);
}

void green__mailbox_take_back(struct green__mailbox *mailbox,
                              struct green__post *post)
{
    green__system.pthread_mutex_lock(&mailbox->mutex);
    green__list_remove(&post->link);
    green__system.pthread_mutex_unlock(&mailbox->mutex);
}

/* The mutex keeps the hub from closing during the call. */
static void notify(struct green__mailbox *mailbox)
{
    green__system.pthread_mutex_lock(&mailbox->mutex);
    mailbox->wakeup = mailbox->hub ? GREEN__WAKEUP_SENT : GREEN__WAKEUP_IDLE;
    if (mailbox->hub)
        green_hub_call_threadsafe(mailbox->hub, &mailbox->call);
    green__system.pthread_mutex_unlock(&mailbox->mutex);
    green__mailbox_release(mailbox);
}

void green__mailbox_notify_all(struct green__mailbox *to_notify)
{
    while (to_notify) {
        struct green__mailbox *mailbox = to_notify;

        to_notify = mailbox->next;
        notify(mailbox);
    }
}

/* ---- Its hub ----------------------------------------------------------- */

void green__mailbox_use_hub(struct green__mailbox *mailbox,
                            struct green__scheduler *s)
{
    mailbox->scheduler = s;
    green__hub_ref_add(s->hub, &mailbox->hub_ref);
    green__system.pthread_mutex_lock(&mailbox->mutex);
    mailbox->hub = s->hub;
    green__system.pthread_mutex_unlock(&mailbox->mutex);
}

/* A wake-up may have come after the hub dropped its pending calls. The hub
 * never makes that call, so clear it here. */
void green__mailbox_forget_hub(struct green__mailbox *mailbox)
{
    green__system.pthread_mutex_lock(&mailbox->mutex);
    mailbox->hub = NULL;
    mailbox->call.internal.pending = false;
    if (mailbox->wakeup == GREEN__WAKEUP_SENT)
        mailbox->wakeup = GREEN__WAKEUP_IDLE;
    green__system.pthread_mutex_unlock(&mailbox->mutex);
}

void green__mailbox_clear(struct green__mailbox *mailbox)
{
    green__system.pthread_mutex_lock(&mailbox->mutex);
    green__list_init(&mailbox->posts);
    green__system.pthread_mutex_unlock(&mailbox->mutex);
}
