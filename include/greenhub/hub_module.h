/*
 * For those who write a hub: the contract between the loop and a hub module.
 *
 * A module asks one facility of the system (epoll, poll, ...) which descriptors
 * are ready, and knows nothing else: timers, listeners, greenthreads and calls
 * from other threads are the loop's business. The built-in hubs use exactly
 * this contract; the shortest is src/hub/modules/poll.c. docs/hubs.md walks
 * through it, and `greenhub check FILE.so` tries a module.
 */
#ifndef GREENHUB_HUB_MODULE_H
#define GREENHUB_HUB_MODULE_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

GREEN_BEGIN_DECLS

/* The version of this contract. A module of another version is refused. */
#define GREEN_HUB_ABI 2u

/*
 * A flag in the set that `interest` is given, beside GREEN_READ and GREEN_WRITE:
 * report each change to ready once, not all the time. Only modules with the
 * capability GREEN_HUB_EDGE are given it.
 */
#define GREEN_EDGE 0x80u

/* Capability bits. */
#define GREEN_HUB_EDGE 0x01u /* `interest` understands GREEN_EDGE */
/* Its clock is virtual: time passes by waiting only. Implies `now`. */
#define GREEN_HUB_VIRTUAL_TIME 0x02u

/*
 * One hub module. Use designated initialisers; what is left out is NULL or 0.
 * All functions are called on the hub's own thread, `wakeup` excepted. None may
 * call green_hub_* functions other than those declared in this header.
 */
struct green_hub_module {
    unsigned abi;            /* GREEN_HUB_ABI */
    const char *name;        /* [a-z0-9_]+ */
    const char *description; /* what it stands on, in a few words; or NULL */
    unsigned capabilities;   /* GREEN_HUB_EDGE ... */
    size_t state_size;       /* bytes of its own state: green_hub_state() */
    size_t descriptor_size;  /* its bytes per descriptor:
                               * green_hub_descriptor_state(); zero at first,
                               * then what the module put there, also when the
                               * number is used anew */

    /*
     * Acquires what the module needs; its state is zeroed. Returns 0, or -1 with
     * errno and, best, words by green_hub_set_error(). After -1, close is not
     * called. Optional.
     */
    int (*open)(struct green_hub *hub);

    /* Releases it all. Optional. */
    void (*close)(struct green_hub *hub);

    /*
     * The set that the loop wants to be told of changes from `from` to `to` for
     * this descriptor: GREEN_READ and GREEN_WRITE, with GREEN_EDGE perhaps. 0
     * means none. from == to means that the descriptor may have been closed and
     * opened anew behind the hub's back: make sure that it is registered.
     * `token` goes to green_hub_ready(); it is a new one when the number stands
     * for something new. GREEN_ERROR and GREEN_HANGUP are always wanted.
     * Returns 0, or -1: EPERM means that this kind of descriptor is always
     * ready, EBADF that it is not open, other errors go to the caller. With
     * to == 0 the result is ignored. Required.
     */
    int (*interest)(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to);

    /*
     * Waits for events, at most `timeout` (0: looks only; GREEN_FOREVER: no
     * limit), never less than it while nothing happens, and reports each ready
     * descriptor by green_hub_ready(). Descriptors that turn out not to be open
     * are reported with GREEN_CLOSED. Returns 0, also when a signal ended the
     * wait; or -1 with errno when it can never work again. Required. A built-in
     * hub's is a cancellation point (pthreads(7)); after that comes `close`.
     */
    int (*wait)(struct green_hub *hub, green_time timeout);

    /*
     * Makes a `wait` under way, or else the next one, return. Called from any
     * thread and from signal handlers. Optional: without it the loop watches a
     * descriptor of its own for this, through `interest`.
     */
    void (*wakeup)(struct green_hub *hub);

    /*
     * Called in a forked child instead of `close`: gives up what is the child's
     * copy, without touching what the parent still uses. Optional.
     */
    void (*after_fork)(struct green_hub *hub);

    /* The hub's clock, if it is not CLOCK_MONOTONIC. Optional. */
    green_time (*now)(struct green_hub *hub);

    /*
     * ---- Operations: all four or none ----
     *
     * For a module that can carry out system calls itself and report their
     * results (io_uring) beside telling what is ready. While an operation is in
     * flight the system may read and write the memory that it points to, which
     * lies on a greenthread's stack more often than not. So each one ends in
     * exactly one green_hub_complete(), also when it is cancelled; and `close`
     * returns only when the system has let go of all of them, which are not
     * reported any more, nor looked at: their memory may be used anew by then,
     * though not yet unmapped. After a `wait` that returned -1 none is in
     * flight.
     */

    /* Which kinds it can carry out here: 1u << GREEN_OP_... Asked once, after
     * `open`. */
    unsigned (*operations)(struct green_hub *hub);

    /*
     * Takes an operation. It need not reach the system before the next `wait` or
     * `let_go`. The open file is the one that has the number at that moment.
     * Returns 0; or 1 when it is done already, its result in `result`, and
     * green_hub_complete() is not to be called; or -1 with errno, the system's
     * limits: then the loop does without.
     */
    int (*submit)(struct green_hub *hub, struct green_operation *operation);

    /* Has one that was submitted and not yet completed end soon: with -ECANCELED
     * or -EINTR, or what it has done. It must not be lost what it has done. */
    void (*cancel)(struct green_hub *hub, struct green_operation *operation);

    /*
     * The descriptor is about to be closed, or has been: its operations have been
     * cancelled and its interest taken back. When this returns, nothing of that
     * may keep the open file open any more. It must not wait. A module without
     * operations may have it too.
     */
    void (*let_go)(struct green_hub *hub, int fd);
};

/*
 * Reports an operation's result, as the system call's, or -errno: from within
 * `wait`, `submit`, `cancel` or `let_go`. The module must not touch the operation
 * any more. Cannot fail. Never switches, calls no callback.
 */
GREEN_API void green_hub_complete(struct green_hub *hub,
                                  struct green_operation *operation,
                                  int64_t result);

/*
 * Reports, from within `wait`, that a descriptor is ready: GREEN_READ,
 * GREEN_WRITE, GREEN_ERROR, GREEN_HANGUP, GREEN_CLOSED. A token that is out of
 * date is ignored; several reports for one descriptor add up.
 * Cannot fail. Never switches, calls no callback.
 */
GREEN_API void green_hub_ready(struct green_hub *hub, uint64_t token,
                               unsigned events);

/*
 * The descriptor number in a token. Cannot fail. Never switches.
 */
GREEN_API int green_hub_token_fd(uint64_t token);

/*
 * The module's own state, `state_size` bytes aligned for any type. Cannot fail.
 * Never switches. From any thread, for `wakeup`.
 */
GREEN_API void *green_hub_state(struct green_hub *hub);

/*
 * The module's own bytes for a descriptor that it was told of by `interest`;
 * perhaps NULL if it never was. They keep their place. Cannot fail. Never switches.
 */
GREEN_API void *green_hub_descriptor_state(struct green_hub *hub, int fd);

/*
 * Sets the words that green_hub_error() gives, printf-style, cut at 255 bytes.
 * Leaves errno alone. Never switches.
 */
GREEN_API void green_hub_set_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

GREEN_END_DECLS

#endif
