#include "base/self.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <greenhub/base.h>
#include <greenhub/hub.h>
#include <greenhub/hub_module.h>

#include "base/code.h"
#include "base/system.h"
#include "base/trace.h"

static const struct green__self nobody;

_Thread_local struct green__self *green__self_pointer
    __attribute__((tls_model("initial-exec"))) = (struct green__self *)&nobody;

static _Thread_local struct green__self storage
    __attribute__((tls_model("initial-exec")));

uint32_t green__file_changes, green__forks;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key;
static int once_error;

GREEN__NOINLINE struct green__self *green__self(void)
{
    if (green__unlikely(green__self_pointer == &nobody))
        green__self_pointer = &storage;
    return green__self_pointer;
}

static void thread_ends(void *value)
{
    struct green__self *self = value;

    self->registered = false;
    if (self->scheduler)
        self->scheduler_layer->ends(self);
    if (self->hub)
        self->hub_layer->ends(self);
    if (self->mailbox)
        self->mailbox_layer->ends(self);
    if (self->buffers)
        self->buffers_layer->ends(self);
    green__trace_thread_ends(self);
}

static void forked_child(void)
{
    struct green__self *self = green__self();

    if (self->scheduler)
        self->scheduler_layer->forked(self);
    if (self->hub)
        self->hub_layer->forked(self);
    if (self->mailbox)
        self->mailbox_layer->forked(self);
}

/*
 * pthread_key_create and pthread_atfork keep pointers to this library's
 * functions for the life of the process, so its code must stay loaded. The
 * shared library is linked with -z nodelete; an object that contains the static
 * library is not, and might be a plugin that is unloaded.
 */
static void stay_loaded(void)
{
    green__code_keep((void *)(uintptr_t)thread_ends);
}

/* From here on the child shares all open files. */
static void forked_parent(void)
{
    __atomic_fetch_add(&green__forks, 1, __ATOMIC_RELEASE);
    green__files_change();
}

static void set_up_process(void)
{
    stay_loaded();
    once_error = green__system.pthread_key_create(&end_key, thread_ends);
    if (!once_error)
        once_error = pthread_atfork(NULL, forked_parent, forked_child);
}

int green__self_register(struct green__self *self)
{
    int error;

    if (self->registered)
        return 0;
    green__system.pthread_once(&once, set_up_process);
    error = once_error ? once_error
                       : green__system.pthread_setspecific(end_key, self);
    if (error)
        return green__fail(error, "cannot notice the end of this thread");
    self->registered = true;
    return 0;
}

static void set_error(const char *format, va_list arguments)
{
    int saved = errno;

    vsnprintf(green__self()->error, GREEN__ERROR_SIZE, format, arguments);
    errno = saved;
}

int green__fail(int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_error(format, arguments);
    va_end(arguments);
    errno = error;
    return -1;
}

void green_hub_set_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_error(format, arguments);
    va_end(arguments);
}

const char *green_hub_error(void)
{
    return green__self()->error;
}

const char *green_version(void)
{
    return GREEN__VERSION;
}
