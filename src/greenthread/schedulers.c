#include "greenthread/schedulers.h"

#include <pthread.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"

struct green_list green__schedulers = {&green__schedulers, &green__schedulers};

void (*green__schedulers_begin)(void);
void (*green__schedulers_woken)(const struct green__scheduler *s);
void (*green__schedulers_dropped)(const struct green__scheduler *s,
                                  const struct green_thread *survivor);

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepare_once = PTHREAD_ONCE_INIT;

void green__schedulers_lock(void)
{
    green__system.pthread_mutex_lock(&list_lock);
}

void green__schedulers_unlock(void)
{
    green__system.pthread_mutex_unlock(&list_lock);
}

/* The other OS threads are not in the child. */
static void keep_own(void)
{
    struct green__scheduler *s = green__self_here()->scheduler;

    green__list_init(&green__schedulers);
    if (s) {
        s->os_thread = green__system.gettid();
        green__list_append(&green__schedulers, &s->others);
    }
    green__schedulers_unlock();
}

/* Should it fail, a child may have schedulers of its parent in the list, whose
 * memory stays. */
static void prepare_forks(void)
{
    (void)pthread_atfork(green__schedulers_lock, green__schedulers_unlock,
                         keep_own);
}

static void woken(struct green_call *call)
{
    if (green__schedulers_woken)
        green__schedulers_woken(
            container_of(call, struct green__scheduler, wake));
}

void green__schedulers_add(struct green__scheduler *s)
{
    s->wake.callback = woken;
    green__system.pthread_once(&prepare_once, prepare_forks);
    s->os_thread = green__system.gettid();
    green__schedulers_lock();
    green__list_append(&green__schedulers, &s->others);
    green__schedulers_unlock();
}

void green__schedulers_remove(struct green__scheduler *s)
{
    green__schedulers_lock();
    green__list_remove(&s->others);
    green__schedulers_unlock();
}

/* It fails if the hub is being woken already. */
void green__schedulers_wake(struct green__scheduler *s)
{
    if (s->hub)
        (void)green_hub_call_threadsafe(s->hub, &s->wake);
}

void green__schedulers_wake_others(void)
{
    const struct green__scheduler *own = green__self_here()->scheduler;
    struct green_list *at;

    green__schedulers_lock();
    green__list_each (&green__schedulers, at) {
        struct green__scheduler *s =
            container_of(at, struct green__scheduler, others);

        if (s != own)
            green__schedulers_wake(s);
    }
    green__schedulers_unlock();
}
