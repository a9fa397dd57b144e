#include "sync/mailbox.h"

#include "base/system.h"

/* ---- Lines ------------------------------------------------------------ */

static void append(struct green__shared_line *line,
                   struct green__shared_place *place)
{
    place->next = NULL;
    place->prev = line->last;
    if (line->last)
        line->last->next = place;
    else
        line->first = place;
    line->last = place;
}

static void take_out(struct green__shared_line *line,
                     struct green__shared_place *place)
{
    if (place->next)
        place->next->prev = place->prev;
    else
        line->last = place->prev;
    if (place->prev)
        place->prev->next = place->next;
    else
        line->first = place->next;
}

struct green__shared_place *green__shared_take(struct green__shared_line *line)
{
    struct green__shared_place *place = line->first;

    take_out(line, place);
    place->settled = true;
    return place;
}

/* ---- Mailboxes --------------------------------------------------------- */

/* In its own OS thread: wakes all that were posted. */
static void deliver(struct green_call *call)
{
    struct green__mailbox *mailbox = call->arg;
    struct green_list posts;

    green__list_init(&posts);
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->ring = GREEN__QUIET_BELL;
    green__list_splice(&posts, &mailbox->posts);
    pthread_mutex_unlock(&mailbox->mutex);
    while (!green__list_empty(&posts)) {
        struct green__shared_place *place =
            container_of(posts.next, struct green__shared_place, post);

        green__list_remove(&place->post);
        green__wake_on(mailbox->scheduler, &place->waiter);
    }
}

/* Quiet, and of no hub; whatever it was before. */
static void reset(struct green__mailbox *mailbox)
{
    mailbox->hub = NULL;
    mailbox->ring = GREEN__QUIET_BELL;
    mailbox->call = (struct green_call){.callback = deliver, .arg = mailbox};
    green__list_init(&mailbox->posts);
}

static void ends(struct green__self *self)
{
    green__mailbox_release(self->mailbox);
    self->mailbox = NULL;
}

/* In a forked child nobody else is left, and what is shared is as it happened to
 * be: it is left alone. Somebody may have been about to ring here. */
static void forked(struct green__self *self)
{
    pthread_mutex_init(&self->mailbox->mutex, NULL);
    reset(self->mailbox);
    green__list_init(&self->mailbox->waiting);
}

static const struct green__layer layer = {.ends = ends, .forked = forked};

