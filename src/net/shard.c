/* One OS thread of green_serve: acceptor, connections, supervisor. */
#include "net/server.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include <greenhub/io.h>

#include "base/system.h"

/* The longest pause after descriptors or memory ran out. */
#define MAX_PAUSE (100 * GREEN_MSEC)

struct connection {
    struct green_list link; /* in the shard's connections */
    struct green__shard *shard;
    struct green_thread *thread; /* once its handler has begun */
    int fd;
    bool doomed; /* killed before it began: do not call the handler */
};

static void count_one(_Atomic uint64_t *number)
{
    atomic_fetch_add_explicit(number, 1, memory_order_relaxed);
}

/* ---- Limits: the acceptor waits for a connection to finish ------------ */

static void wake_acceptor(struct green__shard *shard)
{
    if (!shard->parked)
        return;
    shard->parked = false;
    green__wake(&shard->waiter);
}

/* Parks the acceptor. Returns 0 when woken, -1 with errno when interrupted. */
static int park_acceptor(struct green__shard *shard)
{
    static const struct green__wait_kind kind = {.name = "free connection"};
    int result;

    green__waiter_init(&shard->waiter, &kind);
    shard->parked = true;
    result = green__park(&shard->waiter);
    shard->parked = false;
    return result;
}

static void want_slot(struct green__shard *shard)
{
    if (!atomic_exchange(&shard->wants_slot, true))
        atomic_fetch_add(&shard->run->slots_wanted, 1);
}

/* Returns whether the shard wanted a slot. */
static bool unwant_slot(struct green__shard *shard)
{
    if (!atomic_exchange(&shard->wants_slot, false))
        return false;
    atomic_fetch_sub(&shard->run->slots_wanted, 1);
    return true;
}

/*
 * A connection has finished: wakes all shards that wait for that. To wake just
 * one would not do, it may not need the slot.
 */
static void offer_slot(struct green__shard *shard)
{
    struct green__run *run = shard->run;

    if (atomic_load(&run->slots_wanted) == 0)
        return;
    for (unsigned i = 0; i < run->count; i++) {
        if (!unwant_slot(&run->shards[i]))
            continue;
        if (&run->shards[i] == shard)
            wake_acceptor(shard);
        else
            green__shard_notify(&run->shards[i]);
    }
}

static bool is_full(const struct green__run *run)
{
    uint64_t most = run->options.max_connections;

    return most != 0 && run->server->active >= most;
}

/* Returns 0 if there was room for a moment, or -1 if the run ends. */
static int wait_for_room(struct green__shard *shard)
{
    while (is_full(shard->run)) {
        if (green__run_ends(shard->run))
            return -1;
        want_slot(shard);
        /* A connection may have finished before want_slot: check again. */
        if (is_full(shard->run) && park_acceptor(shard) < 0) {
            unwant_slot(shard);
            return -1;
        }
        unwant_slot(shard);
    }
    return 0;
}

/* Out of descriptors or memory: waits for a free connection, or a while. */
static void pause_accepting(struct green__shard *shard)
{
    struct green_timeout timeout;

    count_one(&shard->run->server->pauses);
    if (green_timeout_start(&timeout, MAX_PAUSE) < 0)
        return;
    want_slot(shard);
    park_acceptor(shard);
    unwant_slot(shard);
    green_timeout_cancel(&timeout);
}

/* Takes a slot among max_connections. Fails if the last was just taken. */
static bool take_slot(struct green__run *run)
{
    _Atomic uint64_t *active = &run->server->active;
    uint64_t most = run->options.max_connections;

    if (atomic_fetch_add(active, 1) < most || most == 0)
        return true;
    atomic_fetch_sub(active, 1);
    return false;
}

/* ---- A connection ---------------------------------------------------- */

static void free_connection(struct connection *connection)
{
    struct green__shard *shard = connection->shard;

    if (connection->fd >= 0)
        green_close(connection->fd);
    green__list_remove(&connection->link);
    green__system.release(connection);
    atomic_fetch_sub(&shard->run->server->active, 1);
    offer_slot(shard);
    if (shard->draining && green__list_empty(&shard->connections))
        green__shard_notify(shard);
}

static void *handle(void *arg)
{
    struct connection *connection = arg;

    connection->thread = green_self();
    if (!connection->doomed &&
        green__run_handle(connection->shard->run, connection->fd))
        connection->fd = -1;
    free_connection(connection);
    return NULL;
}

static int start_handler(struct green__shard *shard,
                         struct connection *connection)
{
    struct green_attr attr = {.stack_size = shard->run->options.stack_size};
    struct green_thread *thread = green_spawn_with(&attr, handle, connection);

    if (!thread)
        return -1;
    green_detach(thread);
    count_one(&shard->run->server->accepted);
    return 0;
}

/* Kills the greenthreads of all connections, which then unwind. A connection
 * whose greenthread has not begun never calls its handler. */
static void kill_connections(struct green__shard *shard)
{
    struct green_list *link;

    green__list_each (&shard->connections, link) {
        struct connection *connection =
            container_of(link, struct connection, link);

        if (connection->thread)
            green_kill(connection->thread);
        else
            connection->doomed = true;
    }
}

/* ---- The acceptor ----------------------------------------------------- */

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

/* Errors of the connection that was to be accepted, not of the listener. */
static bool is_connection_error(int error)
{
    return error == ECONNABORTED || error == EPROTO || error == EINTR ||
           error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN ||
           error == ENONET || error == EHOSTUNREACH || error == ENETUNREACH;
}

