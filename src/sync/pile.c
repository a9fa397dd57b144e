/*
 * A pile: a list of entries in the order of spawning. An entry is on the heap
 * from spawn to take. A taker waits until the first entry has its result, and
 * gets the entry itself, so that a kill after that loses no result.
 */
#include <greenhub/pool.h>

#include "base/list.h"
#include "base/system.h"
#include "greenthread/spawn.h"
#include "sync/pool.h"

struct entry {
    struct green_list list; /* in the pile */
    struct green_pile *pile;
    void *(*fn)(void *);
    void *arg;
    void *result;
    int error; /* errno after fn */
    bool done, has_result;
    bool is_end;                 /* the end of a map that failed */
    struct green_thread *thread; /* NULL when done or run inside */
};

struct taker {
    struct green_place place;
    struct entry *entry; /* NULL: none left */
};

/* The producer of a map's jobs; on the stack of its greenthread. */
struct map {
    struct green_pile *pile;
    void *(*fn)(void *item);
    int (*next)(void *source, void **item);
    void *source;
    bool may_run_inside; /* a job of the pool has called green_pile_map */
    struct green_thread *thread;
    struct entry *failure;     /* the entry for an error of the map */
    struct green_waiters room; /* the producer waits here */
};

static const struct green__wait_kind taking = {.name = "result of a pile",
                                               .inside = true};
static const struct green__wait_kind running_ahead = {.name = "room in a map",
                                                      .inside = true};
static const struct green__wait_kind ending = {.name = "end of a pile",
                                               .inside = true};

static struct green_pool *pool_of(struct green_pile *pile)
{
    return pile->internal.pool ? pile->internal.pool : &pile->internal.own;
}

/* A zero-initialised pile has an empty list too. */
static struct green_list *entries_of(struct green_pile *pile)
{
    if (!pile->internal.entries.next)
        green__list_init(&pile->internal.entries);
    return &pile->internal.entries;
}

static struct entry *first_of(struct green_pile *pile)
{
    struct green_list *entries = entries_of(pile);

    return green__list_empty(entries)
               ? NULL
               : container_of(entries->next, struct entry, list);
}

/* ---- Taking ---------------------------------------------------------- */

static struct entry *take_entry(struct green_pile *pile)
{
    struct entry *entry = first_of(pile);
    struct map *map = pile->internal.map;

    green__list_remove(&entry->list);
    pile->internal.count--;
    if (map)
        green__line_wake_first(&map->room);
    return entry;
}

/* Gives results to waiting takers, in order. */
static void serve_takers(struct green_pile *pile)
{
    struct green_waiters *line = &pile->internal.takers;

    while (!green__line_empty(line)) {
        struct entry *first = first_of(pile);
        struct green_place *place;

        if (first ? !first->done : pile->internal.map != NULL)
            return;
        place = green__line_take(line);
        container_of(place, struct taker, place)->entry =
            first ? take_entry(pile) : NULL;
        green__line_wake(place);
    }
}

/* Returns a taken entry's result as green_pile_next does, and frees the
 * entry. */
static int return_entry(struct entry *entry, void **result)
{
    int error = entry->error;
    bool is_end = entry->is_end;

    if (result && !is_end)
        *result = entry->result;
    green__system.release(entry);
    errno = error;
    return is_end ? 0 : 1;
}

static int return_end(void)
{
    errno = 0;
    return 0;
}

int green_pile_next(struct green_pile *pile, void **result)
{
    struct taker taker;
    struct entry *first;

    if (!pile)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    first = first_of(pile);
    if (green__line_empty(&pile->internal.takers)) {
        if (first && first->done)
            return green__call_done(return_entry(take_entry(pile), result));
        if (!first && !pile->internal.map)
            return green__call_done(return_end());
    }
    if (green__line_wait(&pile->internal.takers, &taker.place, &taking) < 0)
        return -1;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.*): set by the waker */
    return taker.entry ? return_entry(taker.entry, result) : return_end();
}

/* ---- Spawning -------------------------------------------------------- */

static void entry_main(void *arg)
{
    struct entry *entry = arg;

    errno = 0;
    entry->result = entry->fn(entry->arg);
    entry->error = errno;
    entry->has_result = true;
}

static void wake_if_idle(struct green_pile *pile)
{
    if (pile->internal.busy == 0 && !pile->internal.map)
        green__line_wake_all(&pile->internal.enders);
}

static void entry_ended(void *arg)
{
    struct entry *entry = arg;
    struct green_pile *pile = entry->pile;

    entry->thread = NULL;
    entry->done = true;
    if (!entry->has_result) { /* cancelled before it began */
        entry->result = GREEN_CANCELED;
        entry->error = ECANCELED;
    }
    pile->internal.busy--;
    serve_takers(pile);
    wake_if_idle(pile);
}

static struct entry *make_entry(struct green_pile *pile, void *(*fn)(void *),
                                void *arg)
{
    struct entry *entry = green__system.allocate(1, sizeof *entry);

    if (!entry) {
        errno = ENOMEM;
        return NULL;
    }
    *entry = (struct entry){.pile = pile, .fn = fn, .arg = arg};
    return entry;
}

static void append(struct green_pile *pile, struct entry *entry)
{
    green__list_append(entries_of(pile), &entry->list);
    pile->internal.count++;
}

/* Starts an entry that has a place in the pool. */
static int start(struct green_pile *pile, struct entry *entry, void *spawned_at)
{
    const struct green__pool_job job = {
        .pool = pool_of(pile),
        .procedure = entry_main,
        .arg = entry,
        .ended = entry_ended,
    };

    entry->thread = green__pool_prepare(&job, spawned_at);
    if (!entry->thread)
        return -1;
    append(pile, entry);
    pile->internal.busy++;
    green__spawn_start(entry->thread);
    return 0;
}

