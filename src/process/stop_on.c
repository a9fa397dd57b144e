/*
 * Signals that stop a server. A greenthread waits for them from before green_serve
 * begins until that ends it; it has no memory but what is in the server.
 */
#include <errno.h>
#include <signal.h>

#include <greenhub/net.h>
#include <greenhub/process.h>
#include <greenhub/thread.h>

#include "base/portable.h"
#include "base/system.h"
#include "greenthread/park.h"

/* A process without a free descriptor looks for signals so often. */
#define PAUSE (100 * GREEN_MSEC)

static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits = 0;

    for (int i = 1; i < NSIG && i <= 64; i++)
        if (sigismember(set, i) == 1)
            bits |= (uint64_t)1 << (i - 1);
    return bits;
}

static void set_of(uint64_t bits, sigset_t *set)
{
    sigemptyset(set);
    for (int i = 1; i < NSIG && i <= 64; i++)
        if (bits & ((uint64_t)1 << (i - 1)))
            sigaddset(set, i);
}

/* green_serve kills it when it ends, and then *server may be gone. */
static void *watch(void *arg)
{
    struct green_server *server = arg;
    bool stops = false;
    sigset_t set;

    set_of(server->internal.signals, &set);
    while (!green_killed()) {
        int number = green_signal_wait(&set, NULL);

        if (green_killed())
            break;
        if (number < 0)
            green_sleep(PAUSE);
        else if (stops)
            green_server_kill(server);
        else
            green_server_stop(server);
        stops = stops || number > 0;
    }
    return NULL;
}

static int spawn_watcher(struct green_server *server)
{
    const struct green_attr attr = {.name = "green_server_stop_on"};
    struct green_thread *thread = green_spawn_with(&attr, watch, server);

    if (!thread)
        return -1;
    green_detach(thread);
    server->internal.watcher = thread;
    return 0;
}

int green_server_stop_on(struct green_server *server, const sigset_t *set)
{
    sigset_t usual;

    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    if (!set)
        set = &usual;
    if (!server || bits_of(set) == 0)
        return green__refuse(EINVAL);
    if (server->internal.watcher)
        return green__refuse(EBUSY);
    server->internal.signals = bits_of(set);
    if (green__system.pthread_sigmask(SIG_BLOCK, set, NULL) != 0)
        return green__refuse(EINVAL);
    return spawn_watcher(server);
}
