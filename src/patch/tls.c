/* Makes, keeps and frees thread control blocks. */
#include "patch/real.h"
#include "patch/tls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"
#include "context/thread_pointer.h"
#include "greenthread/scheduler.h"
#include "patch/tls_parts.h"

/* As many unused ones are kept in each OS thread, of about 5 KB. */
#define KEPT 1024

#define ZERO_PIECE ((size_t)1024)

/* Thread ids of TCBs: below those of greenthreads without one, above those that
 * the kernel gives (at most 2^22). */
#define TID_FIRST 0x10000000u
#define TID_COUNT 0x10000000u

/* The kernel's struct robust_list_head. */
struct robust_head {
    void *first;
    long futex_offset;
    void *pending;
};

struct green__tls_home {
    void *thread_pointer; /* the OS thread's */
    struct green__tls *unused;
    unsigned unused_count;
};

/* In each TCB. */
struct own {
    struct green__tls *tls; /* NULL: the OS thread's */
    struct green__tls_home *home;
};
static _Thread_local struct own own __attribute__((tls_model("initial-exec")));

/* What C++ compilers call for an object with a destructor: a key's destructor
 * would be green's, since keys are hooked. */
extern int __cxa_thread_atexit_impl(void (*fn)(void *), void *arg,
                                    void *library);
extern void *__dso_handle;

/* The address in another TCB of what `mine` is in this one. */
static void *in_tcb(void *thread_pointer, void *mine)
{
    return (char *)thread_pointer +
           ((char *)mine - (char *)green__thread_pointer());
}

/* ---- A TCB ---------------------------------------------------------------- */

static int next_tid(void)
{
    static unsigned count;

    return (int)(TID_FIRST +
                 __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED) % TID_COUNT);
}

static void fill_lists(void *thread_pointer, void *os_thread_pointer)
{
    const struct green__tls_layout *layout = &green__tls_layout;
    void **list = green__tls_at(thread_pointer, layout->list);
    struct robust_head *robust = green__tls_at(thread_pointer, layout->robust);
    const struct robust_head *os =
        green__tls_at(os_thread_pointer, layout->robust);

    /* A fork takes the thread out of this list. */
    list[0] = list;
    list[1] = list;
    /* The word before is the end of the list. */
    ((void **)robust)[-1] = robust;
    robust->first = robust;
    robust->futex_offset = os->futex_offset;
}

static void fill_shared(void *thread_pointer, void *os_thread_pointer)
{
    const struct green__tls_layout *layout = &green__tls_layout;

    for (unsigned i = 0; i < layout->malloc_word_count; i++) {
        ptrdiff_t at = layout->malloc_words[i];

        *(void **)green__tls_at(thread_pointer, at) =
            *(void **)green__tls_at(os_thread_pointer, at);
    }
    *(void **)green__tls_at(thread_pointer, layout->resolver) =
        *(void **)green__tls_at(os_thread_pointer, layout->resolver);
    *(struct green__self **)in_tcb(thread_pointer, &green__self_pointer) =
        *(struct green__self **)in_tcb(os_thread_pointer, &green__self_pointer);
}

void green__tls_fill(void *thread_pointer, void *os_thread_pointer)
{
    const struct green__tls_layout *layout = &green__tls_layout;

    green__tls_head_fill(thread_pointer, os_thread_pointer);
    *(int *)green__tls_at(thread_pointer, layout->tid) = next_tid();
    fill_lists(thread_pointer, os_thread_pointer);
    fill_shared(thread_pointer, os_thread_pointer);
    *(void **)green__tls_at(thread_pointer, layout->key_blocks) =
        green__tls_at(thread_pointer, layout->first_keys);
    /* The kernel does not know this area: cpu_id says so. */
    if (layout->rseq)
        ((int *)green__tls_at(thread_pointer, layout->rseq))[1] = -1;
}

/* Whether its thread-local data of loaded libraries were allocated one by one.
 * In the vector's entry -1 is its length; an entry's second word is what to
 * free. */
static bool has_blocks(void *thread_pointer)
{
    void **vector = *green__tls_vector(thread_pointer);
    size_t count = ((size_t *)vector)[-2];

    for (size_t i = 1; i <= count; i++)
        if (vector[2 * i + 1])
            return true;
    return false;
}

/* In pieces: one memset of the whole took 100 ns, presumably since the C library
 * uses `rep stosb` from 2 KiB on. */
static void zero(char *memory, size_t size)
{
    for (; size > ZERO_PIECE; size -= ZERO_PIECE, memory += ZERO_PIECE)
        memset(memory, 0, ZERO_PIECE);
    memset(memory, 0, size);
}

/* Makes a used TCB as new. */
static void clear(void *thread_pointer)
{
    const struct green__tls_layout *layout = &green__tls_layout;
    void **vector = *green__tls_vector(thread_pointer);

    zero(green__tls_at(thread_pointer, layout->thread), layout->thread_size);
    *green__tls_vector(thread_pointer) = vector;
    layout->initialise(thread_pointer, true);
}