static GREEN__COLD struct green__mailbox *make(struct green__self *self)
{
    struct green__mailbox *mailbox = green__system.allocate(1, sizeof *mailbox);

    if (!mailbox || pthread_mutex_init(&mailbox->mutex, NULL) != 0) {
        green__system.release(mailbox);
        errno = ENOMEM;
        return NULL;
    }
    if (green__self_register(self) < 0) {
        pthread_mutex_destroy(&mailbox->mutex);
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
    struct green__self *self = &green__self_here;

    return green__likely(self->mailbox != NULL) ? self->mailbox : make(self);
}

void green__mailbox_keep(struct green__mailbox *mailbox)
{
    atomic_fetch_add(&mailbox->holders, 1);
}

void green__mailbox_release(struct green__mailbox *mailbox)
{
    if (atomic_fetch_sub(&mailbox->holders, 1) > 1)
        return;
    pthread_mutex_destroy(&mailbox->mutex);
    green__system.release(mailbox);
}

/* ---- Waking ------------------------------------------------------------ */

void green__shared_post(struct green__visit *visit,
                        struct green__shared_place *place, int error)
{
    struct green__mailbox *mailbox = place->mailbox;

    place->error = error;
    if (mailbox == visit->mailbox) {
        green__wake_on(mailbox->scheduler, &place->waiter);
        return;
    }
    place->posted = true;
    pthread_mutex_lock(&mailbox->mutex);
    green__list_append(&mailbox->posts, &place->post);
    if (mailbox->ring == GREEN__QUIET_BELL) {
        mailbox->ring = GREEN__TO_BE_RUNG; /* by this visit, and no other */
        green__mailbox_keep(mailbox);
        mailbox->next = visit->to_ring;
        visit->to_ring = mailbox;
    }
    pthread_mutex_unlock(&mailbox->mutex);
}

/* Under the mailbox's mutex, so that the hub cannot go meanwhile. */
static void ring(struct green__mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->ring = mailbox->hub ? GREEN__RUNG : GREEN__QUIET_BELL;
    if (mailbox->hub)
        green_hub_call_threadsafe(mailbox->hub, &mailbox->call);
    pthread_mutex_unlock(&mailbox->mutex);
    green__mailbox_release(mailbox);
}

void green__visit_end(struct green__visit *visit)
{
    int saved = errno;

    green__guard_leave(&visit->shared->guard, visit->alone);
    while (green__unlikely(visit->to_ring != NULL)) {
        struct green__mailbox *mailbox = visit->to_ring;

        visit->to_ring = mailbox->next;
        ring(mailbox);
    }
    errno = saved;
}

/* ---- The end of a hub -------------------------------------------------- */

/* Its greenthread never runs again. */
static void withdraw(struct green__shared_place *place)
{
    struct green__visit visit;

    green__visit_begin(&visit, place->shared);
    if (!place->settled)
        take_out(place->line, place);
    else if (place->error == 0 && place->shared->give_back)
        place->shared->give_back(&visit, place);
    green__visit_end(&visit);
}

/* Nobody rings it from here on. It may have been rung since it forgot its calls,
 * by one that it will never make. */
static void forget_hub(struct green__mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->hub = NULL;
    mailbox->call.internal.pending = false;
    if (mailbox->ring == GREEN__RUNG)
        mailbox->ring = GREEN__QUIET_BELL;
    pthread_mutex_unlock(&mailbox->mutex);
}

static void hub_goes(struct green__lease *lease, bool is_child)
{
    struct green__mailbox *mailbox =
        container_of(lease, struct green__mailbox, lease);

    if (is_child)
        return; /* forked() sees to it */
    forget_hub(mailbox);
    /* The latest first, so that what goes back comes to lie in its order. */
    while (!green__list_empty(&mailbox->waiting)) {
        struct green__shared_place *place = container_of(
            mailbox->waiting.prev, struct green__shared_place, own);

        green__list_remove(&place->own);
        withdraw(place);
    }
    pthread_mutex_lock(&mailbox->mutex);
    green__list_init(&mailbox->posts);
    pthread_mutex_unlock(&mailbox->mutex);
}

/* ---- Waiting ------------------------------------------------------------ */

static void use_hub(struct green__mailbox *mailbox, struct green__scheduler *s)
{
    if (green__likely(mailbox->hub == s->hub))
        return;
    mailbox->scheduler = s;
    mailbox->lease.end = hub_goes;
    green__hub_let(s->hub, &mailbox->lease);
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->hub = s->hub;
    pthread_mutex_unlock(&mailbox->mutex);
}

static int prepare(const struct green__visit *visit,
                   struct green__shared_place *place,
                   const struct green__wait_kind *kind)
{
    struct green__scheduler *s = green__running();

    if (!visit->mailbox)
        return green__refuse(ENOMEM);
    if (!s) {
        if (!green__current())
            return -1;
        s = green__self()->scheduler;
    }
    use_hub(visit->mailbox, s);
    place->shared = visit->shared;
    place->mailbox = visit->mailbox;
    place->settled = false;
    place->posted = false;
    place->error = 0;
    place->waiter.thread = s->current;
    place->waiter.kind = kind;
    green__list_init(&place->post);
    return 0;
}

/* A kill or a timeout has ended the wait. 0: but not before it was served. */
static int give_up(struct green__shared_place *place, int error)
{
    struct green__visit visit;
    bool settled;

    green__visit_begin(&visit, place->shared);
    settled = place->settled;
    if (!settled)
        take_out(place->line, place);
    green__visit_end(&visit);
    if (!settled)
        return green__refuse(error);
    pthread_mutex_lock(&place->mailbox->mutex);
    green__list_remove(&place->post);
    pthread_mutex_unlock(&place->mailbox->mutex);
    return 0;
}

/* It was woken, and may free what it waited for: whoever woke it is still inside
 * if the mailbox was rung for something else just then. */
static void await_waker(struct green__shared_place *place)
{
    struct green__guard *guard = &place->shared->guard;

    green__guard_leave(guard, green__guard_enter(guard, place->mailbox));
}

int green__shared_wait(struct green__visit *visit,
                       struct green__shared_line *line,
                       struct green__shared_place *place,
                       const struct green__wait_kind *kind)
{
    int result;

    if (prepare(visit, place, kind) < 0) {
        green__visit_end(visit);
        return -1;
    }
    place->line = line;
    append(line, place);
    green__list_append(&place->mailbox->waiting, &place->own);
    green__visit_end(visit);
    result = green__park_on(place->mailbox->scheduler, &place->waiter);
    if (green__unlikely(result < 0))
        result = give_up(place, errno);
    else if (place->posted)
        await_waker(place);
    green__list_remove(&place->own);
    return result;
}
