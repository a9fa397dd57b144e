/* A greenthread's local state: values by key, functions at exit, and
 * green_self. */
#include <errno.h>
#include <stdatomic.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

#define KEYS 128
#define DESTRUCTOR_ROUNDS 4 /* as PTHREAD_DESTRUCTOR_ITERATIONS */

/*
 * The process's keys. A key's number combines its slot with a count of the
 * slot's uses, so that a value under a deleted key is not taken for one under
 * the key that reuses its slot.
 */
struct key {
    _Atomic unsigned uses; /* odd: in use */
    _Atomic(void (*)(void *)) destructor;
};

static struct key keys[KEYS];

struct local {
    unsigned key;
    void *value;
};

static struct key *find(unsigned key)
{
    struct key *found = &keys[key % KEYS];

    return atomic_load(&found->uses) == key / KEYS && key / KEYS % 2 ? found
                                                                     : NULL;
}

int green_key_create(unsigned *key, void (*destructor)(void *))
{
    if (!key) {
        errno = EINVAL;
        return -1;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned uses = atomic_load(&keys[i].uses);

        if (uses % 2 == 0 &&
            atomic_compare_exchange_strong(&keys[i].uses, &uses, uses + 1)) {
            atomic_store(&keys[i].destructor, destructor);
            *key = (uses + 1) * KEYS + i;
            return 0;
        }
    }
    errno = EAGAIN;
    return -1;
}

int green_key_delete(unsigned key)
{
    struct key *found = find(key);
    unsigned uses = key / KEYS;

    if (!found ||
        !atomic_compare_exchange_strong(&found->uses, &uses, uses + 1)) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static struct local *locals_of(struct green__extras *extras)
{
    return extras ? extras->locals : NULL;
}

/* Calls the destructor of each value once; true if it called any. */
static bool destroy_once(struct green_thread *thread)
{
    bool any = false;

    for (unsigned i = 0; i < thread->extras->local_count; i++) {
        struct local local = locals_of(thread->extras)[i];
        struct key *key = local.value ? find(local.key) : NULL;
        void (*destructor)(void *) = key ? atomic_load(&key->destructor) : NULL;

        locals_of(thread->extras)[i].value = NULL;
        if (destructor) {
            destructor(local.value);
            any = true;
        }
    }
    return any;
}

/* Destructors may set new values, so this repeats for a few rounds. */
static void destroy_locals(struct green_thread *thread)
{
    for (int round = 0; round < DESTRUCTOR_ROUNDS; round++)
        if (!thread->extras || !destroy_once(thread))
            return;
}

static int grow(struct green__extras *extras, unsigned slot)
{
    unsigned count = extras->local_count ? extras->local_count : 8;
    struct local *locals;

    while (count <= slot)
        count *= 2;
    locals = green__system.reallocate(extras->locals, count * sizeof *locals);
    if (!locals) {
        errno = ENOMEM;
        return -1;
    }
    for (unsigned i = extras->local_count; i < count; i++)
        locals[i] = (struct local){0};
    extras->locals = locals;
    extras->local_count = count;
    extras->destroy_locals = destroy_locals;
    return 0;
}

int green_key_set(unsigned key, const void *value)
{
    struct green_thread *thread = green__current();
    struct green__extras *extras;
    unsigned slot = key % KEYS;

    if (!thread)
        return -1;
    if (!find(key)) {
        errno = EINVAL;
        return -1;
    }
    extras = green__extras(thread);
    if (!extras || (slot >= extras->local_count && grow(extras, slot) < 0))
        return -1;
    locals_of(extras)[slot] = (struct local){key, (void *)value};
    return 0;
}

void *green_key_get(unsigned key)
{
    int saved = errno;
    struct green_thread *thread = green__current();
    struct local *locals = thread ? locals_of(thread->extras) : NULL;
    unsigned slot = key % KEYS;

    errno = saved;
    if (!locals || slot >= thread->extras->local_count ||
        locals[slot].key != key || !find(key))
        return NULL;
    return locals[slot].value;
}

/* ---- green_self and green_at_exit --------------------------------------- */

struct green_thread *green_self(void)
{
    return green__current();
}

int green_at_exit(void (*fn)(void *), void *arg)
{
    struct green_thread *thread;

    if (!fn)
        return green__refuse(EINVAL);
    thread = green__current();
    return thread ? green__at_exit(thread, fn, arg) : -1;
}