static int spawn_entry(struct green_pile *pile, struct entry *entry,
                       bool may_run_inside, void *spawned_at)
{
    int inside = green__pool_enter(pool_of(pile), may_run_inside);

    if (inside < 0)
        return -1;
    if (pile->internal.ending) {
        if (!inside)
            green__pool_leave(pool_of(pile));
        return green__refuse(ECANCELED);
    }
    if (!inside)
        return start(pile, entry, spawned_at);
    append(pile, entry);
    pile->internal.busy++;
    entry_main(entry);
    entry_ended(entry);
    return 0;
}

static int spawn(struct green_pile *pile, void *(*fn)(void *), void *arg,
                 bool may_run_inside, void *spawned_at)
{
    struct entry *entry = make_entry(pile, fn, arg);
    int error;

    if (!entry)
        return -1;
    if (spawn_entry(pile, entry, may_run_inside, spawned_at) == 0)
        return 0;
    error = errno;
    green__system.release(entry);
    return green__refuse(error);
}

int green_pile_spawn(struct green_pile *pile, void *(*fn)(void *), void *arg)
{
    if (!pile || !fn)
        return green__refuse(EINVAL);
    if (pile->internal.map)
        return green__refuse(EBUSY);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    return green__call_done(
        spawn(pile, fn, arg, false, __builtin_return_address(0)));
}

/* ---- Map ------------------------------------------------------------- */

static int wait_for_room(struct map *map)
{
    struct green_pile *pile = map->pile;
    struct green_place here;

    while (pile->internal.count > 0 &&
           (ptrdiff_t)pile->internal.count >=
               green_pool_free(pool_of(pile)) +
                   (ptrdiff_t)green_pool_running(pool_of(pile)))
        if (green__line_wait(&map->room, &here, &running_ahead) < 0)
            return -1;
    return 0;
}

/* Spawns jobs until `next` has no more items (0) or a call fails (-1). */
static int produce(struct map *map)
{
    void *item = NULL;
    int result = wait_for_room(map);

    while (result == 0) {
        result = map->next(map->source, &item);
        if (result != 1)
            return result;
        result = spawn(map->pile, map->fn, item, map->may_run_inside,
                       __builtin_return_address(0));
        if (result == 0)
            result = wait_for_room(map);
    }
    return result;
}

static void *map_main(void *arg)
{
    struct map *map = arg;

    if (produce(map) < 0) {
        map->failure->error = errno ? errno : EIO;
        map->failure->is_end = true;
        map->failure->done = true;
        append(map->pile, map->failure);
        map->failure = NULL;
    }
    return NULL;
}

static void map_ends(struct green_thread *thread, void *arg)
{
    struct map *map = arg;
    struct green_pile *pile = map->pile;

    (void)thread;
    green__system.release(map->failure);
    pile->internal.map = NULL;
    serve_takers(pile);
    wake_if_idle(pile);
}

int green_pile_map(struct green_pile *pile, void *(*fn)(void *item),
                   int (*next)(void *source, void **item), void *source)
{
    struct green_thread *thread;
    struct entry *failure;
    struct map *map;

    if (!pile || !fn || !next)
        return green__refuse(EINVAL);
    if (pile->internal.map || pile->internal.ending)
        return green__refuse(pile->internal.map ? EBUSY : ECANCELED);
    failure = make_entry(pile, NULL, NULL);
    if (!failure)
        return -1;
    thread = green__spawn_prepare(map_main, sizeof *map, map_ends,
                                  __builtin_return_address(0));
    if (!thread) {
        green__system.release(failure);
        return -1;
    }
    thread->flags |= GREEN__DETACHED;
    map = green__record_of(thread, sizeof *map);
    *map = (struct map){
        .pile = pile,
        .fn = fn,
        .next = next,
        .source = source,
        .may_run_inside = green__pool_is_inside(pool_of(pile)),
        .thread = thread,
        .failure = failure,
    };
    pile->internal.map = map;
    green__spawn_start(thread);
    return 0;
}

/* ---- Beginning and end ----------------------------------------------- */

int green_pile_init(struct green_pile *pile, struct green_pool *pool)
{
    if (!pile)
        return green__refuse(EINVAL);
    *pile = (struct green_pile){.internal = {.pool = pool}};
    return 0;
}

static void kill_all(struct green_pile *pile)
{
    struct map *map = pile->internal.map;
    struct green_list *link;

    if (map)
        green_kill(map->thread);
    green__list_each (entries_of(pile), link) {
        struct entry *entry = container_of(link, struct entry, list);

        if (entry->thread)
            green_kill(entry->thread);
    }
}

static void wait_for_all(struct green_pile *pile)
{
    struct green_shield shield;
    struct green_place here;

    green_shield_begin(&shield);
    while (pile->internal.busy > 0 || pile->internal.map)
        green__line_wait(&pile->internal.enders, &here, &ending);
    green_shield_end(&shield);
}

int green_pile_end(struct green_pile *pile, void (*drop)(void *result))
{
    struct entry *entry;

    if (!pile)
        return green__refuse(EINVAL);
    if (green__in_callback())
        return green__refuse(EDEADLK);
    pile->internal.ending = true;
    kill_all(pile);
    if (pile->internal.busy > 0 || pile->internal.map)
        wait_for_all(pile);
    while ((entry = first_of(pile)) != NULL) {
        take_entry(pile);
        if (drop && entry->has_result)
            drop(entry->result);
        green__system.release(entry);
    }
    serve_takers(pile);
    pile->internal.ending = false;
    return 0;
}