/* What to do when accept failed. Returns 0 to try again, or -1 with errno. */
static int accept_failed(struct green__shard *shard)
{
    struct pollfd listener = {.fd = shard->listener, .events = POLLIN};

    /* EPERM: a security module refuses, and the connection is still there. */
    if (is_shortage(errno) || errno == EPERM) {
        pause_accepting(shard);
        return 0;
    }
    if (is_connection_error(errno))
        return 0;
    /* The user made the listener non-blocking; wait nevertheless. */
    if (errno == EAGAIN)
        return green_poll(&listener, 1, -1) < 0 ? -1 : 0;
    return -1;
}

/* Starts a connection's handler as soon as there is a slot and memory. */
static void start_connection(struct green__shard *shard,
                             struct connection *connection)
{
    while (!take_slot(shard->run)) {
        if (wait_for_room(shard) < 0)
            goto close_it;
    }
    green__list_append(&shard->connections, &connection->link);
    while (start_handler(shard, connection) < 0) {
        if (is_shortage(errno))
            pause_accepting(shard);
        else
            green__run_fail(shard->run, errno);
        if (green__run_ends(shard->run)) {
            free_connection(connection);
            return;
        }
    }
    return;

close_it:
    green_close(connection->fd);
    green__system.release(connection);
}

/* Before accept: without memory, the connection stays in the backlog. */
static struct connection *new_connection(struct green__shard *shard)
{
    struct connection *connection =
        green__system.allocate(1, sizeof *connection);

    if (!connection)
        return NULL;
    connection->shard = shard;
    green__list_init(&connection->link);
    return connection;
}

/* Accepts one connection. Returns 0, also if there was none, or -1. */
static int accept_one(struct green__shard *shard)
{
    struct connection *connection;
    int error;

    if (wait_for_room(shard) < 0)
        return -1;
    connection = new_connection(shard);
    if (!connection) {
        pause_accepting(shard);
        return 0;
    }
    connection->fd = green_accept4(shard->listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection->fd >= 0) {
        start_connection(shard, connection);
        return 0;
    }
    error = errno;
    green__system.release(connection);
    errno = error;
    return accept_failed(shard);
}

static void *acceptor(void *arg)
{
    struct green__shard *shard = arg;

    while (!green__run_ends(shard->run)) {
        if (accept_one(shard) == 0)
            continue;
        /* If the supervisor killed it at the end, that is no failure. */
        if (!green__run_ends(shard->run))
            green__run_fail(shard->run, errno);
        break;
    }
    return NULL;
}

/* ---- The supervisor --------------------------------------------------- */

/* Waits until the shard is notified, or for the deadline. Returns 0, or -1 if
 * interrupted. */
static int wait_for_wakeup(struct green__shard *shard, green_time deadline)
{
    if (green_wait(shard->wakeup.fd, GREEN_READ, deadline) < 0 &&
        errno != EINTR && errno != EAGAIN)
        return -1;
    (void)green__wakeup_drain(&shard->wakeup);
    wake_acceptor(shard);
    return 0;
}

/* Whether the shard must still wait; the first one waits for the others. */
static bool is_busy(const struct green__shard *shard)
{
    const struct green__run *run = shard->run;

    if (!green__list_empty(&shard->connections))
        return true;
    return shard == &run->shards[0] &&
           atomic_load_explicit(&run->running, memory_order_acquire) > 0;
}

/* When the handlers' time after a stop is over. */
static green_time patience(const struct green__run *run)
{
    return green_after(run->options.stop_timeout ? run->options.stop_timeout
                                                 : GREEN_FOREVER);
}

static bool must_kill(const struct green__run *run, green_time deadline)
{
    return green__run_kills(run) ||
           (deadline != GREEN_FOREVER && green_now() >= deadline);
}

/* Waits for the connections; kills them if the run must. */
static void drain(struct green__shard *shard)
{
    green_time deadline = patience(shard->run);
    struct green_shield shield;
    bool killed = false, shielded = false;

    shard->draining = true;
    green__shard_end_idle(shard);
    while (is_busy(shard)) {
        if (!killed && must_kill(shard->run, deadline)) {
            kill_connections(shard);
            killed = true;
            deadline = GREEN_FOREVER;
        }
        if (wait_for_wakeup(shard, deadline) == 0)
            continue;
        green__run_fail(shard->run, errno);
        if (!shielded)
            green_shield_begin(&shield);
        shielded = true;
    }
    if (shielded)
        green_shield_end(&shield);
}

/* Ends the acceptor, even if the supervisor was killed. */
static void end_acceptor(struct green_thread *thread)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    green_kill(thread);
    green_join(thread, NULL);
    green_shield_end(&shield);
}

void green__shard_run(struct green__shard *shard)
{
    struct green_attr attr = {.name = "green_serve acceptor"};
    struct green_thread *thread = green_spawn_with(&attr, acceptor, shard);

    if (!thread)
        green__run_fail(shard->run, errno);
    green__shard_enter(shard);
    while (!green__run_ends(shard->run)) {
        if (wait_for_wakeup(shard, GREEN_FOREVER) < 0)
            green__run_fail(shard->run, errno);
    }
    if (thread)
        end_acceptor(thread);
    drain(shard);
    green__shard_leave(shard);
}
