/* Every other function that takes a pthread_t: libc would read the memory
 * behind a handle of ours as its own. */
#include <string.h>

#include "patch/os_thread.h"
#include "patch/report.h"
#include "patch/signals.h"
#include "patch/thread.h"

static int released(struct green__pthread *it, int result)
{
    green__pthread_release(it);
    return result;
}

/* Any OS thread may set and read a name. */
static void set_name(struct green__pthread *it, const char *name)
{
    green__pthreads_lock();
    memcpy(it->name, name, strlen(name) + 1);
    green__pthreads_unlock();
}

/* The process's name until it has one. */
static void copy_name(struct green__pthread *it, char *name)
{
    green__pthreads_lock();
    memcpy(name, it->name, sizeof it->name);
    green__pthreads_unlock();
    if (!*name)
        (void)green__real()->pthread_getname_np(it->carrier->os_thread, name,
                                                sizeof it->name);
}

void green__pthread_take_name(struct green__pthread *it)
{
    char name[sizeof it->name];

    copy_name(it, name);
    if (it->thread)
        (void)green_set_name(it->thread, name);
}

GREEN__HOOK int pthread_setname_np(pthread_t handle, const char *name)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_setname_np(handle, name);
    if (strlen(name) >= sizeof it->name)
        return released(it, ERANGE);
    set_name(it, name);
    if (green__carrier_is_here(it->carrier))
        green__pthread_take_name(it);
    else
        green__carrier_ask(it, GREEN__ASKED_NAME);
    return released(it, 0);
}

GREEN__HOOK int pthread_getname_np(pthread_t handle, char *name, size_t size)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_getname_np(handle, name, size);
    if (size < sizeof it->name)
        return released(it, ERANGE);
    copy_name(it, name);
    return released(it, 0);
}

/* One that was dealt to another OS thread has no stack before that has seen
 * it. */
static char *await_stack(struct green__pthread *it)
{
    const struct timespec nap = {.tv_nsec = 100000};
    char *bottom;

    while (!(bottom = atomic_load(&it->stack_bottom)))
        (void)nanosleep(&nap, NULL);
    return bottom;
}

static int fill_attributes(struct green__pthread *it, pthread_attr_t *attr)
{
    char *bottom;

    if (atomic_load(&it->finished))
        return ESRCH;
    bottom = await_stack(it);
    if (pthread_attr_init(attr) != 0)
        return ENOMEM;
    (void)pthread_attr_setstack(attr, bottom, (size_t)(it->stack_top - bottom));
    (void)pthread_attr_setdetachstate(attr, atomic_load(&it->state) ==
                                                    GREEN__DETACHED_THREAD
                                                ? PTHREAD_CREATE_DETACHED
                                                : PTHREAD_CREATE_JOINABLE);
    return 0;
}

/* libc asks the kernel by the id in the thread's control block, where a
 * greenthread's is: so this, and what follows, is done as the OS thread. */
static int attributes_of_os_thread(pthread_t handle, pthread_attr_t *attr)
{
    struct green__as_os_thread os;
    int error;

    green__as_os_thread_begin(&os);
    error = green__real()->pthread_getattr_np(handle, attr);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_getattr_np(pthread_t handle, pthread_attr_t *attr)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return attributes_of_os_thread(handle, attr);
    return released(it, fill_attributes(it, attr));
}

/* ---- What belongs to the OS thread --------------------------------------------- */

/* The greenthreads of an OS thread share its policy, priority, processors and
 * CPU clock: reading tells the OS thread's, setting is for all. */
static pthread_t os_thread(pthread_t handle, const char *symbol)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (symbol && green__is_green(GREEN_PATCH_THREADS))
        green__report_identity(symbol);
    if (!it)
        return handle;
    handle = it->carrier->os_thread;
    green__pthread_release(it);
    return handle;
}

GREEN__HOOK int pthread_setschedparam(pthread_t handle, int policy,
                                      const struct sched_param *parameters)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, "pthread_setschedparam");
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_setschedparam(handle, policy, parameters);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_getschedparam(pthread_t handle, int *policy,
                                      struct sched_param *parameters)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, NULL);
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_getschedparam(handle, policy, parameters);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_setschedprio(pthread_t handle, int priority)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, "pthread_setschedprio");
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_setschedprio(handle, priority);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_setaffinity_np(pthread_t handle, size_t size,
                                       const cpu_set_t *set)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, "pthread_setaffinity_np");
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_setaffinity_np(handle, size, set);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_getaffinity_np(pthread_t handle, size_t size,
                                       cpu_set_t *set)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, NULL);
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_getaffinity_np(handle, size, set);
    green__as_os_thread_end(&os);
    return error;
}

GREEN__HOOK int pthread_getcpuclockid(pthread_t handle, clockid_t *clock)
{
    struct green__as_os_thread os;
    int error;

    handle = os_thread(handle, "pthread_getcpuclockid");
    green__as_os_thread_begin(&os);
    error = green__real()->pthread_getcpuclockid(handle, clock);
    green__as_os_thread_end(&os);
    return error;
}

/* ---- Signals -------------------------------------------------------------------- */

GREEN__HOOK int pthread_kill(pthread_t handle, int number)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_kill(handle, number);
    return released(it, green__signal_thread(it, number, NULL));
}

GREEN__HOOK int pthread_sigqueue(pthread_t handle, int number,
                                 const union sigval value)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_sigqueue(handle, number, value);
    return released(it, green__signal_thread(it, number, &value));
}
