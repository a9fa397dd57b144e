/*
 * An OS thread's loop: the library's hub, and the descriptors that it watches.
 *
 * Where registering a descriptor costs a system call, as with epoll, it stays
 * registered for reading after its last listener was removed: most programs
 * read it again, and then add() makes no system call. If it becomes readable
 * without a listener, this file unregisters it. Writing is not kept registered:
 * most descriptors are nearly always writable.
 *
 * A kept registration can become wrong, for Eventlet does not report closes:
 * - The number is reused. watch.c knows which object registered it, and renews
 *   the registration when another object waits. It is then another life of the
 *   number for the library: the file of the old one may be open elsewhere, and
 *   epoll may report it.
 * - The number is made another file by dup2(2), and the object waits on. So
 *   each wait that made no system call has its registration renewed once, at
 *   the first check after its begin.
 * - A greenlet closes a descriptor that another one waits for. epoll drops it
 *   silently. So after Python code has run, one poll(2) checks all descriptors
 *   with listeners: at once if the last check was long enough ago, otherwise a
 *   little later. The checks take at most 0.2 % of the time, and none while
 *   nothing runs.
 *   The same check is for what Python code may have done to the hub's own
 *   descriptors: signals.c.
 * - The number is closed, but another process has the file open, and epoll
 *   reports it under a number that cannot be unregistered. Then many successive
 *   waits end early without an event, and this file replaces the library's hub.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"

/* The time between two checks of descriptors: at least this long, and at least
 * this many times as long as the last check took. */
#define CHECK_PAUSE (10 * GREEN_MSEC)
#define CHECK_SHARE 500

/* After this many successive waits without an event, a registration is
 * wrong. */
#define MAX_EMPTY_WAITS 16

/* After this many failures of waits in succession, another hub of the library
 * will not do better. */
#define MAX_LOSSES 3

static pthread_key_t here_key;
static pthread_once_t here_once = PTHREAD_ONCE_INIT;
static int here_error;

static void release(void *value)
{
    struct loop *loop = value;

    if (atomic_fetch_sub(&loop->references, 1) > 1)
        return;
    for (size_t i = 0; i < loop->chunk_count; i++)
        free(loop->chunks[i]);
    free(loop->chunks);
    free(loop->polled);
    free(loop);
}

/* In a forked child the library has already discarded the parent's hub.
 * open_anew() makes another one of the same kind when the child first needs
 * it. */
static void child_begins(void)
{
    struct loop *loop = pthread_getspecific(here_key);

    if (loop)
        loop->hub = NULL;
}

static void make_key(void)
{
    here_error = pthread_key_create(&here_key, release);
    if (!here_error)
        here_error = pthread_atfork(NULL, NULL, child_begins);
}

struct loop *loop_here(void)
{
    pthread_once(&here_once, make_key);
    return here_error ? NULL : pthread_getspecific(here_key);
}

/* ---- Opening and closing ------------------------------------------------ */

/* Its purpose is to end the wait: not one that ends early for no reason. */
static void woken(struct green_call *call)
{
    struct loop *loop =
        (struct loop *)((char *)call - offsetof(struct loop, wakeup));

    loop->woken = true;
}

static int open_hub(struct loop *loop)
{
    const struct green_hub_module *module;

    if (green_use_hub(loop->name[0] ? loop->name : NULL) < 0)
        return -1;
    loop->hub = green_get_hub();
    module = green_hub_get_module(loop->hub);
    loop->keeps = module->capabilities & GREEN_HUB_EDGE;
    loop->wakeup = (struct green_call){.callback = woken};
    signals_open(loop);
    return 0;
}

/* Marks it as replaced: the library's hub no longer exists, with all its
 * registrations. */
static void retire(struct loop *loop)
{
    signals_close(loop);
    loop->dead = true;
    loop->hub = NULL;
    loop->ready = NULL;
    loop->ready_end = &loop->ready;
    release(loop);
}

struct loop *loop_open(const char *name, struct hub *object)
{
    struct loop *old = loop_here(), *loop = calloc(1, sizeof *loop);

