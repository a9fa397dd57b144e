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
    green__list_init(&errand->list);
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

/* Those of OS threads that have not begun them yet, and those that greenthreads
 * run. Guarded by green__schedulers_lock, which is unlocked in a forked child. */
static struct green_list asked = {&asked, &asked};
static struct green_list started = {&started, &started};

/* The next one of that OS thread, or NULL. With the lock. */
static struct green__errand *find_errand(const struct green_list *list,
                                         const struct green__scheduler *s)
{
    const struct green_list *at;

    green__list_each (list, at) {
        struct green__errand *errand =
            container_of((struct green_list *)at, struct green__errand, list);

        if (errand->scheduler == s)
            return errand;
    }
    return NULL;
}

/* It is in no list any more. */
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

static void move(struct green__errand *errand, struct green_list *to)
{
    green__schedulers_lock();
    green__list_remove(&errand->list);
    if (to)
        green__list_append(to, &errand->list);
    green__schedulers_unlock();
}

/* It is joinable as long as it runs, so that it is there if it is dropped. */
static void *run_command(void *arg)
{
    struct green__errand *errand = arg;

    errand->fn(errand->fd, errand->words, errand->arg);
    move(errand, NULL);
    (void)green_detach(errand->thread);
    finish(errand, 0);
    return NULL;
}

static void start_command(struct green__errand *errand)
{
    struct green_attr attr = {.name = errand->words[0]};

    errand->thread = green_spawn_with(&attr, run_command, errand);
    if (errand->thread)
        move(errand, &started);
    else
        finish(errand, errno);
}

static bool begin(struct green__errand *errand)
{
    int expected = GREEN__ERRAND_ASKED;

    return atomic_compare_exchange_strong(&errand->state, &expected,
                                          GREEN__ERRAND_STARTED);
}

static struct green__errand *take(const struct green__scheduler *s)
{
    struct green__errand *errand;

    green__schedulers_lock();
    errand = find_errand(&asked, s);
    if (errand)
        green__list_remove(&errand->list);
    green__schedulers_unlock();
    return errand;
}

static void run_asked(const struct green__scheduler *s)
{
    struct green__errand *errand;

    while ((errand = take(s)) != NULL) {
        if (!begin(errand))
            green__errand_release(errand);
        else if (errand->victim)
            finish(errand, kill_one(errand->victim));
        else
            start_command(errand);
    }
}

/* The survivor goes on with its own. */
static void end_started(const struct green__scheduler *s,
                        const struct green_thread *survivor)
{
    struct green_list *at, *following;

    green__list_each_safe (&started, at, following) {
        struct green__errand *errand =
            container_of(at, struct green__errand, list);

        if (errand->scheduler != s || (survivor && errand->thread == survivor))
            continue;
        green__list_remove(&errand->list);
        (void)green_detach(errand->thread);
        finish(errand, ECANCELED);
    }
}

static void end_all(const struct green__scheduler *s,
                    const struct green_thread *survivor)
{
    struct green__errand *errand;

    green__schedulers_lock();
    while ((errand = find_errand(&asked, s)) != NULL) {
        green__list_remove(&errand->list);
        if (begin(errand))
            finish(errand, ECANCELED);
        else
            green__errand_release(errand);
    }
    end_started(s, survivor);
    green__schedulers_unlock();
}

static void forget(struct green_list *list)
{
    while (!green__list_empty(list))
        green__list_remove(list->next);
}

void green__errands_forget(void)
{
    forget(&asked);
    forget(&started);
}

/* ---- Asking ---------------------------------------------------------- */

static struct green__scheduler *find(int os_thread,
                                     const struct green__scheduler *wanted)
{
    struct green_list *at;

    green__list_each (&green__schedulers, at) {
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

    errand->os_thread = os_thread;
    green__schedulers_lock();
    s = find(os_thread, scheduler);
    if (s) {
        errand->scheduler = s;
        atomic_fetch_add(&errand->references, 1);
        green__list_append(&asked, &errand->list);
        green__schedulers_wake(s);
    }
    green__schedulers_unlock();
    return s ? 0 : green__refuse(ESRCH);
}

__attribute__((constructor)) static void ask_to_be_told(void)
{
    green__schedulers_woken = run_asked;
    green__schedulers_dropped = end_all;
}
