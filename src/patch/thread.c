/* Threads that are greenthreads: their life. */
#include "patch/thread.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/futex.h>

#include "greenthread/spawn.h"
#include "patch/count.h"
#include "patch/lot.h"
#include "patch/settings.h"
#include "patch/signals.h"

atomic_uint green__pthreads_alive;

static const struct green__wait_kind joining = {.name = "pthread_join"};
static const struct green__wait_kind ending = {.name = "pthread_exit"};

/* ---- Identity --------------------------------------------------------------- */

static void release_identity(struct green__identity *identity)
{
    green__pthread_release(
        container_of(identity, struct green__pthread, identity));
}

struct green__pthread *green__pthread_of_thread(const struct green_thread *it)
{
    struct green__identity *identity = it->identity;

    if (!identity || identity->release != release_identity)
        return NULL;
    return container_of(identity, struct green__pthread, identity);
}

struct green__pthread *green__pthread_here(void)
{
    const struct green__scheduler *s = green__running();

    return s ? green__pthread_of_thread(s->current) : NULL;
}

/* Not inlined: the compiler cannot see that each call has a hold of its own. */
GREEN__NOINLINE void green__pthread_release(struct green__pthread *it)
{
    if (atomic_fetch_sub(&it->holders, 1) > 1)
        return;
    green__pthread_unregister(it);
    green__signals_drop(it);
    if (it->tls)
        green__tls_free(it->tls);
    free(it);
}

/* ---- Start ------------------------------------------------------------------ */

/* What a program asks for, or the default: a thread that asks for libc's
 * default asks for nothing. */
static size_t stack_of(const pthread_attr_t *attr)
{
    size_t size = 0, usual = 0;
    pthread_attr_t defaults;

    if (!attr || pthread_attr_getstacksize(attr, &size) != 0)
        return green__settings.stack_size;
    if (pthread_attr_init(&defaults) == 0) {
        (void)pthread_attr_getstacksize(&defaults, &usual);
        pthread_attr_destroy(&defaults);
    }
    if (size == usual || size < green__settings.stack_size)
        return green__settings.stack_size;
    return size < GREEN__LARGEST_STACK ? size : GREEN__LARGEST_STACK;
}

/* Its handle is what pthread_self() says: libc's own code may call it. */
static int give_tls(struct green__pthread *it)
{
    it->handle = (pthread_t)it;
    if (!green__settings.own_tls)
        return 0;
    it->tls = green__tls_make_for(it->carrier->home);
    if (!it->tls)
        return -1;
    it->identity.thread_pointer = it->tls->identity.thread_pointer;
    it->handle = green__tls_id(it->tls);
    return 0;
}

/* As calloc would, which does not take what free has just kept for malloc. */
static struct green__pthread *allocate_pthread(void)
{
    struct green__pthread *it = malloc(sizeof *it);

    if (it)
        memset(it, 0, offsetof(struct green__pthread, end));
    return it;
}

struct green__pthread *green__pthread_make(const pthread_attr_t *attr,
                                           void *(*fn)(void *), void *arg)
{
    struct green__pthread *it = allocate_pthread();
    int state = PTHREAD_CREATE_JOINABLE;

    if (!it)
        return NULL;
    it->carrier = green__carrier_choose();
    if (!it->carrier) {
        free(it);
        return NULL;
    }
    if (attr)
        (void)pthread_attr_getdetachstate(attr, &state);
    it->identity.release = release_identity;
    it->fn = fn;
    it->arg = arg;
    it->stack_size = stack_of(attr);
    it->mask = *green__mask_here(); /* inherited */
    atomic_init(&it->holders, state == PTHREAD_CREATE_DETACHED ? 1 : 2);
    atomic_init(&it->state, state == PTHREAD_CREATE_DETACHED
                                ? GREEN__DETACHED_THREAD
                                : GREEN__JOINABLE);
    if (give_tls(it) == 0)
        return it;
    green__carrier_leave(it->carrier);
    free(it);
    return NULL;
}

/* In a function of its own: pthread_exit jumps into its frame. */
static GREEN__NOINLINE void run_function(struct green__pthread *it)
{
    it->cancellation.floor = __builtin_frame_address(0);
    if (_setjmp(it->end) == 0)
        it->result = it->fn(it->arg);
    it->cancellation.exiting = true;
}

static void wake_joiners(struct green__pthread *it)
{
    atomic_store(&it->finished, 1);
    (void)green__lot_wake(&it->finished, GREEN__LOT_ALL);
    if (atomic_load(&it->state) == GREEN__JOINING_NATIVELY)
        green__real()->syscall(SYS_futex, &it->finished, FUTEX_WAKE_PRIVATE,
                               INT_MAX, NULL, NULL, 0);
    if (atomic_fetch_sub(&green__pthreads_alive, 1) == 1)
        (void)green__lot_wake(&green__pthreads_alive, GREEN__LOT_ALL);
}