    if (!loop || here_error || strlen(name) >= sizeof loop->name)
        goto failed;
    memcpy(loop->name, name, strlen(name) + 1);
    atomic_init(&loop->references, 2);
    loop->object = object;
    loop->ready_end = &loop->ready;
    if (open_hub(loop) < 0 || pthread_setspecific(here_key, loop) != 0)
        goto failed;
    if (old)
        retire(old);
    return loop;

failed:
    if (!loop)
        errno = ENOMEM;
    free(loop);
    return NULL;
}

static void unwatch_direction(struct watch *watch, enum direction direction)
{
    struct side *side = &watch->sides[direction];

    if (!side->added)
        return;
    side->added = false;
    watch->loop->added--;
    if (watch->loop->hub)
        green_hub_remove(watch->loop->hub, &watch->listeners[direction]);
}

static void each_watch(struct loop *loop, void (*act)(struct watch *watch))
{
    for (size_t i = 0; i < loop->chunk_count; i++)
        for (size_t j = 0; loop->chunks[i] && j < WATCH_CHUNK; j++)
            act(&loop->chunks[i][j]);
}

static void stop_watch(struct watch *watch)
{
    unwatch_direction(watch, READING);
    unwatch_direction(watch, WRITING);
}

void loop_release(struct loop *loop)
{
    loop->object = NULL;
    if (loop == loop_here()) {
        each_watch(loop, stop_watch);
        if (loop->hub)
            signals_unwatch(loop);
        pthread_setspecific(here_key, NULL);
        retire(loop);
    }
    /* The loop has two references; retire() dropped only the thread's. */
    release(loop); /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* ---- The table ---------------------------------------------------------- */

struct watch *loop_peek(const struct loop *loop, int fd)
{
    size_t index = (size_t)fd / WATCH_CHUNK;

    if (fd < 0 || index >= loop->chunk_count || !loop->chunks[index])
        return NULL;
    return &loop->chunks[index][fd % WATCH_CHUNK];
}

static int grow(struct loop *loop, size_t index)
{
    size_t count = loop->chunk_count ? loop->chunk_count : 16;
    struct watch **chunks;

    while (count <= index)
        count *= 2;
    chunks = realloc(loop->chunks, count * sizeof *chunks);
    if (!chunks)
        return -1;
    memset(chunks + loop->chunk_count, 0,
           (count - loop->chunk_count) * sizeof *chunks);
    loop->chunks = chunks;
    loop->chunk_count = count;
    return 0;
}

static void is_ready(struct green_listener *listener, unsigned events);

static struct watch *make_chunk(struct loop *loop, size_t index)
{
    static const unsigned wanted[] = {GREEN_READ, GREEN_WRITE};
    struct watch *chunk = calloc(WATCH_CHUNK, sizeof *chunk);

    for (size_t i = 0; chunk && i < WATCH_CHUNK; i++) {
        struct watch *watch = &chunk[i];

        watch->fd = (int)(index * WATCH_CHUNK + i);
        watch->loop = loop;
        for (int direction = READING; direction <= WRITING; direction++)
            watch->listeners[direction] = (struct green_listener){
                .fd = watch->fd,
                .events = wanted[direction],
                .callback = is_ready,
                .arg = watch,
            };
    }
    loop->chunks[index] = chunk;
    return chunk;
}

struct watch *loop_watch(struct loop *loop, int fd)
{
    size_t index = (size_t)fd / WATCH_CHUNK;
    struct watch *watch = loop_peek(loop, fd);

    if (watch)
        return watch;
    if ((index < loop->chunk_count || grow(loop, index) == 0) &&
        make_chunk(loop, index))
        return &loop->chunks[index][fd % WATCH_CHUNK];
    errno = ENOMEM;
    return NULL;
}

/* ---- Registrations with the library, and its callbacks ------------------- */

static int watch_direction(struct watch *watch, enum direction direction)
{
    if (green_hub_add(watch->loop->hub, &watch->listeners[direction]) < 0)
        return -1;
    watch->sides[direction].added = true;
    watch->loop->added++;
    return 0;
}

static void queue(struct watch *watch, unsigned events)
{
    struct loop *loop = watch->loop;

    watch->reported |= (uint8_t)events;
    if (watch->queued)
        return;
    watch->queued = true;
    watch->next_ready = NULL;
    *loop->ready_end = watch;
    loop->ready_end = &watch->next_ready;
}

struct watch *loop_take_ready(struct loop *loop)
{
    struct watch *watch = loop->ready;

    if (!watch)
        return NULL;
    loop->ready = watch->next_ready;
    if (!loop->ready)
        loop->ready_end = &loop->ready;
    watch->queued = false;
    return watch;
}

/* The library calls this while it dispatches, so it only queues the event. */
static void is_ready(struct green_listener *listener, unsigned events)
{
    struct watch *watch = listener->arg;
    enum direction direction =
        listener == &watch->listeners[READING] ? READING : WRITING;
    struct side *side = &watch->sides[direction];

    if (events & GREEN_CLOSED) {
        side->added = false;
        watch->loop->added--;
        if (side->first)
            queue(watch, GREEN_CLOSED);
    } else if (!side->first) {
        unwatch_direction(watch, direction);
        watch->loop->empty_waits = 0; /* the wait had a result */
    } else {
        queue(watch, listener->events);
    }
}

/* Registers everything with the new hub; what cannot be registered counts as
 * closed. */
static void register_again(struct watch *watch)
{
    for (int direction = READING; direction <= WRITING; direction++) {
        watch->sides[direction].added = false;
        if (watch->sides[direction].first &&
            watch_direction(watch, direction) < 0)
            queue(watch, GREEN_CLOSED);
    }
}

static int open_anew(struct loop *loop)
{
    if (open_hub(loop) < 0)
        return -1;
    loop->added = 0;
    loop->empty_waits = 0;
    each_watch(loop, register_again);
    return 0;
}

int loop_use(struct loop *loop)
{
    return loop->hub ? 0 : open_anew(loop);
}

/* The library then takes no event of the old registration for one of the next,
 * should the kernel still have it. */
static void end_registration(struct watch *watch)
{
    bool waits = watch->sides[READING].first || watch->sides[WRITING].first;

    stop_watch(watch);
    green_hub_forget(watch->loop->hub, watch->fd);
    watch->unsure = false;
    if (waits)
        register_again(watch);
}

int loop_listen(struct watch *watch, enum direction direction, bool anew)
{
    if (loop_use(watch->loop) < 0)
        return -1;
    if (anew)
        end_registration(watch);
    if (!watch->sides[direction].added)
        return watch_direction(watch, direction);
    watch->unsure = !anew;
    return 0;
}

void loop_idle(struct watch *watch, enum direction direction)
{
    if (direction == WRITING || !watch->loop->keeps)
        unwatch_direction(watch, direction);
}

void loop_forget(struct watch *watch)
{
    struct loop *loop = watch->loop;
    bool added = watch->sides[READING].added || watch->sides[WRITING].added;

    stop_watch(watch);
    watch->shared = false;
    watch->reported = 0;
    if (added && loop->hub)
        green_hub_forget(loop->hub, watch->fd);
}

/* ---- Descriptors closed while they have listeners ------------------ */

static struct pollfd *polled_room(struct loop *loop)
{
    size_t room = loop->polled_room ? loop->polled_room : 64;
    struct pollfd *polled;

    while (room < 2 * loop->waiting)
        room *= 2;
    if (room == loop->polled_room)
        return loop->polled;
    polled = realloc(loop->polled, room * sizeof *polled);
    if (!polled)
        return NULL;
    loop->polled = polled;
    loop->polled_room = room;
    return polled;
}

/* A wait that registered nothing trusts that the number is still the file that
 * its owner has registered. */
static void renew_unsure(struct watch *watch)
{
    bool waits = watch->sides[READING].first || watch->sides[WRITING].first;

    if (watch->unsure && waits && !(watch->reported & GREEN_CLOSED))
        end_registration(watch);
    watch->unsure = false;
}

/* One poll(2) checks whether all of them are open. */
static void check(struct loop *loop)
{
    struct pollfd *polled = polled_room(loop);
    nfds_t count = 0;

    if (!polled)
        return;
    for (size_t i = 0; i < loop->chunk_count; i++)
        for (size_t j = 0; loop->chunks[i] && j < WATCH_CHUNK; j++) {
            const struct watch *watch = &loop->chunks[i][j];

            if (watch->sides[READING].first || watch->sides[WRITING].first)
                polled[count++] = (struct pollfd){.fd = watch->fd};
        }
    if (poll(polled, count, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++)
        if (polled[i].revents & POLLNVAL)
            queue(loop_peek(loop, polled[i].fd), GREEN_CLOSED);
}

/* Checks if it is time to; otherwise returns a timeout that ends the wait
 * then. */
static green_time check_descriptors(struct loop *loop, green_time timeout)
{
    green_time now = green_now(), due;

    due = loop->checked + CHECK_PAUSE;
    if (due < loop->checked + CHECK_SHARE * loop->check_cost)
        due = loop->checked + CHECK_SHARE * loop->check_cost;
    if (now < due)
        return timeout < due - now ? timeout : due - now;
    if (loop->waiting) {
        check(loop);
        if (loop->keeps)
            each_watch(loop, renew_unsure);
    }
    loop->checked = now;
    loop->check_cost = green_now() - now;
    if (timeout == 0)
        return 0;
    loop->ran = false;
    return signals_look(loop) || loop->ready ? 0 : timeout;
}

/* ---- Waiting ------------------------------------------------------------ */

static int wait_blocking(struct loop *loop, green_time timeout)
{
    PyThreadState *state;
    int result, error;

    loop->sleeping = true;
    state = PyEval_SaveThread();
    result = green_hub_wait(loop->hub, timeout);
    error = errno;
    PyEval_RestoreThread(state);
    loop->sleeping = false;
    errno = error;
    return result;
}

static bool ended_early(green_time start, green_time timeout)
{
    return green_now() - start < timeout;
}

/*
 * A wait has failed, or has shown that the signals' pipe is gone: the program
 * closes all descriptors that it does not know, as daemons do. Another hub of
 * the library takes the place of the one whose descriptors are closed.
 */
static int recover(struct loop *loop)
{
    bool closed = loop->lost || errno == EBADF || errno == EINVAL;

    loop->lost = false;
    if (!closed || loop->losses++ >= MAX_LOSSES)
        return -1;
    return open_anew(loop);
}

green_time loop_prepare_wait(struct loop *loop, green_time timeout)
{
    loop->iterations++;
    loop->woken = false;
    loop->asked = loop->births;
    /* Also check, in every 64th iteration, for programs that never block. */
    if (loop->ran && (timeout > 0 || loop->iterations % 64 == 0))
        return check_descriptors(loop, timeout);
    return timeout;
}

int loop_wait(struct loop *loop, green_time timeout)
{
    green_time start = 0;
    int result;

    if (timeout > 0) {
        start = loop->empty_waits ? green_now() : 0;
        result = wait_blocking(loop, timeout);
    } else {
        result = green_hub_wait(loop->hub, 0);
    }
    if (result < 0)
        return recover(loop);
    green_hub_dispatch(loop->hub);
    if (loop->lost)
        return recover(loop);
    loop->losses = 0;
    if (loop->ready || loop->woken || timeout == 0) {
        loop->ran = true;
        loop->empty_waits = 0;
    } else if (start == 0 || ended_early(start, timeout)) {
        loop->empty_waits++;
    } else {
        loop->empty_waits = 0;
    }
    return loop->empty_waits > MAX_EMPTY_WAITS ? open_anew(loop) : 0;
}

void loop_wake(struct loop *loop)
{
    if (loop->sleeping)
        green_hub_call_threadsafe(loop->hub, &loop->wakeup);
}
