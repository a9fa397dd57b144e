#include "sync/visit.h"

#include <errno.h>

/* ---- Serving and leaving ------------------------------------------------ */

void green__shared_take_one(struct green__shared_place *place)
{
    green__list_remove(&place->in_line);
    place->settled = true;
}

struct green__shared_place *green__shared_take(struct green_list *line)
{
    struct green__shared_place *place =
        container_of(line->next, struct green__shared_place, in_line);

    green__shared_take_one(place);
    return place;
}

void green__shared_post(struct green__visit *visit,
                        struct green__shared_place *place, int error)
{
    struct green__mailbox *mailbox = place->mailbox;

    place->error = error;
    if (mailbox == visit->mailbox) {
        green__wake_on(mailbox->scheduler, &place->post.waiter);
        return;
    }
    place->posted = true;
    green__mailbox_post(mailbox, &place->post, &visit->to_notify);
}

void green__visit_end(struct green__visit *visit)
{
    int saved = errno;

    green__biased_lock_leave(&visit->shared->lock, visit->biased);
    if (green__unlikely(visit->to_notify != NULL))
        green__mailbox_notify_all(visit->to_notify);
    errno = saved;
}

/* ---- The end of a hub -------------------------------------------------- */

/* Withdraws the place of a greenthread that never runs again. */
static void withdraw_place(struct green__shared_place *place)
{
    struct green__visit visit;

    green__visit_begin(&visit, place->shared);
    if (!place->settled)
        green__list_remove(&place->in_line);
    else if (place->error == 0 && place->shared->give_back)
        place->shared->give_back(&visit, place);
    green__visit_end(&visit);
}

static void on_hub_close(struct green__hub_ref *hub_ref, bool forked)
{
    struct green__mailbox *mailbox =
        container_of(hub_ref, struct green__mailbox, hub_ref);

    if (forked)
        return; /* the mailbox resets itself */
    green__mailbox_forget_hub(mailbox);
    /* The latest first, so that values given back keep their order. */
    while (!green__list_empty(&mailbox->waiting)) {
        struct green__shared_place *place = container_of(
            mailbox->waiting.prev, struct green__shared_place, own);

        green__list_remove(&place->own);
        withdraw_place(place);
    }
    green__mailbox_clear(mailbox);
}

/* ---- Waiting ------------------------------------------------------------ */

static void use_hub(struct green__mailbox *mailbox, struct green__scheduler *s)
{
    if (green__likely(mailbox->hub == s->hub))
        return;
    mailbox->hub_ref.end = on_hub_close;
    green__mailbox_use_hub(mailbox, s);
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
    place->post.waiter.thread = s->current;
    place->post.waiter.kind = kind;
    green__list_init(&place->post.link);
    return 0;
}

/* After a kill or a timeout has ended the wait. Returns 0 if the place was
 * served before, or -1 with `error`. */
static int give_up(struct green__shared_place *place, int error)
{
    struct green__visit visit;
    bool settled;

    green__visit_begin(&visit, place->shared);
    settled = place->settled;
    if (!settled)
        green__list_remove(&place->in_line);
    green__visit_end(&visit);
    if (!settled)
        return green__refuse(error);
    green__mailbox_take_back(place->mailbox, &place->post);
    return 0;
}

/* The caller may free the shared object as soon as it runs. If another wake-up
 * has already run the mailbox, the waker may still hold the lock: wait until it
 * leaves. */
static void await_waker(struct green__shared_place *place)
{
    struct green__biased_lock *lock = &place->shared->lock;

    green__biased_lock_leave(lock,
                             green__biased_lock_enter(lock, place->mailbox));
}

int green__shared_enter(struct green__visit *visit, struct green_list *line,
                        struct green__shared_place *place,
                        const struct green__wait_kind *kind)
{
    if (prepare(visit, place, kind) < 0)
        return -1;
    place->line = line;
    green__list_append(line, &place->in_line);
    green__list_append(&place->mailbox->waiting, &place->own);
    return 0;
}

int green__shared_park(struct green__shared_place *place, green_time deadline)
{
    int result = green__park_until(&place->post.waiter, deadline);

    if (green__unlikely(result < 0))
        result = give_up(place, errno);
    else if (place->posted)
        await_waker(place);
    green__list_remove(&place->own);
    return result;
}

bool green__shared_leave(struct green__shared_place *place)
{
    bool served = give_up(place, 0) == 0;

    if (served && place->posted)
        await_waker(place);
    green__list_remove(&place->own);
    return served;
}

int green__shared_wait(struct green__visit *visit, struct green_list *line,
                       struct green__shared_place *place,
                       const struct green__wait_kind *kind)
{
    int result = green__shared_enter(visit, line, place, kind);

    green__visit_end(visit);
    return result < 0 ? -1 : green__shared_park(place, GREEN_FOREVER);
}
