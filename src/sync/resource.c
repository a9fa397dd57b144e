/*
 * A pool of resources. Places are counted, as in sync/pool.c: a caller with a
 * place takes an idle resource or creates one. A greenthread of its own, the
 * reaper, destroys resources, so that putting one back never blocks.
 */
#include <greenhub/resource.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/reserved.h"
#include "base/system.h"
#include "greenthread/spawn.h"
#include "sync/waiters.h"

#define RETRY GREEN_SEC /* after a failure to spawn the reaper */

struct entry {
    struct green_list list; /* used, idle or doomed */
    void *resource;
    green_time created, idle_since;
};

struct green_resource_pool {
    struct green_resource_options options;
    struct green_hub *hub;
    size_t places, waiting; /* taken; callers waiting for one */
    size_t idle_count;
    uint64_t created, destroyed;
    struct green_list used, doomed;
    struct green_list idle; /* the last put back is first */
    struct green_waiters getters, destroyers;
    struct green_timer expiry;
    bool reaping;
};

static const struct green__wait_kind getting = {.name = "resource",
                                                .inside = true};
static const struct green__wait_kind ending = {.name = "end of resources",
                                               .inside = true};

static struct entry *entry_at(struct green_list *link)
{
    return container_of(link, struct entry, list);
}

static void move(struct entry *entry, struct green_list *to)
{
    green__list_remove(&entry->list);
    green__list_prepend(to, &entry->list);
}

/* ---- The reaper ------------------------------------------------------ */

static void *reap(void *arg)
{
    struct green_resource_pool *pool = arg;

    while (!green__list_empty(&pool->doomed)) {
        struct entry *entry = entry_at(pool->doomed.prev);

        green__list_remove(&entry->list);
        if (pool->options.destroy)
            pool->options.destroy(entry->resource, pool->options.arg);
        green__system.release(entry);
        pool->destroyed++;
    }
    return NULL;
}

static void start_reaper(struct green_resource_pool *pool);

static void reaper_ends(struct green_thread *thread, void *record)
{
    struct green_resource_pool *pool = *(struct green_resource_pool **)record;

    (void)thread;
    pool->reaping = false;
    start_reaper(pool); /* if a cancelled one left resources */
    green__line_wake_all(&pool->destroyers);
}

static void *reaper_main(void *record)
{
    return reap(*(struct green_resource_pool **)record);
}

static void expire_by(struct green_resource_pool *pool, green_time when)
{
    if (when < pool->expiry.when)
        green_hub_schedule(pool->hub, &pool->expiry, when);
}

static void start_reaper(struct green_resource_pool *pool)
{
    struct green_thread *thread;

    if (pool->reaping || green__list_empty(&pool->doomed))
        return;
    thread = green__spawn_prepare(reaper_main, sizeof pool, reaper_ends,
                                  (void *)(uintptr_t)reap);
    if (!thread) {
        expire_by(pool, green__time_add(green__hub_now(pool->hub), RETRY));
        return;
    }
    thread->flags |= GREEN__DETACHED;
    *(struct green_resource_pool **)green__record_of(thread, sizeof pool) =
        pool;
    pool->reaping = true;
    green__spawn_start(thread);
}

/* ---- Expiry ---------------------------------------------------------- */

static green_time add_limit(green_time since, green_time limit)
{
    return limit ? green__time_add(since, limit) : GREEN_FOREVER;
}

/* The time at which an idle resource expires. */
static green_time end_of(const struct green_resource_pool *pool,
                         const struct entry *entry)
{
    green_time idle = add_limit(entry->idle_since, pool->options.idle_limit);
    green_time age = add_limit(entry->created, pool->options.age_limit);

    return idle < age ? idle : age;
}

static void doom_idle(struct green_resource_pool *pool, struct entry *entry)
{
    pool->idle_count--;
    move(entry, &pool->doomed);
}

static void expire(struct green_timer *timer)
{
    struct green_resource_pool *pool = timer->arg;
    green_time now = green__hub_now(pool->hub), first = GREEN_FOREVER;
    struct green_list *link, *next;

    timer->when = GREEN_FOREVER;
    green__list_each_safe (&pool->idle, link, next) {
        green_time end = end_of(pool, entry_at(link));

        if (end <= now)
            doom_idle(pool, entry_at(link));
        else if (end < first)
            first = end;
    }
    expire_by(pool, first);
    start_reaper(pool);
}

/* ---- Places ---------------------------------------------------------- */

static void grant_places(struct green_resource_pool *pool)
{
    while (pool->places < pool->options.size &&
           !green__line_empty(&pool->getters)) {
        pool->places++;
        green__line_wake(green__line_take(&pool->getters));
    }
}

static void release_place(struct green_resource_pool *pool)
{
    pool->places--;
    grant_places(pool);
}

static int take_place(struct green_resource_pool *pool)
{
    struct green_place here;
    int result;

    if (pool->places < pool->options.size) {
        pool->places++;
        return 0;
    }
    pool->waiting++;
    result = green__line_wait(&pool->getters, &here, &getting);
    pool->waiting--;
    return result;
}

/* ---- Get and put ----------------------------------------------------- */

/* Takes an idle resource that has not expired, or returns NULL. */
static struct entry *take_idle(struct green_resource_pool *pool)
{
    green_time now = green__hub_now(pool->hub);
    struct entry *found = NULL;

    while (!found && !green__list_empty(&pool->idle)) {
        found = entry_at(pool->options.round_robin ? pool->idle.prev
                                                   : pool->idle.next);
        if (end_of(pool, found) <= now) {
            doom_idle(pool, found);
            found = NULL;
        }
    }
    if (found)
        pool->idle_count--;
    start_reaper(pool);
    return found;
}

