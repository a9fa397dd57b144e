#include "io/file_operation.h"

#include <stdio.h>

#include "greenthread/scheduler.h"
#include "io/pending.h"

static void describe_file(const struct green__waiter *waiter, char *text,
                          size_t size)
{
    (void)waiter;
    snprintf(text, size, "of a file");
}

static const struct green__wait_kind working = {
    .name = "operation", .describe = describe_file, .signals = GREEN__RESTARTS};

/* A kill does not end a call that need not wait: a greenthread that was killed
 * makes the plain call, and so does a caller that cannot park. */
static bool may_park(const struct green_thread *thread)
{
    return thread && !(thread->alarms && green__interruption(thread));
}

bool green__file_operate(struct green__io *io,
                         struct green_operation *operation, int64_t *result)
{
    struct green__pending pending;

    if (!io->hub || !(io->hub->operations & (1u << operation->kind)))
        return false;
    if (!io->d && io->fd >= 0 &&
        !(io->d = green__descriptor_get(io->hub, io->fd)))
        return false;
    green__pending_init(&pending, io, operation, &working);
    if (!may_park(pending.place.waiter.thread) ||
        green__pending_run(&pending, 0, GREEN_FOREVER) < 0)
        return false;
    io->closed = green__pending_is_closed(&pending);
    *result = pending.ended ? operation->result : -EIO;
    if (*result >= 0)
        return true;
    if (*result == -ECANCELED || *result == -EINTR || *result == -EAGAIN) {
        if (!pending.reason)
            return false; /* the kernel refused: nothing was done */
        *result = -pending.reason;
    }
    errno = (int)-*result;
    *result = -1;
    return true;
}
