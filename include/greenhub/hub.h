/*
 * Hubs: which one this OS thread uses, and the hub as an event loop of its own.
 *
 * A hub waits for descriptors, timers and calls from other threads, and calls
 * back. Each OS thread has one hub at most, made on first use. Greenthreads
 * (greenhub/thread.h) are built on what this header offers, and a program may
 * use it without them.
 */
#ifndef GREENHUB_HUB_H
#define GREENHUB_HUB_H

#include <greenhub/base.h>

#include <sys/socket.h>

GREEN_BEGIN_DECLS

struct green_hub;
struct green_hub_module;

/* ---- Choosing a hub -------------------------------------------------- */

/*
 * Puts the calling OS thread on a new hub, and eliminates its old one: the old
 * hub's descriptors are no longer watched, its timers never fire, and all other
 * greenthreads of this OS thread never run again; their stacks are returned
 * without running their green_at_exit functions (a joinable one's when it is joined
 * or detached). The caller goes on, on the new hub. Other OS threads are not
 * touched. Call it first in the program.
 *
 * name  NULL: the hub that GREENHUB_HUB in the environment names; without it
 *         the best one of this system: epolls, poll, selects, in this order
 *       "epolls", "poll", "selects", "libevent", "uring" (also "epoll",
 *         "select", "pyevent", "io_uring"): that hub
 *       another name without a '/': greenhub_hub_NAME.so, looked for in the
 *         folders of GREENHUB_HUB_PATH (separated by ':') and then in the
 *         library's own hub folder
 *       "DIR/FILE.so[:SYMBOL]": that file; SYMBOL defaults to
 *         green_hub_module and names a struct green_hub_module
 *
 * Returns 0, or -1 with the old hub untouched and the reason in words from
 * green_hub_error():
 *   EINVAL    the name is empty or too long
 *   ENOENT    no hub of that name, no such file, or no such symbol in it
 *   ENOEXEC   the file is not a shared object that can be loaded
 *   EPROTO    the module is of another ABI version, or not whole
 *   ENOSYS, EPERM, ENOMEM, EMFILE, ...   what the system refused it
 *   EBUSY     called from a callback of the hub that it would eliminate
 * Never switches. Acts on the calling thread alone.
 * Mirrors eventlet.hubs.use_hub.
 */
GREEN_API int green_use_hub(const char *name);

/*
 * The same with a hub module handed over itself. The module must stay valid
 * while a hub of it exists.
 * Returns and fails like green_use_hub; EINVAL if module is NULL.
 * Never switches. Acts on the calling thread alone.
 */
GREEN_API int green_use_hub_module(const struct green_hub_module *module);

/*
 * The calling OS thread's hub, made on first use as green_use_hub(NULL) would.
 * NULL with errno as green_use_hub gives, if none can be made.
 * Never switches. The hub is the calling thread's: of the functions below only
 * green_hub_call_threadsafe may be called with it from another thread.
 */
GREEN_API struct green_hub *green_get_hub(void);

/*
 * The names of the hubs that this library was built with, best first, ended by
 * NULL. A name in the list may still be unavailable on this system.
 * Cannot fail; static. Never switches. From any thread.
 */
GREEN_API const char *const *green_hub_names(void);

/*
 * A hub's name, as its module gives it. EINVAL and NULL if hub is NULL.
 * Never switches. The string lives as long as the module.
 */
GREEN_API const char *green_hub_name(const struct green_hub *hub);

/*
 * A hub's module. EINVAL and NULL if hub is NULL. Never switches.
 */
GREEN_API const struct green_hub_module *
green_hub_get_module(const struct green_hub *hub);

/*
 * Whether green_use_hub(name) would succeed here: the hub is opened and closed
 * again, the thread's own hub is untouched.
 * Returns the module, or NULL with errno as green_use_hub gives; then *reason,
 * unless reason is NULL, is the reason in words, valid like green_hub_error().
 * Never switches. From any thread.
 */
GREEN_API const struct green_hub_module *
green_hub_available(const char *name, const char **reason);

/*
 * Why the last call of this thread that chooses, opens or loads a hub, or that
 * needed a new stack, failed: a sentence without a full stop, "" if none did.
 * Valid until the thread's next such call. Never switches.
 */
GREEN_API const char *green_hub_error(void);

/* ---- The hub as an event loop ---------------------------------------- */

/* What a listener asks for and is told. */
#define GREEN_READ 0x01u  /* can be read without blocking, or is at its end */
#define GREEN_WRITE 0x02u /* can be written without blocking */
/* Told, never asked for. They come together with READ and WRITE. */
#define GREEN_ERROR 0x04u  /* an error is pending on the descriptor */
#define GREEN_HANGUP 0x08u /* the other side has hung up, or half of it */
#define GREEN_CLOSED 0x10u /* the descriptor is no longer open here */

