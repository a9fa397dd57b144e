#include "greenthread/call.h"

#include <errno.h>

/*
 * A call that need not wait fails with what has not been seen yet, and later with
 * one in MOST_OVERLOOKED: what a killed greenthread still has to say it can, and a
 * loop ends all the same.
 */
#define MOST_OVERLOOKED 64

GREEN__COLD int green__call_refused(struct green_thread *thread)
{
    int error = green__interruption(thread);

    if (!error)
        return 0;
    if (!(thread->flags & GREEN__ALARMED) &&
        ++thread->overlooked < MOST_OVERLOOKED)
        return 0;
    thread->flags &= (uint8_t)~GREEN__ALARMED;
    thread->overlooked = 0;
    return green__refuse(error);
}

/* In a callback; or there are no greenthreads here yet, but a hub, which must not
 * wait for the first call that blocks. */
GREEN__COLD void green__call_ends_first(void)
{
    struct green_hub *hub = green__hub_here();
    int saved = errno;

    if (hub && !hub->dispatching)
        (void)green__scheduler();
    errno = saved;
}
