/*
 * The hub's internals, shared by the files of src/hub; the layers above use the
 * green__hub_… functions below and the public API.
 *
 * One iteration of the loop:
 *
 *     green_hub_wait:      apply changes of interest → module->wait
 *                          → green_hub_ready() for each descriptor: queued
 *     green_hub_dispatch:  calls → timers → deliver what was queued, in portions:
 *                          while any are left, iterations skip module->wait
 */
#ifndef GREEN_HUB_INTERNAL_H
#define GREEN_HUB_INTERNAL_H

#include <stdatomic.h>

#include <greenhub/hub.h>
#include <greenhub/hub_module.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/self.h"
#include "base/wakeup.h"
#include "hub/table.h"
#include "hub/timers.h"

/*
 * A reference from an object through which other OS threads may call this hub.
 * Before the hub is freed it calls `end` of each reference, which makes sure
 * that no OS thread calls the hub any more, and frees the object that contains
 * the reference.
 */
struct green__hub_ref {
    struct green_list link;
    /* forked: the caller is a forked child, which has this OS thread alone. */
    void (*end)(struct green__hub_ref *hub_ref, bool forked);
};

struct green_hub {
    const struct green_hub_module *module;
    void *state;   /* the module's own data */
    void *library; /* dlopen's handle, if the module came from a file */
    struct green__self *owner;

    struct green__descriptors descriptors;
    struct green__timers timers;
    struct green_hub_stats stats;
    green_time iteration_time; /* the hub's time when the last wait returned */
    green_time run_start;      /* the system's time then: code has run since */
    green_time look_cost;      /* duration of the last wait with timeout 0 */
    green_time waited;         /* in waits that could block, in all */
    green_time wait_start;     /* of the one that lasts; 0: none */
    green_time slowest; /* as stats.longest_run, since it was looked at */

    /* Functions to call in the next iteration, in order. */
    struct green_call *calls, **calls_end;
    struct green_call *due_calls; /* being called in this dispatch */
    /* The same from other OS threads, newest first. */
    _Atomic(struct green_call *) foreign_calls;
    atomic_bool wakeup_sent; /* since the hub last began to wait */
    atomic_uint callers;     /* OS threads inside green_hub_call_threadsafe */
    struct green_list refs;
    struct green__wakeup wakeup; /* for a module without one of its own */
    struct green_listener wakeup_listener;

    uint32_t forks; /* the value of green__forks that the descriptors reflect */
    unsigned operations; /* supported kinds, 1u << GREEN_OP_... */
    unsigned in_flight;  /* operations that the module is carrying out */
    /* awaiting their callbacks */
    struct green_operation *completed, **completed_end;

    /* Used to detect deadlocks: can anything outside still call this hub
     * (greenthread/deadlock.c)? */
    size_t listeners; /* number of added listeners */
    bool handed_out;  /* green_get_hub has returned it to the program */
    bool called;      /* green_hub_call_threadsafe has been used */

    bool running; /* inside green_hub_run */
    bool aborted;
    bool dispatching; /* callbacks are running */
    bool dead;        /* a fork or green_use_hub has dropped it */

    /* Set by the scheduler. green_hub_run calls it between two iterations to
     * run greenthreads; it returns true if the next iteration must not wait. */
    bool (*between_iterations)(struct green_hub *hub);
};

/* The errno of a failed module function. EIO if the module set none, so that
 * the failure cannot pass for success. */
static inline int green__module_error(void)
{
    return errno ? errno : EIO;
}

/* Opens a hub of this module for the calling OS thread. NULL as
 * green_use_hub. */
struct green_hub *green__hub_open(const struct green_hub_module *module,
                                  void *library);

/* Marks the users' timers, listeners and calls as not added. It writes to
 * users' memory, so it is not called when the OS thread exits: the thread's
 * stack may have held that. */
void green__hub_disown(struct green_hub *hub);

/* Closes and frees the hub; in a forked child, forgets it. */
void green__hub_close(struct green_hub *hub);
void green__hub_forget_after_fork(struct green_hub *hub);

/* Adds a reference. */
static inline void green__hub_ref_add(struct green_hub *hub,
                                      struct green__hub_ref *hub_ref)
{
    green__list_append(&hub->refs, &hub_ref->link);
}

/* Returns the hub's time. */
static inline green_time green__hub_now(struct green_hub *hub)
{
    return hub->module->now ? hub->module->now(hub) : green__clock();
}

/* Returns a descriptor's entry if it exists, else NULL. */
static inline struct green__descriptor *
green__descriptor_peek(struct green_hub *hub, int fd)
{
    const struct green__descriptors *table = &hub->descriptors;
    size_t index = (size_t)fd / GREEN__CHUNK; /* out of range if fd < 0 */

    if (green__unlikely(index >= table->chunk_count || !table->chunks[index]))
        return NULL;
    return &table->chunks[index]->entries[(size_t)fd % GREEN__CHUNK];
}

/* Returns the calling OS thread's hub, or NULL; does not make one. */
static inline struct green_hub *green__hub_here(void)
{
    return green__self_here()->hub;
}

/* Whether the caller is a callback of its OS thread's hub. */
static inline bool green__in_callback(void)
{
    const struct green_hub *hub = green__hub_here();

    return hub && hub->dispatching;
}

/* While the hub runs callbacks, nothing may block. */
static inline void green__dispatch_begins(struct green_hub *hub)
{
    hub->dispatching = true;
    hub->owner->running = NULL;
}

static inline void green__dispatch_ends(struct green_hub *hub)
{
    hub->dispatching = false;
    /* If between_iterations is set, the scheduler uses this hub. */
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

/* green_hub_submit without its checks: 0, or -1 with errno; or 1 if the
 * operation is complete already, and its callback will not be called. */
int green__operation_start(struct green_hub *hub,
                           struct green_operation *operation);

/* loader.c: loads a module from a file, "DIR/FILE.so[:SYMBOL]", or by name from
 * the module directories. NULL as green_use_hub, also if no directory has the
 * name. Pass *library to green__library_close. */
const struct green_hub_module *green__module_load(const char *path,
                                                  void **library);
const struct green_hub_module *green__module_search(const char *name,
                                                    void **library);
void green__library_close(void *library);

/* Checks that a module can be opened: 0, or -1 with errno and a message. */
int green__module_check(const struct green_hub_module *module);

/* registry.c: green_get_hub for the library itself. */
struct green_hub *green__hub_get(void);

#endif