/*
 * A wish to be called when a descriptor is ready. The caller owns it and keeps
 * it in place while it is added: until it is removed, or its hub is eliminated or
 * ends with its OS thread. Zero-initialise it, fill in the first four.
 * It persists, and is level-triggered: it is called in every turn of the loop
 * in which the descriptor is ready, until it is removed. After a call with
 * GREEN_CLOSED it is no longer added.
 */
struct green_listener {
    int fd;
    unsigned events; /* GREEN_READ, GREEN_WRITE or both */
    void (*callback)(struct green_listener *listener, unsigned events);
    void *arg; /* the caller's; the library leaves it alone */
    struct {
        struct green_list link; /* the library's */
        uint64_t iteration;
        bool added;
        void *reserved;
    } internal;
};

/*
 * Adds a listener. Any number may be added for one descriptor; they are called
 * in the order in which they were added. Regular files are always ready.
 * Returns 0, or -1 and nothing is added:
 *   EINVAL   an argument is NULL, no callback, no or unknown events
 *   EBADF    the descriptor is not open
 *   EEXIST   the listener is added already
 *   ENOMEM, ENOSPC   the system's limits
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_add(struct green_hub *hub, struct green_listener *l);

/*
 * Removes a listener: it is not called any more, not even for what was seen in
 * the current turn. Returns 0, or -1: EINVAL for NULL, ENOENT if not added.
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_remove(struct green_hub *hub, struct green_listener *l);

/*
 * Says that a descriptor has been or is about to be closed by other means than
 * green_close, or that its number stands for something new: whoever waits for
 * it is told GREEN_CLOSED (greenthreads get EBADF), and the hub forgets it.
 * Returns 0, also when nobody waits; -1 and EINVAL if hub is NULL, EBADF if fd
 * is negative. Never switches; calls the listeners' callbacks before it returns.
 */
GREEN_API int green_hub_forget(struct green_hub *hub, int fd);

/*
 * A callback at a point in time. The caller owns it and keeps it in place while
 * it is pending. Zero-initialise it, fill in callback and arg.
 */
struct green_timer {
    void (*callback)(struct green_timer *timer);
    void *arg;
    green_time when; /* absolute; set by green_hub_schedule */
    struct {
        struct green_timer *next, *prev; /* the library's */
        uint16_t state;
        void *reserved;
    } internal;
};

/*
 * Arms a timer for the absolute time `when`; a pending one is moved. A time in
 * the past means the next turn of the loop. Timers fire in the order of their
 * times, those of equal time in the order in which they were armed. A timer
 * that is armed while timers fire does not fire in the same turn.
 * GREEN_FOREVER is legal: pending, and never due.
 * Returns 0, or -1: EINVAL for NULL or no callback, or when < 0.
 * Never switches, never allocates, O(1). The hub's own thread.
 */
GREEN_API int green_hub_schedule(struct green_hub *hub,
                                 struct green_timer *timer, green_time when);

/*
 * Disarms a timer. Returns 0, or -1: EINVAL for NULL, ENOENT if not pending.
 * Never switches, O(1). The hub's own thread.
 */
GREEN_API int green_hub_cancel(struct green_hub *hub,
                               struct green_timer *timer);

/*
 * A function to be called soon. The caller owns it and keeps it in place until
 * the callback has begun; the callback may free it. Zero-initialise it.
 */
struct green_call {
    void (*callback)(struct green_call *call);
    void *arg;
    struct {
        struct green_call *next; /* the library's */
        bool pending;
        void *reserved;
    } internal;
};

/*
 * Has a function called in the next turn of the loop, in the order of asking.
 * Returns 0, or -1: EINVAL for NULL or no callback, EALREADY if it is pending.
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_call(struct green_hub *hub, struct green_call *call);

/*
 * The same from any thread, and from a signal handler; wakes the hub if it is
 * waiting. The hub must not be closed before it has called it; from then on it may,
 * also while this has not returned yet.
 * Returns 0, or -1: EINVAL for NULL or no callback, EALREADY if it is pending.
 * Never switches.
 */
GREEN_API int green_hub_call_threadsafe(struct green_hub *hub,
                                        struct green_call *call);

/* ---- Operations ------------------------------------------------------ */

/*
 * What a hub can carry out by itself, where its module can (uring): a system
 * call whose result comes later, in place of telling when the descriptor is
 * ready for it. Greenthreads use it without asking; a program that uses the hub
 * as an event loop may, too.
 */
enum green_operation_kind {
    GREEN_OP_READ,    /* buffer, size, offset (-1: the file's own position) */
    GREEN_OP_WRITE,   /* the same */
    GREEN_OP_READV,   /* buffer: struct iovec [size], offset */
    GREEN_OP_WRITEV,  /* the same */
    GREEN_OP_RECV,    /* buffer, size, flags: MSG_... */
    GREEN_OP_SEND,    /* the same */
    GREEN_OP_RECVMSG, /* buffer: struct msghdr, flags */
    GREEN_OP_SENDMSG, /* the same */
    GREEN_OP_ACCEPT,  /* buffer: struct sockaddr, length, flags: SOCK_... */
    GREEN_OP_FSYNC,   /* flags: 1: what is needed to read it again alone */
    GREEN_OP_OPEN,    /* fd: a folder, path, flags: O_..., mode */
    GREEN_OP_STAT,    /* fd: a folder, path, flags: AT_..., mode: STATX_...,
                       * buffer: struct statx */
    GREEN_OP_KINDS,
};

