/* Bytes between two streams, both ways. */
#include <greenhub/scope.h>

#include <errno.h>
#include <sys/socket.h>

#include "base/self.h"
#include "net/copy.h"

struct direction {
    struct green_stream *from, *to;
    int error; /* its peer takes nothing more */
};

/*
 * Passes the end on: the other direction may go on. It does so, too, when a write
 * has found that the peer is gone: what that has sent before is still to be
 * copied, and ends with it.
 */
static int relay_one_way(void *arg)
{
    struct direction *direction = arg;
    bool writing;

    if (green__stream_copy(direction->from, direction->to, NULL, &writing) == 0)
        return green_stream_shutdown(direction->to, SHUT_WR);
    if (!writing || (errno != EPIPE && errno != ECONNRESET))
        return -1;
    direction->error = errno;
    return 0;
}

int green_stream_relay(struct green_stream *left, struct green_stream *right)
{
    struct direction there = {.from = left, .to = right};
    struct direction back = {.from = right, .to = left};
    struct green_scope scope; /* neither direction outlives it */
    int error = 0;

    if (!left || !right)
        return green__refuse(EINVAL);
    if (green_scope_begin(&scope, GREEN_FOREVER) < 0)
        return -1;
    if (green_scope_spawn(&scope, relay_one_way, &back) < 0 ||
        relay_one_way(&there) < 0)
        error = errno;
    /* If the other direction broke first, it stopped this one. */
    if (error && !green_scope_stopped(&scope))
        green_scope_stop(&scope);
    else
        error = 0;
    if (green_scope_end(&scope) < 0 && !error)
        error = errno;
    if (!error)
        error = there.error ? there.error : back.error;
    return error ? green__refuse(error) : 0;
}
