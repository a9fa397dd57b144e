/*
 * The parts of green_serve.
 *
 *   run      one call of green_serve
 *   shard    one OS thread of it: a listener, an acceptor, its connections
 *
 * In each shard the acceptor is a greenthread of its own. The greenthread that
 * called green_serve (or that the OS thread started with) is the supervisor: it
 * sleeps on a wake-up, by which other OS threads and signal handlers reach the
 * shard, and it cleans up at the end. So a connection costs an accept and a
 * spawn, and nothing else.
 */
#ifndef GREEN_SERVER_H
#define GREEN_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <greenhub/net.h>
#include <greenhub/stream.h>
#include <greenhub/thread.h>

#include "base/wakeup.h"
#include "base/list.h"
#include "base/self.h"
#include "greenthread/park.h"

/* In green_server.internal.stop. */
#define GREEN__STOP 1u    /* requested */
#define GREEN__KILL 2u    /* the handlers, too */
#define GREEN__STOPPER 4u /* one running call of green_server_stop or _kill */

struct green__run;

struct green__shard {
    struct green__run *run;
    int listener;
    struct green__wakeup wakeup;   /* of its supervisor */
    struct green_list connections; /* whose handlers have not finished */
    struct green__waiter waiter;   /* the acceptor's, while `parked` */
    bool parked;
    bool draining; /* the supervisor waits for the last connection */
    /* The acceptor waits until a connection of any shard finishes. */
    atomic_bool wants_slot;
    struct green_list idle;         /* idle regions */
    struct green__shard *next_here; /* of another server in this OS thread */
    unsigned drops;                 /* the scheduler's, when it began */
    bool started; /* `thread` is running, or has ended and must be joined */
    pthread_t thread;
    char words[GREEN__ERROR_SIZE]; /* green_hub_error(), if it has no hub */
};

struct green__run {
    struct green_list link; /* in the list of servers.h */
    pid_t process;          /* a forked child has it in its list, too */
    char address[128];      /* the listener's */
    /* one of the two, the other is NULL */
    void (*handler)(int fd, void *arg);
    void (*stream_handler)(struct green_stream *stream, void *arg);
    struct green_serve_options options;
    const struct green_hub_module *module; /* of other OS threads, or NULL */
    struct green_server *server;           /* the user's, or `own` */
    struct green_server own;
    atomic_uint running;         /* other OS threads that have not ended */
    atomic_uint slots_wanted;    /* shards with wants_slot */
    atomic_int error;            /* the first failure's errno, 0: none */
    struct green__shard *no_hub; /* the shard whose missing hub failed first */
    unsigned count;
    struct green__shard shards[];
};

/* shard.c */

/* Accepts and handles connections until the run stops and all have finished. */
void green__shard_run(struct green__shard *shard);

/* handle.c */

/* Calls the run's handler for a connection. Returns whether fd was closed. */
bool green__run_handle(const struct green__run *run, int fd);

/* idle.c: the shards of an OS thread, and their idle regions. */

/* The calling OS thread begins or ends to run the shard. */
void green__shard_enter(struct green__shard *shard);
void green__shard_leave(struct green__shard *shard);
/* Makes the blocking calls in the shard's idle regions fail. */
void green__shard_end_idle(struct green__shard *shard);

/* run.c: stop and failure. */

/* From here to green__run_end, green_server_stop finds the run. */
void green__run_begin(struct green__run *run);
/* Waits until no call of green_server_stop uses the run. */
void green__run_end(struct green__run *run);

/* The errno of the run's first failure, or 0. */
static inline int green__run_error(const struct green__run *run)
{
    return atomic_load_explicit(&run->error, memory_order_acquire);
}

/* Makes the whole run fail; returns whether this is the first failure. */
bool green__run_fail(struct green__run *run, int error);

/* Whether the run must end, by a stop or by a failure. */
bool green__run_ends(const struct green__run *run);
/* Whether the handlers must be killed at once. */
bool green__run_kills(const struct green__run *run);

/* Ends the greenthread of green_server_stop_on. */
void green__server_unwatch(struct green_server *server);

/* Whether the handlers are to be killed, if the run ends. */
bool green__run_kills(const struct green__run *run);

/* Wakes the supervisor, which checks everything. For any OS thread and signal
 * handlers. It fails only if there is no room for one more wake-up, and then the
 * supervisor wakes up anyway. */
static inline void green__shard_notify(const struct green__shard *shard)
{
    (void)green__wakeup_send(&shard->wakeup);
}

#endif