/*
 * One operation. The caller owns it and what it points to, and keeps them in
 * place while it is in flight: from green_hub_submit until the callback has
 * begun, or until its hub has been eliminated or ended, which waits for the
 * system to let go of them. Zero-initialise it, fill in what its kind asks for.
 */
struct green_operation {
    unsigned kind; /* enum green_operation_kind */
    int fd;
    void *buffer;
    size_t size;
    int64_t offset;
    const char *path;
    socklen_t *length;
    unsigned flags, mode;
    bool later; /* a hint: the descriptor is known not to be ready now */
    void (*callback)(struct green_operation *operation);
    void *arg;      /* the caller's; the library leaves it alone */
    int64_t result; /* for the callback: as the system call's, or -errno */
    struct {
        struct green_operation *next; /* the library's */
        unsigned state;
        void *reserved[2];
    } internal;
};

/*
 * Whether this hub can carry out this kind of operation. False if hub is NULL.
 * Never switches. The hub's own thread.
 */
GREEN_API bool green_hub_can(const struct green_hub *hub,
                             enum green_operation_kind kind);

/*
 * Starts an operation; its callback is called in a later turn of the loop, once,
 * with `result` set. What is submitted in one turn goes to the system together,
 * at the turn's end.
 * Returns 0, or -1 and nothing is started:
 *   EINVAL   an argument is NULL, no callback, no such kind
 *   EALREADY it is in flight
 *   ENOSYS   this hub can't: green_hub_can
 *   EAGAIN, ENOMEM   the system's limits
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_submit(struct green_hub *hub,
                               struct green_operation *operation);

/*
 * Has an operation end soon. Its callback is called nonetheless: with -ECANCELED
 * or -EINTR, or with what it did before it could be stopped.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if it is not in flight.
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_cancel_operation(struct green_hub *hub,
                                         struct green_operation *operation);

/*
 * Runs the loop on the caller's stack until green_hub_abort; greenthreads run
 * between two turns. Callbacks are called on the caller's stack.
 * Returns 0 after an abort, or -1: EINVAL for NULL, EBUSY if the loop is
 * running already, ECANCELED in a child that a callback has forked, or what the
 * hub's wait failed with.
 * May switch. The hub's own thread.
 */
GREEN_API int green_hub_run(struct green_hub *hub);

/*
 * Makes green_hub_run return after the current turn; if it is not running, the
 * next green_hub_run returns at once. Never switches. The hub's own thread.
 * Returns 0, or -1 and EINVAL for NULL.
 */
GREEN_API int green_hub_abort(struct green_hub *hub);

/*
 * First half of a turn: waits until something is to be dispatched, but `timeout`
 * at the longest (0: do not wait; GREEN_FOREVER: no limit of its own). It calls
 * no callback, and touches nothing that a callback could see, so that a language
 * binding can release its interpreter lock around it.
 * Returns 0, also when a signal ended the wait; or -1: EINVAL for NULL or a
 * negative timeout, EBUSY from a callback, or what the hub's wait failed with.
 * Blocks the OS thread; never switches. The hub's own thread.
 */
GREEN_API int green_hub_wait(struct green_hub *hub, green_time timeout);

/*
 * Second half of a turn: calls what is due, never blocks: calls, then timers,
 * then listeners. Of very many listeners that are due it calls some; the next turn
 * does not wait, and goes on with the rest.
 * Returns 0, or -1: EINVAL for NULL, EBUSY from a callback.
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_dispatch(struct green_hub *hub);

/* What a hub and its greenthreads have done since the hub was made. */
struct green_hub_stats {
    uint64_t iterations;    /* turns of the loop */
    uint64_t waits;         /* turns that asked the system and could block */
    uint64_t events;        /* descriptors found ready */
    uint64_t changes;       /* changes of interest handed to the hub module */
    uint64_t armed;         /* timers armed */
    uint64_t fired;         /* timers fired */
    uint64_t calls;         /* green_hub_call functions called */
    uint64_t switches;      /* switches into a greenthread */
    uint64_t spawns;        /* greenthreads spawned */
    uint64_t finished;      /* greenthreads finished */
    uint64_t dropped;       /* greenthreads dropped when the hub took over */
    uint64_t alive;         /* greenthreads alive now, main included */
    uint64_t descriptors;   /* descriptors watched now */
    uint64_t operations;    /* operations submitted */
    green_time longest_run; /* longest time between two turns: who hogs? */
    uint64_t reserved[4];   /* zero */
};

/*
 * Fills in *stats. Returns 0, or -1 and EINVAL for NULL.
 * Never switches. The hub's own thread.
 */
GREEN_API int green_hub_stats(const struct green_hub *hub,
                              struct green_hub_stats *stats);

GREEN_END_DECLS

#endif