/* The function of its greenthread. */
static void run_thread(void *arg)
{
    struct green__pthread *it = arg;

    if (it->tls)
        green__tls_begins();
    run_function(it);
    if (it->tls)
        green__tls_ends();
    green__signals_thread_ends(it->thread);
    it->thread = NULL;
    green__carrier_leave(it->carrier);
    green__mask_remove(it->mask);
    wake_joiners(it);
}

int green__pthread_begin(struct green__pthread *it)
{
    const struct green_attr attr = {.stack_size = it->stack_size};
    struct green_thread *thread =
        green__spawn_make_as(&it->identity, &attr, run_thread, it);
    const struct green__stack *stack;

    if (!thread)
        return -1;
    it->thread = thread;
    stack = green__stack_of_thread(thread);
    it->stack_top = stack->top;
    atomic_store(&it->stack_bottom, stack->bottom);
    if (it->name[0])
        green__pthread_take_name(it);
    green__spawn_start(thread); /* it may have ended when this returns */
    return 0;
}

/* It never was. */
static void undo_start(struct green__pthread *it)
{
    atomic_fetch_sub(&green__pthreads_alive, 1);
    atomic_store(&it->holders, 1);
    green__mask_remove(it->mask);
    green__carrier_leave(it->carrier);
    green__pthread_release(it);
}

int green__pthread_start(struct green__pthread *it, pthread_t *handle)
{
    *handle = it->handle;
    green__pthread_register(it);
    green__mask_add(it->mask);
    atomic_fetch_add(&green__pthreads_alive, 1);
    if (!green__carrier_is_here(it->carrier)) {
        green__count(&green__counted.threads);
        green__carrier_ask(it, GREEN__ASKED_START);
        return 0;
    }
    if (green__pthread_begin(it) < 0) {
        undo_start(it);
        return EAGAIN;
    }
    green__count(&green__counted.threads);
    return 0;
}

/* ---- End ---------------------------------------------------------------------- */

/* An OS thread without greenthreads waits for the futex. */
static int wait_natively(struct green__pthread *it, green_time deadline)
{
    green_time left = deadline == GREEN_FOREVER ? 0 : deadline - green_now();
    const struct timespec time = {.tv_sec = left / GREEN_SEC,
                                  .tv_nsec = left % GREEN_SEC};

    if (left < 0)
        return green__refuse(EAGAIN);
    if (green__real()->syscall(SYS_futex, &it->finished, FUTEX_WAIT_PRIVATE, 0,
                               deadline == GREEN_FOREVER ? NULL : &time, NULL,
                               0) == 0)
        return 0;
    return errno == ETIMEDOUT ? green__refuse(EAGAIN) : 0;
}

static int wait_for_zero_or_end(const void *address, bool (*done)(const void *),
                                green_time deadline,
                                const struct green__wait_kind *kind)
{
    struct green__lot_place place;

    if (green__lot_enter(&place, address, kind) < 0)
        return -1;
    if (!done(address))
        return green__lot_park(&place, deadline);
    (void)green__lot_leave(&place);
    return 0;
}

static bool is_set(const void *address)
{
    return atomic_load((const atomic_int *)address) != 0;
}

static bool is_zero(const void *address)
{
    return atomic_load((const atomic_uint *)address) == 0;
}

/* 0, or an error number. A joiner that is cancelled leaves the thread to be
 * joined by another. */
static int await_end(struct green__pthread *it, bool green, green_time deadline)
{
    int result = 0;

    while (!is_set(&it->finished)) {
        result = green ? wait_for_zero_or_end(&it->finished, is_set, deadline,
                                              &joining)
                       : wait_natively(it, deadline);
        if (result < 0 && errno != EINTR)
            return errno == EAGAIN ? ETIMEDOUT : errno;
    }
    return 0;
}

static int join(struct green__pthread *it, void **result, green_time deadline)
{
    bool green = green__is_green(GREEN_PATCH_THREADS);
    int state = GREEN__JOINABLE, error;

    if (it == green__pthread_here())
        return EDEADLK;
    if (!atomic_compare_exchange_strong(&it->state, &state,
                                        green ? GREEN__JOINING
                                              : GREEN__JOINING_NATIVELY))
        return EINVAL;
    error = await_end(it, green, deadline);
    if (error) {
        atomic_store(&it->state, GREEN__JOINABLE);
        return error;
    }
    if (result)
        *result = it->result;
    green__pthread_release(it); /* the joiner's hold */
    return 0;
}

int green__pthread_join(struct green__pthread *it, void **result,
                        green_time deadline)
{
    int error;

    if (!it)
        return ESRCH;
    error = join(it, result, deadline);
    /* The caller's hold; join lets go of another. NOLINTNEXTLINE */
    green__pthread_release(it);
    if (error == ECANCELED)
        green__cancellation_point();
    return error;
}

void green__pthreads_await(void)
{
    while (!is_zero(&green__pthreads_alive))
        if (wait_for_zero_or_end(&green__pthreads_alive, is_zero, GREEN_FOREVER,
                                 &ending) < 0 &&
            errno != EINTR)
            return;
}