/* ---- Make and free ------------------------------------------------------- */

static struct green__tls *allocate(void)
{
    struct green__tls *tls = green__system_table()->allocate(1, sizeof *tls);

    if (!tls)
        return NULL;
    tls->identity.thread_pointer = green__tls_layout.allocate(NULL);
    if (!tls->identity.thread_pointer) {
        green__system_table()->release(tls);
        return NULL;
    }
    return tls;
}

static struct green__tls *take_unused(struct green__tls_home *home)
{
    struct green__tls *tls = home->unused;

    if (!tls)
        return NULL;
    home->unused = tls->next;
    home->unused_count--;
    clear(tls->identity.thread_pointer);
    return tls;
}

static void destroy(struct green__tls *tls)
{
    green__tls_layout.deallocate(tls->identity.thread_pointer, true);
    green__system_table()->release(tls);
}

static void release(struct green__identity *identity)
{
    green__tls_free(container_of(identity, struct green__tls, identity));
}

struct green__tls_home *green__tls_home_here(void)
{
    return own.home;
}

struct green__tls *green__tls_make(void)
{
    return green__tls_make_for(own.home);
}

struct green__tls *green__tls_make_for(struct green__tls_home *home)
{
    struct green__tls *tls;
    struct own *its;

    if (!home || !own.home) {
        errno = ENOTSUP;
        return NULL;
    }
    tls = take_unused(own.home);
    if (!tls)
        tls = allocate();
    if (!tls) {
        errno = ENOMEM;
        return NULL;
    }
    tls->identity.release = release;
    tls->user = NULL;
    green__tls_fill(tls->identity.thread_pointer, home->thread_pointer);
    its = in_tcb(tls->identity.thread_pointer, &own);
    *its = (struct own){.tls = tls, .home = home};
    return tls;
}

void green__tls_free(struct green__tls *tls)
{
    struct green__tls_home *home = own.home;

    if (!tls)
        return;
    green__tls_keys_free(tls->identity.thread_pointer);
    if (!home || home->unused_count >= KEPT ||
        has_blocks(tls->identity.thread_pointer)) {
        destroy(tls);
        return;
    }
    tls->next = home->unused;
    home->unused = tls;
    home->unused_count++;
}

/* ---- OS threads ----------------------------------------------------------- */

/* TCBs of greenthreads that end with this OS thread find no home. At the end of
 * the process main's stays. */
static void home_ends(void *value)
{
    struct green__tls_home *home = value;

    if (green__system_table()->gettid() == getpid())
        return;
    own.home = NULL;
    while (home->unused) {
        struct green__tls *tls = home->unused;

        home->unused = tls->next;
        destroy(tls);
    }
    green__system_table()->release(home);
}

int green__tls_here(struct green__scheduler *s)
{
    struct green__tls_home *home;

    if (!green__tls_layout.known)
        return green__refuse(ENOTSUP);
    if (own.home)
        return 0;
    /* This also sees to it that this OS thread has malloc's words. */
    home = green__system_table()->allocate(1, sizeof *home);
    if (!home)
        return green__refuse(ENOMEM);
    if (__cxa_thread_atexit_impl(home_ends, home, &__dso_handle)) {
        green__system_table()->release(home);
        return green__refuse(ENOMEM);
    }
    home->thread_pointer = green__thread_pointer();
    own.home = home;
    green__identities_begin(s);
    return 0;
}

/* ---- On a TCB ------------------------------------------------------------- */

void green__tls_begins(void)
{
    green__tls_layout.begin_ctype();
}

void green__tls_ends(void)
{
    green__tls_layout.run_destructors();
    green__tls_keys_end(green__thread_pointer());
}

/* errno goes along in both directions, since a call that succeeds may leave it as
 * it is. By address: a compiler may take it for the same on both sides. */
static int *errno_in(void *thread_pointer)
{
    return green__tls_at(thread_pointer, green__tls_layout.error);
}

GREEN__NOINLINE void *green__tls_enter_os(void)
{
    void *entered = green__thread_pointer();

    if (!own.tls)
        return NULL;
    *errno_in(own.home->thread_pointer) = *errno_in(entered);
    green__thread_pointer_change(own.home->thread_pointer);
    return entered;
}

GREEN__NOINLINE void green__tls_leave_os(void *entered)
{
    int error;

    if (!entered)
        return;
    error = *errno_in(green__thread_pointer());
    green__thread_pointer_change(entered);
    *errno_in(entered) = error;
}

struct green__tls *green__tls_current(void)
{
    return own.tls;
}

pthread_t green__tls_id(const struct green__tls *tls)
{
    return (pthread_t)green__tls_at(tls->identity.thread_pointer,
                                    green__tls_layout.thread);
}

struct green__tls *green__tls_of(pthread_t id)
{
    void *thread_pointer = (char *)id - green__tls_layout.thread;
    const struct own *its = in_tcb(thread_pointer, &own);

    return its->tls;
}
