/*
 * The hub's own view of itself. Shared by the files of src/hub; the layers above
 * use green__hub_… below and the public API.
 *
 * One turn of the loop:
 *
 *     green_hub_wait:      apply changes of interest → module->wait
 *                          → green_hub_ready() for each descriptor: queued
 *     green_hub_dispatch:  calls → timers → deliver what was queued, in portions:
 *                          while some is left, turns go without module->wait
 */
#ifndef GREEN_HUB_INTERNAL_H
#define GREEN_HUB_INTERNAL_H

#include <stdatomic.h>

#include <greenhub/hub.h>
#include <greenhub/hub_module.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/self.h"
#include "hub/table.h"
#include "hub/timers.h"

/*
 * A reference of an object that other OS threads may use to call this hub. Before
 * the hub goes it calls `end` of each, which sees to it that no thread calls any
 * more, and frees what the reference lies in.
 */
struct green__hub_ref {
    struct green_list link;
    /* forked: in a forked child, which has this OS thread alone. */
    void (*end)(struct green__hub_ref *hub_ref, bool forked);
};

struct green_hub {
    const struct green_hub_module *module;
    void *state;   /* the module's */
    void *library; /* dlopen's handle, if the module came from a file */
    struct green__self *owner;

    struct green__descriptors descriptors;
    struct green__timers timers;
    struct green_hub_stats stats;
    green_time iteration_time; /* the hub's time when the last wait returned */
    green_time run_start; /* the system's time then: since when code runs */
    green_time look_cost; /* how long the last wait without waiting took */

    /* Functions to be called in the next turn, in order. */
    struct green_call *calls, **calls_end;
    struct green_call *due_calls; /* of this dispatch */
    /* The same from other threads, newest first. */
    _Atomic(struct green_call *) foreign_calls;
    atomic_bool wakeup_sent; /* since the hub last went to wait */
    atomic_uint callers;     /* of green_hub_call_threadsafe, inside it now */
    struct green_list refs;
    int wakeup_fd; /* when the module has no wakeup of its own; else -1 */
    struct green_listener wakeup_listener;

    uint32_t forks;      /* green__forks, as far as the descriptors know */
    unsigned operations; /* which kinds the module can, 1u << GREEN_OP_... */
    unsigned in_flight;  /* operations that the module has */
    struct green_operation *completed, **completed_end; /* to be called back */

    /* What could still call from outside, when greenthreads wait for each other
     * (greenthread/deadlock.c). */
    size_t listeners; /* added ones */
    bool handed_out;  /* green_get_hub has given it to the program */
    bool called;      /* by green_hub_call_threadsafe */

    bool running; /* green_hub_run */
    bool aborted;
    bool dispatching; /* callbacks are being called */
    bool dead;        /* a fork or green_use_hub took it away from under one */

    /* The greenthreads' part, called between two turns of green_hub_run: lets
     * them run; true if the next turn must not wait. */
    bool (*between_iterations)(struct green_hub *hub);
};

/* Why one of the module's functions has failed. One that has left no errno must not
 * pass for having succeeded. */
static inline int green__module_error(void)
{
    return errno ? errno : EIO;
}

/* Opens a hub of this module for the calling thread. NULL as green_use_hub. */
struct green_hub *green__hub_open(const struct green_hub_module *module,
                                  void *library);

/* What users have added to it is not added any more. Touches what they own, so
 * it is left out when the OS thread ends: its stack may have held that. */
void green__hub_disown(struct green_hub *hub);

/* Closes it and frees it all, or in a forked child forgets it. */
void green__hub_close(struct green_hub *hub);
void green__hub_forget_after_fork(struct green_hub *hub);

/* Takes one. */
static inline void green__hub_ref_add(struct green_hub *hub,
                                      struct green__hub_ref *hub_ref)
{
    green__list_append(&hub->refs, &hub_ref->link);
}

/* The hub's time. */
static inline green_time green__hub_now(struct green_hub *hub)
{
    return hub->module->now ? hub->module->now(hub) : green__clock();
}

/* A descriptor's entry if it has been made, else NULL. */
static inline struct green__descriptor *
green__descriptor_peek(struct green_hub *hub, int fd)
{
    const struct green__descriptors *table = &hub->descriptors;
    size_t index = (size_t)fd / GREEN__CHUNK; /* out of range if fd < 0 */

    if (green__unlikely(index >= table->chunk_count || !table->chunks[index]))
        return NULL;
    return &table->chunks[index]->entries[(size_t)fd % GREEN__CHUNK];
}

/* The calling thread's hub without making one. */
static inline struct green_hub *green__hub_here(void)
{
    return green__self_here.hub;
}

/* Whether the caller is a callback of its thread's hub. */
static inline bool green__in_callback(void)
{
    const struct green_hub *hub = green__hub_here();

    return hub && hub->dispatching;
}

/* Callbacks are being called, in which nothing blocks. */
static inline void green__dispatch_begins(struct green_hub *hub)
{
    hub->dispatching = true;
    hub->owner->running = NULL;
}

static inline void green__dispatch_ends(struct green_hub *hub)
{
    hub->dispatching = false;
    /* With between_iterations the scheduler is this hub's. */
    if (hub->between_iterations && !hub->dead)
        hub->owner->running = hub->owner->scheduler;
}

/* sweep.c */
void green__sweep_open(struct green_hub *hub);

/* calls.c */
int green__calls_open(struct green_hub *hub);
void green__calls_close(struct green_hub *hub);
void green__calls_forget(struct green_hub *hub);
void green__calls_await_callers(struct green_hub *hub);
bool green__calls_pending(struct green_hub *hub);
bool green__calls_prepare(struct green_hub *hub); /* the same, before a wait */
void green__calls_dispatch(struct green_hub *hub);

/* operations.c */
void green__operations_open(struct green_hub *hub);
void green__operations_dispatch(struct green_hub *hub);

/* green_hub_submit without its checks: 0, or -1 with errno; or 1 when it is done,
 * and its callback will not be called. */
int green__operation_start(struct green_hub *hub,
                           struct green_operation *operation);

/* loader.c: a module from a file, "DIR/FILE.so[:SYMBOL]", or from the folders of
 * modules, which may have none of this name. NULL as green_use_hub; *library is
 * what green__library_close wants back. */
const struct green_hub_module *green__module_load(const char *path,
                                                  void **library);
const struct green_hub_module *green__module_search(const char *name,
                                                    void **library);
void green__library_close(void *library);

/* Whether a module is one that can be opened: 0, or -1 with errno and words. */
int green__module_check(const struct green_hub_module *module);

/* registry.c: green_get_hub for the library itself */
struct green_hub *green__hub_get(void);

#endif
