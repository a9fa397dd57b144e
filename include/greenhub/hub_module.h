/*
 * For authors of hubs: the contract between the loop and a hub module.
 *
 * A module asks one facility of the system (epoll, poll, ...) which descriptors
 * are ready. It does nothing else: the loop takes care of timers, listeners,
 * greenthreads and calls from other threads. The built-in hubs use exactly this
 * contract; the shortest is src/hub/modules/poll.c. docs/hubs.md explains it
 * step by step, and `greenhub check FILE.so` tests a module.
 */
#ifndef GREENHUB_HUB_MODULE_H
#define GREENHUB_HUB_MODULE_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

GREEN_BEGIN_DECLS

/*
 * The version of this contract. The library refuses a module of another
 * version.
 */
#define GREEN_HUB_ABI 2u

/*
 * A flag in the sets passed to `interest`, besides GREEN_READ and GREEN_WRITE:
 * report a descriptor once each time it becomes ready, and not as long as it is
 * ready. The loop passes it only to modules with the capability GREEN_HUB_EDGE.
 */
#define GREEN_EDGE 0x80u

/* Capability bits. */
#define GREEN_HUB_EDGE 0x01u /* `interest` understands GREEN_EDGE */
/* The module's clock is virtual: time passes only in `wait`. Requires `now`. */
#define GREEN_HUB_VIRTUAL_TIME 0x02u

/*
 * One hub module. Use designated initialisers; members left out are NULL or 0.
 * The loop calls all functions on the hub's own OS thread, except `wakeup`. A
 * function may call no green_hub_* functions other than those declared in this
 * header.
 */
struct green_hub_module {
    unsigned abi;            /* GREEN_HUB_ABI */
    const char *name;        /* [a-z0-9_]+ */
    const char *description; /* what it is based on, in a few words; or NULL */
    unsigned capabilities;   /* GREEN_HUB_EDGE ... */
    size_t state_size;       /* bytes of its own state: green_hub_state() */
    size_t descriptor_size;  /* bytes of its state per descriptor:
                               * green_hub_descriptor_state(). Zeroed at first,
                               * but not again when the number is reused */

    /*
     * Acquires the resources of the module; its state is zeroed. Returns 0, or
     * -1 with errno and preferably a reason set by green_hub_set_error(). After
     * -1, the loop does not call close. Optional.
     */
    int (*open)(struct green_hub *hub);

    /* Releases all resources. Optional. */
    void (*close)(struct green_hub *hub);

    /*
     * Changes the events that the module reports for this descriptor from the
     * set `from` to the set `to`. A set consists of GREEN_READ, GREEN_WRITE and
     * possibly GREEN_EDGE; 0 means no events. Always report GREEN_ERROR and
     * GREEN_HANGUP. from == to means that the descriptor may have been closed
     * and opened again without the hub's knowledge: make sure that it is
     * registered. Pass `token` to green_hub_ready(); the loop gives a new one
     * when the number refers to another open file.
     * Returns 0, or -1: EPERM means that this kind of descriptor is always
     * ready, EBADF that it is not open. The loop passes other errors to its
     * caller. With to == 0 it ignores the result. Required.
     */
    int (*interest)(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to);

    /*
     * Waits until something happens or `timeout` is over (0: do not wait;
     * GREEN_FOREVER: no limit). Reports each ready descriptor with
     * green_hub_ready(), and one that turns out not to be open with
     * GREEN_CLOSED. Returns 0, also if a signal ended the wait; or -1 with
     * errno if it can never work again. Required. In the built-in hubs it is a
     * cancellation point (pthreads(7)); after a cancellation, the loop calls
     * `close`.
     */
    int (*wait)(struct green_hub *hub, green_time timeout);

    /*
     * Makes the current `wait` return; if none is running, the next one. Called
     * from any thread and from signal handlers. Optional: without it, the loop
     * registers a descriptor of its own for this purpose through `interest`.
     */
    void (*wakeup)(struct green_hub *hub);

    /*
     * Called in a forked child instead of `close`: releases the child's copies
     * of the resources without disturbing the parent's. Optional.
     */
    void (*after_fork)(struct green_hub *hub);

    /* Reads the hub's clock, if it is not CLOCK_MONOTONIC. Optional. */
    green_time (*now)(struct green_hub *hub);

    /*
     * ---- Operations: they need all four; release may stand alone ----
     *
     * For a module that can also carry out system calls itself and report their
     * results (io_uring). While an operation is in flight, the system may read
     * and write the memory that it points to, usually on a greenthread's stack.
     * Therefore:
     * - Each operation ends in exactly one green_hub_complete(), also if it is
     *   cancelled.
     * - `close` returns only when the system has stopped using the memory of
     *   all operations. It must not access the operations or complete them:
     *   their memory is still mapped, but may be in use for something else.
     * - When `wait` returns -1, no operation is in flight.
     */

    /*
     * Returns the kinds that the module can carry out here, a set of
     * 1u << GREEN_OP_... Called once, after `open`.
     */
    unsigned (*operations)(struct green_hub *hub);

    /*
     * Accepts an operation. The module may pass it to the system as late as in
     * the next `wait` or `release`. The system acts on the open file that has
     * the number at that moment. Returns
     *    0  the operation is in flight
     *    1  it is done and its result is in `result`; do not call
     *       green_hub_complete() for it
     *   -1  with errno: a limit of the system; green_hub_submit fails with it,
     *       and greenthreads do without the operation
     */
    int (*submit)(struct green_hub *hub, struct green_operation *operation);

    /*
     * Makes an operation in flight end soon: with -ECANCELED or -EINTR, or with
     * the result of what was done. Completed work must be reported.
     */
    void (*cancel)(struct green_hub *hub, struct green_operation *operation);

    /*
     * Called when a descriptor is about to be closed, or has been. The loop has
     * already cancelled its operations and set its interest to 0. When this
     * returns, nothing left of these may keep the open file open. It must not
     * wait. A module without operations may have it, too.
     */
    void (*release)(struct green_hub *hub, int fd);
};

/*
 * Reports the result of an operation: the system call's, or -errno. For use
 * within `wait`, `submit`, `cancel` and `release`. Afterwards the module must
 * not touch the operation. Cannot fail. Never switches, calls no callback.
 */
GREEN_API void green_hub_complete(struct green_hub *hub,
                                  struct green_operation *operation,
                                  int64_t result);

/*
 * Reports that a descriptor is ready: GREEN_READ, GREEN_WRITE, GREEN_ERROR,
 * GREEN_HANGUP, GREEN_CLOSED. For use within `wait`. Ignores an outdated token;
 * several reports for one descriptor add up.
 * Cannot fail. Never switches, calls no callback.
 */
GREEN_API void green_hub_ready(struct green_hub *hub, uint64_t token,
                               unsigned events);

/*
 * Returns the descriptor number in a token. Cannot fail. Never switches.
 */
GREEN_API int green_hub_token_fd(uint64_t token);

/*
 * Returns the module's own state, `state_size` bytes aligned for any type.
 * Cannot fail. Never switches. From any thread, for `wakeup`.
 */
GREEN_API void *green_hub_state(struct green_hub *hub);

/*
 * Returns the module's own state for a descriptor that it knows from
 * `interest`; possibly NULL for another one. The state never moves. Cannot
 * fail. Never switches.
 */
GREEN_API void *green_hub_descriptor_state(struct green_hub *hub, int fd);

/*
 * Sets the reason that green_hub_error() returns, printf-style, cut at 255
 * bytes. Leaves errno unchanged. Never switches.
 */
GREEN_API void green_hub_set_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

GREEN_END_DECLS

#endif
