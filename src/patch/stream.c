#include "patch/stream.h"

#include <pthread.h>
#include <stdlib.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "patch/cancel.h"
#include "patch/count.h"
#include "patch/lot.h"

#define BUCKETS 256 /* a power of two */

static _Atomic(struct green__stream *) buckets[BUCKETS];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static int result_of_preparing;

static const struct green__wait_kind waiting_for_stream = {.name = "stream"};

/* ---- The table ------------------------------------------------------------ */

static _Atomic(struct green__stream *) *bucket_of_file(const FILE *file)
{
    return &buckets[((uintptr_t)file * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

/* Without a lock: entries stay where they are. */
struct green__stream *green__stream_find(FILE *file)
{
    struct green__stream *stream =
        atomic_load_explicit(bucket_of_file(file), memory_order_acquire);

    while (stream &&
           atomic_load_explicit(&stream->file, memory_order_acquire) != file)
        stream = stream->next;
    return stream;
}

static struct green__stream *new_entry(const FILE *file)
{
    _Atomic(struct green__stream *) *bucket = bucket_of_file(file);
    struct green__stream *stream = atomic_load(bucket);

    while (stream && atomic_load(&stream->file))
        stream = stream->next;
    if (stream)
        return stream;
    stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->next = atomic_load(bucket);
    atomic_store(bucket, stream);
    return stream;
}

static struct green__stream *find_or_make(FILE *file,
                                          struct green__cookie *cookie)
{
    struct green__stream *stream = green__stream_find(file);

    if (stream)
        return stream;
    stream = new_entry(file);
    if (!stream)
        return NULL;
    atomic_store(&stream->owner, NULL);
    stream->depth = 0;
    stream->cookie = cookie;
    atomic_store(&stream->file, file);
    return stream;
}

struct green__stream *green__stream_add(FILE *file,
                                        struct green__cookie *cookie)
{
    struct green__stream *stream;

    green__real()->pthread_mutex_lock(&adding);
    stream = find_or_make(file, cookie);
    green__real()->pthread_mutex_unlock(&adding);
    return stream;
}

void green__stream_remove(struct green__stream *stream)
{
    stream->cookie = NULL;
    stream->depth = 0;
    atomic_store(&stream->owner, NULL);
    atomic_store(&stream->file, NULL);
}

static int visit_green(struct green__stream *stream,
                       int (*visit)(struct green__stream *stream, FILE *file))
{
    FILE *file = atomic_load(&stream->file);

    return file && stream->cookie ? visit(stream, file) : 0;
}

int green__streams_each(int (*visit)(struct green__stream *stream, FILE *file))
{
    int result = 0, error = errno;

    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct green__stream *stream = atomic_load(&buckets[i]); stream;
             stream = stream->next)
            if (visit_green(stream, visit) < 0) {
                result = -1;
                error = errno;
            }
    errno = error;
    return result;
}

/* ---- Owners --------------------------------------------------------------- */

/* The greenthread, or the OS thread: each of those has such an address. */
static const void *owner_here(void)
{
    static _Thread_local char os_thread;
    const struct green__scheduler *s = green__running();

    return s ? (const void *)s->current : &os_thread;
}

bool green__stream_is_mine(const struct green__stream *stream)
{
    return atomic_load_explicit(&stream->owner, memory_order_relaxed) ==
           owner_here();
}

/* Only the forking thread is in the child. */
static void unlock_others(void)
{
    const void *me = owner_here();

    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct green__stream *stream = atomic_load(&buckets[i]); stream;
             stream = stream->next)
            if (atomic_load(&stream->owner) != me)
                atomic_store(&stream->owner, NULL);
}

static void lock_table(void)
{
    green__real()->pthread_mutex_lock(&adding);
}

static void unlock_table(void)
{
    green__real()->pthread_mutex_unlock(&adding);
}

static void unlock_forked_table(void)
{
    unlock_table();
    unlock_others();
}

static void prepare(void)
{
    result_of_preparing =
        pthread_atfork(lock_table, unlock_table, unlock_forked_table);
}

int green__streams_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__real()->pthread_once(&once, prepare);
    return result_of_preparing ? green__refuse(result_of_preparing) : 0;
}

/* ---- The lock ------------------------------------------------------------- */

static bool take_free(struct green__stream *stream, const void *me)
{
    const void *nobody = NULL;

    if (!atomic_compare_exchange_strong(&stream->owner, &nobody, me))
        return false;
    stream->depth = 1;
    return true;
}

