/*
 * Runs a moment on a new thread control block, before any greenthread does:
 * what prepare has found may be all there, and still not do with a C library
 * that nobody has tried.
 */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/self.h"
#include "context/thread_pointer.h"
#include "patch/tls_parts.h"

#define INITIAL 42

static _Thread_local int initialised = INITIAL;
static _Thread_local char zero[64];
static void *volatile kept;

/* Read and written through here, so that no compiler takes one for the other. */
static GREEN__NOINLINE void spoil(int number)
{
    errno = number;
    initialised = number;
    memset(zero, number, sizeof zero);
}

static GREEN__NOINLINE bool is_spoilt(int number)
{
    return errno == number && initialised == number && zero[1] == number;
}

static GREEN__NOINLINE bool has_values(void)
{
    return initialised == INITIAL && zero[1] == 0 && errno == 0;
}

static GREEN__NOINLINE const char *try_on_it(void *self)
{
    if ((void *)pthread_self() != self)
        return "pthread_self() is another thread's";
    if (!has_values())
        return "variables have no initial values";
    spoil(5);
    if (!is_spoilt(5))
        return "variables do not keep their values";
    if (!isalpha('x') || tolower('X') != 'x')
        return "it has no locale";
    kept = malloc(24);
    if (!kept)
        return "malloc fails";
    free(kept);
    if (sched_getcpu() < 0)
        return "sched_getcpu() fails";
    return NULL;
}

/* Nothing on the way out may use thread-local data. */
static GREEN__NOINLINE const char *try_under(void *thread_pointer, void *self)
{
    void *before = green__thread_pointer();
    const char *wrong;

    green__thread_pointer_change(thread_pointer);
    green__tls_layout.begin_ctype();
    wrong = try_on_it(self);
    green__tls_keys_end(
        thread_pointer); /* a malloc may keep a list of threads */
    green__thread_pointer_change(before);
    return wrong;
}

const char *green__tls_try(void)
{
    const struct green__tls_layout *layout = &green__tls_layout;
    void *block = layout->allocate(NULL);
    const char *wrong;
    int saved = errno;

    if (!block)
        return "there is no memory to try it";
    green__tls_fill(block, green__thread_pointer());
    spoil(7);
    wrong = try_under(block, green__tls_at(block, layout->thread));
    if (!wrong && !is_spoilt(7))
        wrong = "it changes variables of another thread";
    green__tls_keys_free(block);
    layout->deallocate(block, true);
    initialised = INITIAL;
    memset(zero, 0, sizeof zero);
    errno = saved;
    return wrong;
}
