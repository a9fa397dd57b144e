/*
 * What green_serve is made of.
 *
 *   run      one call of green_serve
 *   shard    one OS thread of it: a listener, an acceptor, its connections
 *
 * In each shard the acceptor is a greenthread of its own. The one that called
 * green_serve (or started the OS thread) is its keeper: it sleeps on an eventfd,
 * through which other threads and signal handlers reach the shard, and tidies
 * up in the end. So the path of a connection is accept, spawn, and nothing else.
 */
#ifndef GREEN_SERVER_H
#define GREEN_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <greenhub/net.h>
#include <greenhub/thread.h>

#include "base/wakeup.h"
#include "base/list.h"
#include "base/self.h"
#include "greenthread/park.h"

#define GREEN__STOP 1u    /* in green_server.internal.stop: a stop is asked */
#define GREEN__STOPPER 2u /* and how many calls of green_server_stop run now */

struct green__run;

struct green__shard {
    struct green__run *run;
    int listener;
    int wake_fd;                   /* eventfd, non-blocking */
    struct green_list connections; /* whose handlers have not finished */
    struct green__waiter waiter;   /* the acceptor's, while `parked` */
    bool parked;
    bool draining; /* the keeper waits for the last connection */
    /* The acceptor waits for a connection to finish, of any shard. */
    atomic_bool wants_slot;
    bool started; /* `thread` is running, or has ended and is to be joined */
    pthread_t thread;
    char words[GREEN__ERROR_SIZE]; /* of green_hub_error(), if it has no hub */
};

struct green__run {
    void (*handler)(int fd, void *arg);
    struct green_serve_options options;
    const struct green_hub_module *module; /* of the further threads, or NULL */
    struct green_server *server;           /* the user's, or `own` */
    struct green_server own;
    atomic_uint running;         /* further threads that have not ended */
    atomic_uint slots_wanted;    /* shards with wants_slot */
    atomic_int error;            /* the first failure's errno, 0: none */
    struct green__shard *no_hub; /* whose failure it is that it has no hub */
    unsigned count;
    struct green__shard shards[];
};

/* shard.c */

/* Accepts and handles connections until the run stops and all have finished. */
void green__shard_run(struct green__shard *shard);

/* run.c: stop and failure. */

/* From here to the end green_server_stop finds the run. */
void green__run_begin(struct green__run *run);
/* Returns when no call of green_server_stop is inside the run any more. */
void green__run_end(struct green__run *run);

/* The errno of its first failure, or 0. */
static inline int green__run_error(const struct green__run *run)
{
    return atomic_load_explicit(&run->error, memory_order_acquire);
}

/* Has the whole run fail, unless it has already; returns whether it had not. */
bool green__run_fail(struct green__run *run, int error);

/* Whether it is to end, by a stop or by a failure. */
bool green__run_ends(const struct green__run *run);

/* Has the keeper look around. From any thread and from signal handlers. It fails
 * only when the counter is full, and then the keeper looks around, too. */
static inline void green__shard_notify(const struct green__shard *shard)
{
    (void)green__wakeup_send(shard->wake_fd);
}

#endif
