/*
 * Thread-specific data: each greenthread has values of its own. Main's, and
 * those of OS threads without greenthreads, are libc's own.
 *
 * Unlike other hooks these ask only who runs, and not whether its calls are
 * native: a greenthread in a native region has the same values as outside.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <threads.h>

#include "base/system.h"
#include "patch/lock.h"
#include "patch/rule.h"

/* libc's keys: each number's uses so far, so that a value under a deleted key
 * is not taken for one under the key that reuses its number. */
static struct key {
    atomic_uint uses; /* odd: in use */
    _Atomic(void (*)(void *)) destructor;
} keys[PTHREAD_KEYS_MAX];

struct value {
    void *value;
    unsigned uses; /* of its key, when it was set */
};

struct green__values {
    unsigned count;
    struct value of_key[];
};

/* Whether it was made by the function here. */
static inline bool is_known(pthread_key_t key)
{
    return key < PTHREAD_KEYS_MAX &&
           atomic_load_explicit(&keys[key].uses, memory_order_relaxed) != 0;
}

/* libc keeps its values there. */
static inline bool has_own_tls(const struct green_thread *thread)
{
    return thread->identity && thread->identity->thread_pointer;
}

/* Whose values are here; NULL if they are libc's. */
static inline struct green_thread *owner_of_values(pthread_key_t key)
{
    struct green__scheduler *s;

    if (!(__atomic_load_n(&green__patched, __ATOMIC_RELAXED) &
          GREEN_PATCH_KEYS))
        return NULL;
    /* Also in a forked child, where none runs before its first green call. */
    s = green__self_here()->scheduler;
    if (!s || (s->current->flags & GREEN__MAIN) ||
        s->current == &s->hub_thread || has_own_tls(s->current) ||
        !is_known(key))
        return NULL;
    return s->current;
}

/* ---- Keys ------------------------------------------------------------------ */

GREEN__HOOK int pthread_key_create(pthread_key_t *key,
                                   void (*destructor)(void *))
{
    int error = green__real()->pthread_key_create(key, destructor);

    if (error == 0 && *key < PTHREAD_KEYS_MAX) {
        atomic_store(&keys[*key].destructor, destructor);
        atomic_fetch_or(&keys[*key].uses, 1);
    }
    return error;
}

/* Before libc may give its number to another. */
GREEN__HOOK int pthread_key_delete(pthread_key_t key)
{
    if (key < PTHREAD_KEYS_MAX) {
        unsigned uses = atomic_load(&keys[key].uses);

        if (uses & 1)
            atomic_compare_exchange_strong(&keys[key].uses, &uses, uses + 1);
    }
    return green__real()->pthread_key_delete(key);
}

/* ---- Values ---------------------------------------------------------------- */

GREEN__HOOK void *pthread_getspecific(pthread_key_t key)
{
    const struct green_thread *thread = owner_of_values(key);
    const struct green__values *values;

    if (!thread)
        return green__real()->pthread_getspecific(key);
    values = thread->extras ? thread->extras->values : NULL;
    if (!values || key >= values->count ||
        values->of_key[key].uses !=
            atomic_load_explicit(&keys[key].uses, memory_order_relaxed))
        return NULL;
    return values->of_key[key].value;
}

/* Calls the destructor of each value once; true if it called any. */
static bool destroy_once(struct green__extras *extras)
{
    bool any = false;

    for (unsigned i = 0; i < extras->values->count; i++) {
        struct value was = extras->values->of_key[i];
        void (*destructor)(void *) = atomic_load(&keys[i].destructor);

        extras->values->of_key[i].value = NULL;
        if (!was.value || was.uses != atomic_load(&keys[i].uses) || !destructor)
            continue;
        destructor(was.value);
        any = true;
    }
    return any;
}

/* Destructors may set new values. */
static void destroy_values(struct green_thread *thread)
{
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS; round++)
        if (!destroy_once(thread->extras))
            return;
}

static int make_room(struct green__extras *extras, pthread_key_t key)
{
    struct green__values *values = extras->values;
    unsigned before = values ? values->count : 0;
    unsigned count = before ? before : 8;

    if (key < before)
        return 0;
    while (count <= key)
        count *= 2;
    values = green__system_table()->reallocate(
        values, sizeof *values + count * sizeof values->of_key[0]);
    if (!values)
        return ENOMEM;
    for (unsigned i = before; i < count; i++)
        values->of_key[i] = (struct value){0};
    values->count = count;
    extras->values = values;
    extras->destroy_values = destroy_values;
    return 0;
}

static int set_value(struct green_thread *thread, pthread_key_t key,
                     void *value)
{
    struct green__extras *extras;
    unsigned uses = atomic_load(&keys[key].uses);
    int error;

    if (!(uses & 1))
        return EINVAL;
    extras = value || thread->extras ? green__extras(thread) : NULL;
    if (!extras)
        return value ? ENOMEM : 0;
    error = make_room(extras, key);
    if (error)
        return error;
    extras->values->of_key[key] = (struct value){value, uses};
    return 0;
}

GREEN__HOOK int pthread_setspecific(pthread_key_t key, const void *value)
{
    struct green_thread *thread = owner_of_values(key);
    int saved = errno, error;

    if (!thread)
        return green__real()->pthread_setspecific(key, value);
    error = set_value(thread, key, (void *)(uintptr_t)value);
    errno = saved;
    return error;
}

/* ---- C11 ------------------------------------------------------------------- */

GREEN__HOOK int tss_create(tss_t *key, tss_dtor_t destructor)
{
    return green__thread_result(pthread_key_create(key, destructor));
}

GREEN__HOOK void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

GREEN__HOOK void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

GREEN__HOOK int tss_set(tss_t key, void *value)
{
    return green__thread_result(pthread_setspecific(key, value));
}
