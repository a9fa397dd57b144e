#include "base/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/os_threads.h"
#include "base/system.h"

/* Rings of OS threads that have ended are kept for the file, so many. */
#define MAX_OVER 64

bool green__trace_on;

/* Guarded by `lock`. */
static struct green_list rings = {&rings, &rings};
static struct green_list inherited = {&inherited, &inherited}; /* by fork */
static uint64_t capacity;
static uint64_t traces; /* so many have begun */
static green_time began;
static uint64_t lost; /* events in rings that were freed */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepare_once = PTHREAD_ONCE_INIT;

/* ---- Writing --------------------------------------------------------- */

/* Each store is a release: whoever sees a word of an event also sees that it was
 * begun. */
static void put(struct green__trace_ring *ring,
                const struct green__trace_event *event)
{
    uint64_t number = ring->begun, words[GREEN__TRACE_WORDS];
    uint64_t *to = ring->words[number & ring->mask];

    memcpy(words, event, sizeof words);
    __atomic_store_n(&ring->begun, number + 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < GREEN__TRACE_WORDS; i++)
        __atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
    __atomic_store_n(&ring->ended, number + 1, __ATOMIC_RELEASE);
}

/* ---- Rings ----------------------------------------------------------- */

static void free_ring(struct green__trace_ring *ring)
{
    lost += ring->ended;
    green__list_remove(&ring->list);
    green__system.release(ring);
}

/* The first that has ended, if there are too many; none may be in use. */
static void limit_rings(void)
{
    struct green__trace_ring *oldest = NULL;
    struct green_list *at;
    unsigned count = 0;

    green__list_each (&rings, at) {
        struct green__trace_ring *ring =
            container_of(at, struct green__trace_ring, list);

        if (!ring->over)
            continue;
        if (!oldest)
            oldest = ring;
        count++;
    }
    if (count > MAX_OVER)
        free_ring(oldest);
}

/* With the lock. NULL without memory, or if the trace has ended. */
static struct green__trace_ring *new_ring(void)
{
    struct green__trace_ring *ring = NULL;

    if (green__trace_on)
        ring = green__system.allocate(1, sizeof *ring +
                                             capacity * sizeof ring->words[0]);
    if (!ring)
        return NULL;
    ring->trace = traces;
    ring->mask = capacity - 1;
    ring->os_thread = green__system.gettid();
    green__list_append(&rings, &ring->list);
    return ring;
}

/* In place of one of an earlier trace. */
static GREEN__COLD struct green__trace_ring *make_ring(struct green__self *self)
{
    int saved = errno;

    if (green__self_register(self) == 0) {
        green__system.pthread_mutex_lock(&lock);
        if (self->trace)
            free_ring(self->trace);
        self->trace = new_ring();
        green__system.pthread_mutex_unlock(&lock);
    }
    errno = saved;
    return self->trace;
}

/* Another OS thread may begin a trace at any time; its number is read without
 * the lock. */
struct green__trace_ring *green__trace_ring(void)
{
    struct green__self *self = green__self();

    if (green__likely(self->trace &&
                      self->trace->trace ==
                          __atomic_load_n(&traces, __ATOMIC_RELAXED)))
        return self->trace;
    return make_ring(self);
}

/* What runs as the OS thread ends. */
static void record_last(struct green__trace_ring *ring)
{
    if (ring->since && ring->thread)
        put(ring, &(struct green__trace_event){.kind = GREEN__TRACE_RUN,
                                               .begin = ring->since,
                                               .end = green__clock(),
                                               .thread = ring->thread,
                                               .code = ring->code,
                                               .what = "end",
                                               .number = -1});
    __atomic_store_n(&ring->since, 0, __ATOMIC_RELAXED);
}

void green__trace_thread_ends(struct green__self *self)
{
    struct green__trace_ring *ring = self->trace;

    if (!ring)
        return;
    self->trace = NULL;
    record_last(ring);
    green__system.pthread_mutex_lock(&lock);
    if (green__trace_on && ring->trace == traces) {
        ring->over = true;
        limit_rings();
    } else {
        free_ring(ring);
    }
    green__system.pthread_mutex_unlock(&lock);
}

void green__trace_forget(void)
{
    struct green__self *self = green__self();

    green__system.pthread_mutex_lock(&lock);
    if (self->trace && !green__trace_on) {
        free_ring(self->trace);
        self->trace = NULL;
    }
    green__system.pthread_mutex_unlock(&lock);
}

/* ---- Recording ------------------------------------------------------- */

void green__trace_record(const struct green__trace_event *event)
{
    struct green__trace_ring *ring = green__trace_ring();

    if (green__likely(ring != NULL))
        put(ring, event);
}

void green__trace_runs(struct green__trace_ring *ring, green_time now,
                       const void *thread, const void *code)
{
    __atomic_store_n(&ring->since, now, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->thread, thread, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->code, code, __ATOMIC_RELAXED);
}

void green__trace_call(green_time begun, const char *what, int fd,
                       int64_t result)
{
    green__trace_record(
        &(struct green__trace_event){.kind = GREEN__TRACE_CALL,
                                     .begin = begun,
                                     .end = green__clock(),
                                     .what = what,
                                     .number = fd,
                                     .result = result < 0 ? -errno : result});
}

