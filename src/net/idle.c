/* Idle regions: waits that the stop of a server ends. */
#include <errno.h>

#include "greenthread/cancel_scope.h"
#include "greenthread/scheduler.h"
#include "net/server.h"

/* ---- The servers of an OS thread --------------------------------------- */

void green__shard_enter(struct green__shard *shard)
{
    struct green__self *self = green__self();
    const struct green__scheduler *s = green__scheduler();

    green__list_init(&shard->idle);
    shard->drops = s ? s->drops : 0; /* as of one that is made later */
    shard->next_here = self->servers;
    self->servers = shard;
}

void green__shard_leave(struct green__shard *shard)
{
    struct green__shard **place = &green__self()->servers;

    while (*place && *place != shard)
        place = &(*place)->next_here;
    if (*place)
        *place = shard->next_here;
    while (!green__list_empty(&shard->idle))
        green__list_remove(shard->idle.next);
}

/* This OS thread's part of the server, or with NULL of any; NULL: none. After a
 * change of hub or a fork, the greenthreads of earlier ones are gone. */
static struct green__shard *find_here(const struct green_server *server)
{
    struct green__scheduler *s = green__scheduler();
    struct green__shard *shard = s ? green__self_here()->servers : NULL;

    while (shard && (shard->drops != s->drops ||
                     (server && shard->run->options.server != server)))
        shard = shard->next_here;
    return shard;
}

bool green_server_stopping(const struct green_server *server)
{
    const struct green__shard *shard;

    if (server)
        return atomic_load_explicit(&server->internal.stop,
                                    memory_order_acquire) &
               GREEN__STOP;
    shard = find_here(NULL);
    return shard && green__run_ends(shard->run);
}

/* ---- Regions ----------------------------------------------------------- */

static void fire_region(struct green_idle *idle)
{
    green__cancel_scope_fire(&idle->internal.cancel_scope, ECANCELED);
}

/* Firing runs no greenthread, so the list stays as it is. */
void green__shard_end_idle(struct green__shard *shard)
{
    struct green_list *link;

    green__list_each (&shard->idle, link)
        fire_region(container_of(link, struct green_idle, internal.link));
}

static void end_region(struct green_cancel_scope *scope)
{
    green_idle_end(
        container_of(scope, struct green_idle, internal.cancel_scope));
}

int green_idle_begin(struct green_idle *idle, struct green_server *server)
{
    struct green__shard *shard = find_here(server);

    if (!idle || !shard)
        return green__refuse(EINVAL);
    if (green__cancel_scope_enter(&idle->internal.cancel_scope, GREEN__IDLE,
                                  end_region, __builtin_return_address(0)) < 0)
        return -1;
    green__list_append(&shard->idle, &idle->internal.link);
    if (green__run_ends(shard->run))
        fire_region(idle);
    return 0;
}

int green_idle_end(struct green_idle *idle)
{
    if (!idle || green__cancel_scope_leave(&idle->internal.cancel_scope,
                                           GREEN__IDLE) < 0)
        return green__refuse(EINVAL);
    green__list_remove(&idle->internal.link);
    return 0;
}

bool green_idle_stopped(const struct green_idle *idle)
{
    return idle && idle->internal.cancel_scope.error;
}
