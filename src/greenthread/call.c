#include "greenthread/call.h"

#include <errno.h>

/*
 * A call that need not wait fails with an interruption that no call has
 * reported yet, and after that once in MAX_OVERLOOKED calls: so a killed
 * greenthread can still send its last messages, yet a loop of such calls ends.
 */
#define MAX_OVERLOOKED 64

GREEN__COLD int green__call_refused(struct green_thread *thread)
{
    int error = green__interruption(thread);

    if (!error)
        return 0;
    if (!(thread->flags & GREEN__ALARMED) &&
        ++thread->overlooked < MAX_OVERLOOKED)
        return 0;
    thread->flags &= (uint8_t)~GREEN__ALARMED;
    thread->overlooked = 0;
    return green__refuse(error);
}

/* Without a running scheduler the caller is a callback, or its OS thread has a
 * hub but no scheduler. In the latter case make the scheduler now, not at the
 * first call that blocks. */
GREEN__COLD void green__call_ends_first(void)
{
    struct green_hub *hub = green__hub_here();
    int saved = errno;

    if (hub && !hub->dispatching)
        (void)green__scheduler();
    errno = saved;
}
