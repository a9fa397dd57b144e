#include "net/servers.h"

#include <stdio.h>
#include <unistd.h>

#include "greenthread/schedulers.h"

/* Kept by green__schedulers_lock, which is unlocked in a forked child. */
static struct green_list servers = {&servers, &servers};

void green__servers_add(struct green__run *run)
{
    run->process = getpid();
    green__schedulers_lock();
    green__list_append(&servers, &run->link);
    green__schedulers_unlock();
}

void green__servers_remove(struct green__run *run)
{
    green__schedulers_lock();
    green__list_remove(&run->link);
    green__schedulers_unlock();
}

static void count(struct green__server_counts *to, const struct green__run *run)
{
    struct green_server *server = run->server;

    *to = (struct green__server_counts){
        .accepted = atomic_load(&server->accepted),
        .active = atomic_load(&server->active),
        .pauses = atomic_load(&server->pauses),
        .os_threads = run->count,
        .most = run->options.max_connections,
        .full = atomic_load(&run->slots_wanted) > 0,
        .stops = atomic_load(&server->internal.stop) & GREEN__STOP,
    };
    snprintf(to->address, sizeof to->address, "%s", run->address);
}

size_t green__servers_count(struct green__server_counts *to, size_t room)
{
    const struct green_list *at;
    size_t found = 0;

    green__schedulers_lock();
    green__list_each (&servers, at) {
        const struct green__run *run = container_of(
            (struct green_list *)(uintptr_t)at, struct green__run, link);

        if (found < room && run->process == getpid())
            count(&to[found++], run);
    }
    green__schedulers_unlock();
    return found;
}
