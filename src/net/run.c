/* Stop and failure of one call of green_serve, from whichever thread. */
#include <errno.h>

#include "base/across.h"
#include "net/server.h"

static void notify_all(struct green__run *run)
{
    unsigned i;

    for (i = 0; i < run->count; i++)
        green__shard_notify(&run->shards[i]);
}

bool green__run_ends(const struct green__run *run)
{
    return (__atomic_load_n(&run->server->internal.stop, __ATOMIC_ACQUIRE) &
            GREEN__STOP) != 0 ||
           __atomic_load_n(&run->error, __ATOMIC_ACQUIRE) != 0;
}

bool green__run_fail(struct green__run *run, int error)
{
    int none = 0;
    bool first = __atomic_compare_exchange_n(
        &run->error, &none, error, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);

    notify_all(run);
    return first;
}

/*
 * The run may end while this is under way. Whoever ends it takes `state` away
 * first, and then waits until no call is left that may have seen it.
 */
int green_server_stop(struct green_server *server)
{
    struct green__run *run;
    int error = errno; /* in a signal handler it is somebody else's */

    if (server == NULL)
        return green__refuse(EINVAL);
    __atomic_fetch_add(&server->internal.stop, GREEN__STOPPER,
                       __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&server->internal.stop, GREEN__STOP, __ATOMIC_SEQ_CST);
    run = __atomic_load_n(&server->internal.state, __ATOMIC_SEQ_CST);
    if (run != NULL)
        notify_all(run);
    __atomic_fetch_sub(&server->internal.stop, GREEN__STOPPER,
                       __ATOMIC_SEQ_CST);
    errno = error;
    return 0;
}

void green__run_begin(struct green__run *run)
{
    __atomic_store_n(&run->server->internal.state, run, __ATOMIC_SEQ_CST);
}

void green__run_end(struct green__run *run)
{
    struct green_server *server = run->server;
    unsigned round = 0;

    __atomic_store_n(&server->internal.state, NULL, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&server->internal.stop, __ATOMIC_SEQ_CST) >=
           GREEN__STOPPER)
        green__across_back_off(&round);
}
