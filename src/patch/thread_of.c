/* Every other function that takes a pthread_t: libc would read the memory
 * behind a handle of ours as its own. */
#include <string.h>

#include "patch/signals.h"
#include "patch/thread.h"

static int released(struct green__pthread *it, int result)
{
    green__pthread_release(it);
    return result;
}

GREEN__HOOK int pthread_setname_np(pthread_t handle, const char *name)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_setname_np(handle, name);
    if (strlen(name) >= sizeof it->name)
        return released(it, ERANGE);
    memcpy(it->name, name, strlen(name) + 1);
    if (it->thread)
        (void)green_set_name(it->thread, name);
    return released(it, 0);
}

GREEN__HOOK int pthread_getname_np(pthread_t handle, char *name, size_t size)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_getname_np(handle, name, size);
    if (size < sizeof it->name)
        return released(it, ERANGE);
    if (!it->name[0])
        (void)green__real()->pthread_getname_np(green__real()->pthread_self(),
                                                it->name, sizeof it->name);
    memcpy(name, it->name, strlen(it->name) + 1);
    return released(it, 0);
}

static int fill_attributes(struct green__pthread *it, pthread_attr_t *attr)
{
    struct green__stack *stack;

    if (!it->thread)
        return ESRCH;
    stack = green__stack_of_thread(it->thread);
    if (pthread_attr_init(attr) != 0)
        return ENOMEM;
    (void)pthread_attr_setstack(attr, stack->bottom,
                                (size_t)(stack->top - stack->bottom));
    (void)pthread_attr_setdetachstate(attr, atomic_load(&it->state) ==
                                                    GREEN__DETACHED_THREAD
                                                ? PTHREAD_CREATE_DETACHED
                                                : PTHREAD_CREATE_JOINABLE);
    return 0;
}

GREEN__HOOK int pthread_getattr_np(pthread_t handle, pthread_attr_t *attr)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return green__real()->pthread_getattr_np(handle, attr);
    return released(it, fill_attributes(it, attr));
}

/* ---- What belongs to the OS thread --------------------------------------------- */

/* The greenthreads of an OS thread share its policy, priority, processors and
 * CPU clock: reading tells the OS thread's, setting is for all. */
static pthread_t os_thread(pthread_t handle)
{
    struct green__pthread *it = green__pthread_of(handle);

    if (!it)
        return handle;
    green__pthread_release(it);
    return green__real()->pthread_self();
}

GREEN__HOOK int pthread_setschedparam(pthread_t handle, int policy,
                                      const struct sched_param *parameters)
{
    return green__real()->pthread_setschedparam(os_thread(handle), policy,
                                                parameters);
}

GREEN__HOOK int pthread_getschedparam(pthread_t handle, int *policy,
                                      struct sched_param *parameters)
{
    return green__real()->pthread_getschedparam(os_thread(handle), policy,
                                                parameters);
}

GREEN__HOOK int pthread_setschedprio(pthread_t handle, int priority)
{
    return green__real()->pthread_setschedprio(os_thread(handle), priority);
}

GREEN__HOOK int pthread_setaffinity_np(pthread_t handle, size_t size,
                                       const cpu_set_t *set)
{
    return green__real()->pthread_setaffinity_np(os_thread(handle), size, set);
}

GREEN__HOOK int pthread_getaffinity_np(pthread_t handle, size_t size,
                                       cpu_set_t *set)
{
    return green__real()->pthread_getaffinity_np(os_thread(handle), size, set);
}

GREEN__HOOK int pthread_getcpuclockid(pthread_t handle, clockid_t *clock)
{
    return green__real()->pthread_getcpuclockid(os_thread(handle), clock);
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
