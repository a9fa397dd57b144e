/* Identities of greenthreads: set-up. The switch is in scheduler.c. */
#include "greenthread/identity.h"

#include "base/system.h"
#include "context/thread_pointer.h"
#include "greenthread/scheduler.h"

void green__identities_begin(struct green__scheduler *s)
{
    s->os_thread_pointer = green__thread_pointer();
    s->thread_pointer = s->os_thread_pointer;
    s->carries |= GREEN__CARRIES_IDENTITIES;
}

void green__tids_begin(struct green__scheduler *s, int *place, int os_tid)
{
    s->os_tid = os_tid;
    s->tid_place = place;
    s->carries |= GREEN__CARRIES_TIDS;
    *place = green__tid_of(s, s->current);
}

GREEN__NOINLINE void green__identity_set(struct green__scheduler *s,
                                         struct green_thread *thread,
                                         struct green__identity *identity)
{
    thread->identity = identity;
    if (thread == s->current)
        green__thread_pointer_follow(s, thread);
}

void green__identity_forked(struct green__scheduler *s)
{
    if (!s->tid_place)
        return;
    s->os_tid = green__system.gettid();
    *s->tid_place = green__tid_of(s, s->current);
}
