/*
 * Calls that libc makes for the OS thread that it knows: it reads the thread's
 * id, and more, from the thread control block. A greenthread has another id, and
 * perhaps another block; between begin and end it has the OS thread's. Nothing
 * in between may switch.
 */
#ifndef GREEN_PATCH_OS_THREAD_H
#define GREEN_PATCH_OS_THREAD_H

#include "patch/rule.h"
#include "patch/tls.h"

struct green__as_os_thread {
    int *tid_place, tid;
    void *entered;
};

static inline void green__as_os_thread_begin(struct green__as_os_thread *it)
{
    struct green__scheduler *s = green__self_here()->scheduler;

    it->entered = green__tls_enter_os();
    it->tid_place = s ? s->tid_place : NULL;
    it->tid = 0;
    if (!it->tid_place)
        return;
    it->tid = *it->tid_place;
    *it->tid_place = s->os_tid;
}

static inline void green__as_os_thread_end(struct green__as_os_thread *it)
{
    if (it->tid_place)
        *it->tid_place = it->tid;
    green__tls_leave_os(it->entered);
}

#endif
