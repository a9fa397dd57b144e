/* The table of threads that are greenthreads, by handle. */
#include "patch/thread.h"

#define BUCKETS 4096 /* a power of two */

static struct green__pthread *table[BUCKETS];
/* In each bucket, the last one that left it. */
static pthread_t ended[BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static unsigned number_of(pthread_t handle)
{
    return (unsigned)((uint64_t)handle * UINT64_C(0x9e3779b97f4a7c15) >> 52);
}

static struct green__pthread **bucket_of(pthread_t handle)
{
    return &table[number_of(handle)];
}

void green__pthreads_lock(void)
{
    (void)green__real()->pthread_mutex_lock(&mutex);
}

void green__pthreads_unlock(void)
{
    (void)green__real()->pthread_mutex_unlock(&mutex);
}

void green__pthread_register(struct green__pthread *it)
{
    struct green__pthread **bucket = bucket_of(it->handle);

    green__pthreads_lock();
    it->next = *bucket;
    *bucket = it;
    if (ended[number_of(it->handle)] == it->handle)
        ended[number_of(it->handle)] = 0;
    green__pthreads_unlock();
}

void green__pthread_unregister(struct green__pthread *it)
{
    struct green__pthread **place = bucket_of(it->handle);

    green__pthreads_lock();
    while (*place != it)
        place = &(*place)->next;
    *place = it->next;
    ended[number_of(it->handle)] = it->handle;
    green__pthreads_unlock();
}

struct green__pthread *green__pthread_of(pthread_t handle)
{
    struct green__pthread *it;

    if (!(green__patched & GREEN_PATCH_THREADS))
        return NULL;
    green__pthreads_lock();
    it = *bucket_of(handle);
    while (it && it->handle != handle)
        it = it->next;
    if (it)
        atomic_fetch_add_explicit(&it->holders, 1, memory_order_relaxed);
    green__pthreads_unlock();
    return it;
}

bool green__pthread_has_ended(pthread_t handle)
{
    bool has;

    if (!(green__patched & GREEN_PATCH_THREADS))
        return false;
    green__pthreads_lock();
    has = handle && ended[number_of(handle)] == handle;
    green__pthreads_unlock();
    return has;
}
