/* The parts of a greenthread besides its stack, and the memory of all
 * greenthreads. */
#include "greenthread/thread.h"

#include <errno.h>
#include <stdio.h>

#include "base/system.h"

#define COOL_PERIOD GREEN_SEC
#define COOL_MORE (10 * GREEN_MSEC)

/* ---- All greenthreads ------------------------------------------------ */

struct each {
    void (*fn)(struct green_thread *thread, void *arg);
    void *arg;
};

static void call_if_alive(void *room, void *arg)
{
    struct green_thread *thread = room;
    struct each *each = arg;

    if (thread->state != GREEN__UNUSED && thread->state != GREEN__FINISHED)
        each->fn(thread, each->arg);
}

void green__each_thread(struct green__scheduler *s,
                        void (*fn)(struct green_thread *thread, void *arg),
                        void *arg)
{
    struct each each = {.fn = fn, .arg = arg};

    if (!s->main_is_gone)
        fn(&s->main, arg);
    green__stack_pool_each(&s->stacks, call_if_alive, &each);
}

/* ---- Returning memory to the system ---------------------------------- */

static void cool(struct green_timer *timer)
{
    struct green__scheduler *s = timer->arg;
    bool more = green__stack_pool_cool(&s->stacks);

    s->cooling = more || green__stack_pool_is_warm(&s->stacks);
    if (s->cooling)
        green_hub_schedule(s->hub, timer,
                           green__time_add(green__hub_now(s->hub),
                                           more ? COOL_MORE : COOL_PERIOD));
}

GREEN__COLD void green__cool_later(struct green__scheduler *s)
{
    if (s->cooling || !s->hub)
        return;
    s->cooling = true;
    s->cool_timer.callback = cool;
    s->cool_timer.arg = s;
    green_hub_schedule(s->hub, &s->cool_timer,
                       green__time_add(green__hub_now(s->hub), COOL_PERIOD));
}

/* ---- Interruption ---------------------------------------------------- */

int green__interruption(const struct green_thread *thread)
{
    int error = 0;

    for (const struct green_cancel_scope *r = thread->cancel_scopes; r;
         r = r->outer) {
        if (r->kind == GREEN__SHIELD)
            return error;
        if (r->error)
            error = r->error;
    }
    return thread->flags & GREEN__KILLED ? ECANCELED : error;
}

/* ---- Extras ---------------------------------------------------------- */

struct green__extras *green__extras(struct green_thread *thread)
{
    struct green__extras *extras = thread->extras;

    if (extras)
        return extras;
    extras = green__system.allocate(1, sizeof *extras);
    if (!extras) {
        errno = ENOMEM;
        return NULL;
    }
    green__list_init(&extras->links);
    green__list_init(&extras->exits);
    thread->extras = extras;
    return extras;
}

/* ---- Name ------------------------------------------------------------ */

const char *green_name(const struct green_thread *thread)
{
    if (!thread) {
        errno = EINVAL;
        return NULL;
    }
    return thread->extras ? thread->extras->name : "";
}

int green_set_name(struct green_thread *thread, const char *name)
{
    struct green__extras *extras;

    if (!thread || !name) {
        errno = EINVAL;
        return -1;
    }
    extras = green__extras(thread);
    if (!extras)
        return -1;
    snprintf(extras->name, sizeof extras->name, "%s", name);
    return 0;
}

/* ---- Functions at exit ----------------------------------------------- */

struct at_exit {
    struct green_list list;
    void (*fn)(void *);
    void *arg;
};

int green__at_exit(struct green_thread *thread, void (*fn)(void *), void *arg)
{
    struct green__extras *extras = green__extras(thread);
    struct at_exit *entry =
        extras ? green__system.allocate(1, sizeof *entry) : NULL;

    if (!entry)
        return green__refuse(ENOMEM);
    entry->fn = fn;
    entry->arg = arg;
    green__list_prepend(&extras->exits, &entry->list);
    return 0;
}

/* A function at exit may register others. */
void green__exits_run(struct green_thread *thread)
{
    while (thread->extras && !green__list_empty(&thread->extras->exits)) {
        struct at_exit *entry =
            container_of(thread->extras->exits.next, struct at_exit, list);
        struct at_exit copy = *entry;

        green__list_remove(&entry->list);
        green__system.release(entry);
        copy.fn(copy.arg);
    }
}

static void free_exits(struct green__extras *extras)
{
    while (!green__list_empty(&extras->exits)) {
        struct at_exit *entry =
            container_of(extras->exits.next, struct at_exit, list);

        green__list_remove(&entry->list);
        green__system.release(entry);
    }
}

/* ---- Links ----------------------------------------------------------- */

struct link {
    struct green_list list;
    void (*fn)(struct green_thread *thread, void *arg);
    void *arg;
};

int green_link(struct green_thread *thread,
               void (*fn)(struct green_thread *thread, void *arg), void *arg)
{
    struct green__extras *extras;
    struct link *link;

    if (!thread || !fn)
        return green__refuse(EINVAL);
    if (thread->state == GREEN__FINISHED) {
        fn(thread, arg);
        return 0;
    }
    extras = green__extras(thread);
    link = extras ? green__system.allocate(1, sizeof *link) : NULL;
    if (!link)
        return green__refuse(ENOMEM);
    link->fn = fn;
    link->arg = arg;
    green__list_append(&extras->links, &link->list);
    return 0;
}

int green_unlink(struct green_thread *thread,
                 void (*fn)(struct green_thread *thread, void *arg), void *arg)
{
    struct green_list *at;

    if (!thread || !fn)
        return green__refuse(EINVAL);
    if (!thread->extras)
        return green__refuse(ENOENT);
    green__list_each (&thread->extras->links, at) {
        struct link *link = container_of(at, struct link, list);

        if (link->fn == fn && link->arg == arg) {
            green__list_remove(at);
            green__system.release(link);
            return 0;
        }
    }
    return green__refuse(ENOENT);
}

void green__links_call(struct green_thread *thread)
{
    struct green_list *links = &thread->extras->links;

    while (!green__list_empty(links)) {
        struct link *link = container_of(links->next, struct link, list);
        struct link copy = *link;

        green__list_remove(&link->list);
        green__system.release(link);
        copy.fn(thread, copy.arg);
    }
}

static void free_links(struct green__extras *extras)
{
    while (!green__list_empty(&extras->links)) {
        struct link *link = container_of(extras->links.next, struct link, list);

        green__list_remove(&link->list);
        green__system.release(link);
    }
}

/* ---- Delayed start --------------------------------------------------- */

void green__delay_forget(struct green_thread *thread)
{
    struct green__delay *delay = green__delay_of(thread);

    if (delay->parent)
        green_unlink(delay->parent, delay->parent_ends, thread);
    delay->parent = NULL;
}

/* ---- Freeing --------------------------------------------------------- */

void green__extras_free(struct green_thread *thread)
{
    struct green__extras *extras = thread->extras;

    if (!extras)
        return;
    thread->extras = NULL;
    free_links(extras);
    free_exits(extras);
    green__system.release(extras->locals);
    green__system.release(extras->values);
    green__system.release(extras);
}

void green__parts_free(struct green_thread *thread)
{
    struct green__identity *identity = thread->identity;

    thread->identity = NULL;
    green__extras_free(thread);
    green__identity_release(identity);
}