bool green__stream_try_lock(struct green__stream *stream)
{
    const void *me = owner_here();

    if (atomic_load_explicit(&stream->owner, memory_order_relaxed) != me)
        return take_free(stream, me);
    stream->depth++;
    return true;
}

/* False if there is no memory to wait with. */
static bool wait_once(struct green__stream *stream)
{
    struct green__lot_place here;

    if (green__lot_enter(&here, stream, &waiting_for_stream) < 0) {
        green__count(&green__counted.native_instead);
        return false;
    }
    if (!atomic_load(&stream->owner)) {
        (void)green__lot_leave(&here);
        return true;
    }
    return green__lot_park_shielded(&here, GREEN_FOREVER) == 0;
}

static void nap_natively(void)
{
    const struct timespec nap = {.tv_nsec = 100000};

    green__real()->nanosleep(&nap, NULL);
}

/*
 * A callback, or a greenthread in a native region, must not block the OS thread
 * of the greenthread that it would wait for. OS threads without greenthreads
 * look again and again.
 */
static GREEN__COLD bool lock_slowly(struct green__stream *stream)
{
    bool green = green__is_green(GREEN_PATCH_STDIO), waits = true;
    int saved = errno;

    if (!green && green__running())
        return false;
    do {
        if (green)
            waits = wait_once(stream);
        else
            nap_natively();
    } while (waits && !take_free(stream, owner_here()));
    errno = saved;
    return waits;
}

bool green__stream_lock(struct green__stream *stream)
{
    return green__likely(green__stream_try_lock(stream)) || lock_slowly(stream);
}

void green__stream_unlock(struct green__stream *stream)
{
    int saved;

    if (--stream->depth > 0)
        return;
    saved = errno;
    atomic_store(&stream->owner, NULL); /* a full barrier */
    if (green__lot_has_waiters(stream))
        (void)green__lot_wake_slow(stream, 1);
    errno = saved;
}

/* ---- A call --------------------------------------------------------------- */

bool green__stream_takes_lock(const struct green__stream *stream)
{
    return stream->cookie || green__is_green(GREEN_PATCH_STDIO);
}

static struct green__stream_use use_of(struct green__stream *stream)
{
    bool locked = stream && green__stream_takes_lock(stream) &&
                  green__stream_lock(stream);

    return (struct green__stream_use){locked ? stream : NULL, false};
}

struct green__stream_use green__stream_begin_slowly(FILE *file)
{
    return use_of(green__stream_find(file));
}

static bool has_no_input(const FILE *file)
{
    return file->_IO_read_ptr >= file->_IO_read_end;
}

/* A stream of libc's own that waits, as stdin may. */
static bool waits_natively(const FILE *file)
{
    return has_no_input(file) && file->_fileno >= 0 &&
           !(file->_flags & _IO_EOF_SEEN) && file->_mode <= 0 &&
           green__file_is_slow(file->_fileno) &&
           !(green__real()->fcntl(file->_fileno, F_GETFL) & O_NONBLOCK);
}

/* The first bytes are waited for here. What comes after them libc reads. */
static bool await_input(FILE *file)
{
    int saved = errno;

    if (green_wait(file->_fileno, GREEN_READ, GREEN_FOREVER) >= 0 ||
        (errno != ECANCELED && errno != ETIMEDOUT && errno != EINTR)) {
        errno = saved;
        return true;
    }
    file->_flags |= _IO_ERR_SEEN;
    return false;
}

static struct green__stream *stream_to_read(FILE *file)
{
    struct green__stream *stream = green__stream_find(file);

    return !stream && green__is_green(GREEN_PATCH_STDIO) && waits_natively(file)
               ? green__stream_add(file, NULL)
               : stream;
}

/* A thread that ends here leaves no lock behind. */
static struct green__stream_use cancelled(struct green__stream_use use)
{
    green__stream_unlock(use.stream);
    use.stream = NULL;
    (void)green__point_ends(-1);
    return use;
}

struct green__stream_use green__stream_begin_read(FILE *file)
{
    struct green__stream_use use = use_of(stream_to_read(file));

    if (use.stream && !use.stream->cookie && waits_natively(file))
        use.failed = !await_input(file);
    return use.failed && errno == ECANCELED ? cancelled(use) : use;
}