static struct entry *make(struct green_resource_pool *pool)
{
    struct entry *entry = green__system.allocate(1, sizeof *entry);
    int error;

    if (!entry) {
        errno = ENOMEM;
        return NULL;
    }
    green__list_init(&entry->list);
    entry->resource = pool->options.create(pool->options.arg);
    if (entry->resource) {
        entry->created = green__hub_now(pool->hub);
        pool->created++;
        return entry;
    }
    error = errno;
    green__system.release(entry);
    errno = error;
    return NULL;
}

void *green_resource_get(struct green_resource_pool *pool)
{
    struct entry *entry;
    bool waits;
    int error;

    if (!pool) {
        errno = EINVAL;
        return NULL;
    }
    if (green__call_begins() < 0)
        return NULL;
    waits = pool->places >= pool->options.size;
    if (take_place(pool) < 0)
        return NULL;
    entry = take_idle(pool);
    if (!entry)
        entry = make(pool);
    error = errno;
    if (entry)
        move(entry, &pool->used);
    else
        release_place(pool);
    errno = error;
    if (!waits)
        green__call_ends(GREEN__COST_CALL);
    return entry ? entry->resource : NULL;
}

static int put_resource(struct green_resource_pool *pool, const void *resource,
                        bool is_broken)
{
    struct green_list *link;
    struct entry *entry;
    green_time now;

    if (!pool)
        return green__refuse(EINVAL);
    green__list_each (&pool->used, link)
        if (entry_at(link)->resource == resource)
            break;
    if (link == &pool->used)
        return green__refuse(ENOENT);
    entry = entry_at(link);
    now = green__hub_now(pool->hub);
    entry->idle_since = now;
    if (is_broken || pool->places > pool->options.size ||
        end_of(pool, entry) <= now) {
        move(entry, &pool->doomed);
        start_reaper(pool);
    } else {
        move(entry, &pool->idle);
        pool->idle_count++;
        expire_by(pool, end_of(pool, entry));
    }
    release_place(pool);
    return 0;
}

int green_resource_put(struct green_resource_pool *pool, void *resource)
{
    return put_resource(pool, resource, false);
}

int green_resource_discard(struct green_resource_pool *pool, void *resource)
{
    return put_resource(pool, resource, true);
}

/* ---- Other public functions ------------------------------------------ */

static bool is_valid(const struct green_resource_options *options)
{
    return options && options->create && options->idle_limit >= 0 &&
           options->age_limit >= 0 && GREEN__RESERVED_IS_ZERO(options);
}

struct green_resource_pool *
green_resource_pool_create(const struct green_resource_options *options)
{
    struct green_resource_pool *pool;
    struct green_hub *hub;

    if (!is_valid(options)) {
        errno = EINVAL;
        return NULL;
    }
    hub = green__hub_get();
    if (!hub)
        return NULL;
    pool = green__system.allocate(1, sizeof *pool);
    if (!pool) {
        errno = ENOMEM;
        return NULL;
    }
    pool->options = *options;
    if (pool->options.size == 0)
        pool->options.size = GREEN_RESOURCE_POOL_SIZE;
    pool->hub = hub;
    pool->expiry = (struct green_timer){
        .callback = expire, .arg = pool, .when = GREEN_FOREVER};
    green__list_init(&pool->used);
    green__list_init(&pool->doomed);
    green__list_init(&pool->idle);
    return pool;
}

int green_resource_pool_resize(struct green_resource_pool *pool, size_t size)
{
    if (!pool || size == 0)
        return green__refuse(EINVAL);
    pool->options.size = size;
    while (pool->idle_count > 0 && pool->idle_count + pool->places > size)
        doom_idle(pool, entry_at(pool->idle.prev));
    start_reaper(pool);
    grant_places(pool);
    return 0;
}

int green_resource_pool_stats(const struct green_resource_pool *pool,
                              struct green_resource_stats *stats)
{
    if (!pool || !stats)
        return green__refuse(EINVAL);
    *stats = (struct green_resource_stats){
        .size = pool->options.size,
        .used = pool->places,
        .idle = pool->idle_count,
        .waiting = pool->waiting,
        .created = pool->created,
        .destroyed = pool->destroyed,
    };
    return 0;
}

/* Shielded if there is a hub; without one there are no interruptions. */
static void reap_all(struct green_resource_pool *pool)
{
    struct green_shield shield;
    struct green_place here;
    bool shielded = green_shield_begin(&shield) == 0;

    while (pool->reaping)
        green__line_wait(&pool->destroyers, &here, &ending);
    reap(pool);
    if (shielded)
        green_shield_end(&shield);
}

/* In a forked child the pool's hub is gone and a new one may be impossible;
 * idle resources can be destroyed without one. */
int green_resource_pool_destroy(struct green_resource_pool *pool)
{
    bool has_hub;

    if (!pool)
        return 0;
    if (green__in_callback())
        return green__refuse(EDEADLK);
    if (pool->places > 0 || pool->waiting > 0)
        return green__refuse(EBUSY);
    has_hub = pool->hub == green__hub_here();
    if (has_hub)
        green_hub_cancel(pool->hub, &pool->expiry);
    else
        pool->reaping = false; /* the reaper went with the hub */
    while (pool->idle_count > 0)
        doom_idle(pool, entry_at(pool->idle.next));
    if (!green__list_empty(&pool->doomed) || pool->reaping)
        reap_all(pool);
    green__system.release(pool);
    return 0;
}
