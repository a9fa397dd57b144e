/* Stop and failure of one call of green_serve, from any OS thread. */
#include <errno.h>

#include "base/wakeup.h"
#include "net/server.h"

static void notify_all(struct green__run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        green__shard_notify(&run->shards[i]);
}

bool green__run_ends(const struct green__run *run)
{
    return (atomic_load_explicit(&run->server->internal.stop,
                                 memory_order_acquire) &
            GREEN__STOP) ||
           green__run_error(run);
}

bool green__run_kills(const struct green__run *run)
{
    return run->options.kill_on_stop || green__run_error(run) ||
           (atomic_load_explicit(&run->server->internal.stop,
                                 memory_order_acquire) &
            GREEN__KILL);
}

bool green__run_fail(struct green__run *run, int error)
{
    int none = 0;
    bool first = atomic_compare_exchange_strong_explicit(
        &run->error, &none, error, memory_order_acq_rel, memory_order_acquire);

    notify_all(run);
    return first;
}

/*
 * The run may end during this call: green__run_end first clears `state`, then
 * waits until no call that may have read it is left.
 */
static int request(struct green_server *server, unsigned what)
{
    struct green__run *run;
    int error = errno; /* a signal handler must keep it */

    if (!server)
        return green__refuse(EINVAL);
    atomic_fetch_add(&server->internal.stop, GREEN__STOPPER);
    atomic_fetch_or(&server->internal.stop, what);
    run = atomic_load(&server->internal.state);
    if (run)
        notify_all(run);
    atomic_fetch_sub(&server->internal.stop, GREEN__STOPPER);
    errno = error;
    return 0;
}

int green_server_stop(struct green_server *server)
{
    return request(server, GREEN__STOP);
}

int green_server_kill(struct green_server *server)
{
    return request(server, GREEN__STOP | GREEN__KILL);
}

void green__server_unwatch(struct green_server *server)
{
    if (server && server->internal.watcher)
        green_kill(server->internal.watcher);
    if (server)
        server->internal.watcher = NULL;
}

void green__run_begin(struct green__run *run)
{
    atomic_store(&run->server->internal.state, run);
}

void green__run_end(struct green__run *run)
{
    struct green_server *server = run->server;
    unsigned round = 0;

    atomic_store(&server->internal.state, NULL);
    while (atomic_load(&server->internal.stop) >= GREEN__STOPPER)
        green__back_off(&round);
}