void green__trace_wait(green_time begun, green_time ended)
{
    green__trace_record(&(struct green__trace_event){
        .kind = GREEN__TRACE_WAIT, .begin = begun, .end = ended});
}

void green__trace_timer(const void *callback)
{
    green_time now = green__clock();

    green__trace_record(&(struct green__trace_event){.kind = GREEN__TRACE_TIMER,
                                                     .begin = now,
                                                     .end = now,
                                                     .code = callback,
                                                     .number = -1});
}

/* ---- On and off ------------------------------------------------------ */

static void lock_rings(void)
{
    green__system.pthread_mutex_lock(&lock);
}

static void unlock_rings(void)
{
    green__system.pthread_mutex_unlock(&lock);
}

/* The trace is the parent's. Its rings are freed when the child begins one: the
 * call that a handler of a signal forked in may still write to them. */
static void forked(void)
{
    green__list_splice(&inherited, &rings);
    green__self()->trace = NULL;
    __atomic_store_n(&green__trace_on, false, __ATOMIC_RELAXED);
    unlock_rings();
}

static void prepare(void)
{
    (void)pthread_atfork(lock_rings, unlock_rings, forked);
}

/* Those of OS threads that live are theirs to free. */
static void free_rings(void)
{
    struct green_list *at = rings.next;

    while (at != &rings) {
        struct green__trace_ring *ring =
            container_of(at, struct green__trace_ring, list);

        at = at->next;
        if (ring->over)
            free_ring(ring);
    }
}

static void free_inherited(void)
{
    while (inherited.next != &inherited)
        free_ring(container_of(inherited.next, struct green__trace_ring, list));
}

bool green__trace_begin(uint64_t wanted)
{
    bool begins;

    green__system.pthread_once(&prepare_once, prepare);
    lock_rings();
    begins = !green__trace_on;
    if (begins) {
        free_inherited();
        lost = 0;
        capacity = wanted;
        began = green__clock();
        __atomic_store_n(&traces, traces + 1, __ATOMIC_RELAXED);
        __atomic_store_n(&green__trace_on, true, __ATOMIC_RELAXED);
    }
    unlock_rings();
    return begins;
}

/* ---- Copies ---------------------------------------------------------- */

static void copy_event(const struct green__trace_ring *ring, uint64_t number,
                       struct green__trace_event *event)
{
    const uint64_t *from = ring->words[number & ring->mask];
    uint64_t words[GREEN__TRACE_WORDS] = {0};

    for (size_t i = 0; i < GREEN__TRACE_WORDS; i++)
        words[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
    memcpy(event, words, sizeof *event);
}

/* Leaves out the first events, which were overwritten meanwhile. */
static void drop_first(struct green__trace_copy *copy, uint64_t bad)
{
    if (bad > copy->count)
        bad = copy->count;
    copy->count -= bad;
    memmove(copy->events, copy->events + bad,
            copy->count * sizeof copy->events[0]);
}

static struct green__trace_copy *copy_ring(const struct green__trace_ring *ring)
{
    uint64_t size = ring->mask + 1, first, end, begun;
    struct green__trace_copy *copy;

    end = __atomic_load_n(&ring->ended, __ATOMIC_ACQUIRE);
    first = end > size ? end - size : 0;
    copy = green__system.allocate(1, sizeof *copy + (end - first) *
                                                        sizeof copy->events[0]);
    if (!copy)
        return NULL;
    copy->os_thread = ring->os_thread;
    copy->since = __atomic_load_n(&ring->since, __ATOMIC_RELAXED);
    copy->thread = __atomic_load_n(&ring->thread, __ATOMIC_RELAXED);
    copy->code = __atomic_load_n(&ring->code, __ATOMIC_RELAXED);
    copy->count = end - first;
    for (uint64_t i = first; i < end; i++)
        copy_event(ring, i, &copy->events[i - first]);
    begun = __atomic_load_n(&ring->begun, __ATOMIC_RELAXED);
    copy->dropped = begun > size ? begun - size : 0;
    drop_first(copy, copy->dropped > first ? copy->dropped - first : 0);
    green__os_thread_name(copy->os_thread, copy->name, sizeof copy->name);
    return copy;
}

static struct green__trace_copy *copy_rings(bool *failed)
{
    struct green__trace_copy *copies = NULL, **end = &copies;
    struct green_list *at;

    for (at = rings.next; at != &rings && !*failed; at = at->next) {
        const struct green__trace_ring *ring =
            container_of(at, struct green__trace_ring, list);

        if (ring->trace != traces)
            continue;
        *end = copy_ring(ring);
        *failed = !*end;
        if (!*failed)
            end = &(*end)->next;
    }
    if (copies)
        copies->dropped += lost;
    return copies;
}

green_time green__trace_end(struct green__trace_copy **copies, bool *failed)
{
    green_time result = 0;

    *copies = NULL;
    *failed = false;
    lock_rings();
    if (green__trace_on) {
        result = began;
        *copies = copy_rings(failed);
        __atomic_store_n(&green__trace_on, false, __ATOMIC_RELAXED);
        free_rings();
    }
    unlock_rings();
    if (*failed) {
        green__trace_copy_free(*copies);
        *copies = NULL;
    }
    return result;
}

void green__trace_copy_free(struct green__trace_copy *copies)
{
    while (copies) {
        struct green__trace_copy *next = copies->next;

        green__system.release(copies);
        copies = next;
    }
}
