#include "tools/debug_errand.h"

#include <errno.h>
#include <string.h>

#include "base/system.h"
#include "greenthread/schedulers.h"

/* ---- Life ------------------------------------------------------------ */

struct green__errand *green__errand_create(char **words)
{
    struct green__errand *errand;
    size_t size = 0;
    char *at;

    for (int i = 0; words[i]; i++)
        size += strlen(words[i]) + 1;
    errand = green__system.allocate(1, sizeof *errand + size);
    if (!errand) {
        errno = ENOMEM;
        return NULL;
    }
    errand->fd = -1;
    atomic_init(&errand->references, 1);
    at = errand->text;
    for (int i = 0; words[i]; i++) {
        errand->words[i] = at;
        at = stpcpy(at, words[i]) + 1;
    }
    return errand;
}

void green__errand_release(struct green__errand *errand)
{
    if (!errand || atomic_fetch_sub(&errand->references, 1) > 1)
        return;
    if (errand->fd >= 0)
        green__system.close(errand->fd);
    green__system.release(errand);
}

enum green__errand_state green__errand_leave(struct green__errand *errand)
{
    int asked = GREEN__ERRAND_ASKED;

    if (atomic_compare_exchange_strong(&errand->state, &asked,
                                       GREEN__ERRAND_LEFT))
        return GREEN__ERRAND_LEFT;
    return (enum green__errand_state)asked;
}

/* ---- On the OS thread ------------------------------------------------ */

static void finish(struct green__errand *errand, int error)
{
    errand->error = error;
    atomic_store(&errand->state, GREEN__ERRAND_DONE);
    green__door_wake();
    green__errand_release(errand);
}

struct search {
    const struct green_thread *wanted;
    bool found;
};

static void compare(struct green_thread *thread, void *arg)
{
    struct search *search = arg;

    search->found = search->found || thread == search->wanted;
}

/* It may have ended since it was seen. */
static int kill_one(struct green_thread *victim)
{
    struct search search = {.wanted = victim};

    green__each_thread(green__self_here()->scheduler, compare, &search);
    if (!search.found)
        return ESRCH;
    return green_kill(victim) < 0 ? errno : 0;
}

static void *run_command(void *arg)
{
    struct green__errand *errand = arg;

    errand->fn(errand->fd, errand->words, errand->arg);
    finish(errand, 0);
    return NULL;
}

static int start_command(struct green__errand *errand)
{
    struct green_attr attr = {.name = errand->words[0]};
    struct green_thread *thread = green_spawn_with(&attr, run_command, errand);

    return thread ? green_detach(thread) : -1;
}

static void on_call(struct green_call *call)
{
    struct green__errand *errand = call->arg;
    int asked = GREEN__ERRAND_ASKED;

    if (!atomic_compare_exchange_strong(&errand->state, &asked,
                                        GREEN__ERRAND_STARTED))
        green__errand_release(errand);
    else if (errand->victim)
        finish(errand, kill_one(errand->victim));
    else if (start_command(errand) < 0)
        finish(errand, errno);
}

/* ---- Asking ---------------------------------------------------------- */

static struct green__scheduler *find(int os_thread,
                                     const struct green__scheduler *wanted)
{
    struct green_list *at;

    for (at = green__schedulers.next; at != &green__schedulers; at = at->next) {
        struct green__scheduler *s =
            container_of(at, struct green__scheduler, others);

        if (s->os_thread == os_thread && (!wanted || s == wanted))
            return s->hub ? s : NULL;
    }
    return NULL;
}

int green__errand_ask(struct green__errand *errand, int os_thread,
                      const struct green__scheduler *scheduler)
{
    struct green__scheduler *s;

    errand->call = (struct green_call){.callback = on_call, .arg = errand};
    errand->os_thread = os_thread;
    green__schedulers_lock();
    s = find(os_thread, scheduler);
    if (s) {
        atomic_fetch_add(&errand->references, 1);
        green_hub_call_threadsafe(s->hub, &errand->call);
    }
    green__schedulers_unlock();
    return s ? 0 : green__refuse(ESRCH);
}
