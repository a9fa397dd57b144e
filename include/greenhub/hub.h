/*
 * Hubs: choosing the hub of an OS thread, and using a hub as an event loop.
 *
 * A hub waits for descriptors, timers and calls from other threads, and calls
 * callbacks. Each OS thread has at most one hub, made on first use.
 * Greenthreads (greenhub/thread.h) are built on this header; a program may also
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
 * Makes a new hub for the calling OS thread and eliminates the old one:
 * - The old hub no longer watches its descriptors, and its timers never fire.
 * - All other greenthreads of this OS thread never run again. Their stacks are
 *   freed without running their green_at_exit functions; the stack of a
 *   joinable one is freed when it is joined or detached.
 * The caller continues on the new hub. Other OS threads are not affected. Call
 * it first in the program.
 *
 * name selects the hub:
 * - NULL: the hub named by the environment variable GREENHUB_HUB; if that is
 *   not set, the first available of epolls, poll and selects.
 * - "epolls", "poll", "selects", "libevent" or "uring"; also "epoll", "select",
 *   "pyevent" and "io_uring": that hub. "kqueue" on the BSDs and on macOS, where
 *   it is tried in the place of epolls; it has never run.
 * - Another name without a '/': greenhub_hub_NAME.so, searched for in the
 *   directories of GREENHUB_HUB_PATH (separated by ':') and then in the
 *   library's own hub directory.
 * - "DIR/FILE.so[:SYMBOL]": that file. SYMBOL names a struct green_hub_module;
 *   the default is green_hub_module.
 *
 * Returns 0; or -1, the old hub stays, and green_hub_error() gives the reason
 * in words:
 *   EINVAL    the name is empty or too long
 *   ENOENT    no hub of that name, no such file, or no such symbol in it
 *   ENOEXEC   the file is not a shared object that can be loaded
 *   EPROTO    the module has another ABI version, or is incomplete
 *   ENOSYS, EPERM, ENOMEM, EMFILE, ...   the system refused the hub a resource
 *   EBUSY     called from a callback of the hub that it would eliminate
 * Never switches. Affects only the calling OS thread.
 * Mirrors eventlet.hubs.use_hub.
 */
GREEN_API int green_use_hub(const char *name);

/*
 * Like green_use_hub, with a hub module in place of a name. The module must
 * stay valid as long as a hub made from it exists.
 * Returns and fails like green_use_hub; EINVAL if module is NULL.
 * Never switches. Affects only the calling OS thread.
 */
GREEN_API int green_use_hub_module(const struct green_hub_module *module);

/*
 * Returns the calling OS thread's hub. The first call makes it, as
 * green_use_hub(NULL) does.
 * Returns NULL with the errno of green_use_hub if no hub can be made.
 * Never switches. The hub belongs to the calling OS thread. Other OS threads
 * may pass it only to green_hub_call_threadsafe.
 */
GREEN_API struct green_hub *green_get_hub(void);

/*
 * Returns the names of the hubs that this library was built with, best first,
 * ended by NULL. A listed hub may still be unavailable on this system.
 * Cannot fail; the list is static. Never switches. From any thread.
 */
GREEN_API const char *const *green_hub_names(void);

/*
 * Returns a hub's name, as its module gives it; or NULL: EINVAL for NULL.
 * Never switches. The string is valid as long as the module.
 */
GREEN_API const char *green_hub_name(const struct green_hub *hub);

/*
 * Returns a hub's module; or NULL: EINVAL for NULL. Never switches.
 */
GREEN_API const struct green_hub_module *
green_hub_get_module(const struct green_hub *hub);

/*
 * Tests whether green_use_hub(name) would succeed here: opens the hub and
 * closes it again. The OS thread's own hub is not affected.
 * Returns the module; or NULL with the errno of green_use_hub, and the reason
 * in words in *reason, unless reason is NULL. The string is valid as long as
 * one from green_hub_error().
 * Never switches. From any thread.
 */
GREEN_API const struct green_hub_module *
green_hub_available(const char *name, const char **reason);

/*
 * Returns the reason for this OS thread's last failure to choose, open or load
 * a hub, or to make a new stack: a sentence without a full stop, or "" if there
 * was none.
 * Valid until this OS thread's next call that does one of these. Never
 * switches.
 */
GREEN_API const char *green_hub_error(void);

/* ---- The hub as an event loop ---------------------------------------- */

/* A listener asks for these events, and its callback receives them. */
#define GREEN_READ 0x01u  /* a read would not block, or would find the end */
#define GREEN_WRITE 0x02u /* a write would not block */
/* A callback may also receive these, unasked, together with the others. */
#define GREEN_ERROR 0x04u  /* an error is pending on the descriptor */
#define GREEN_HANGUP 0x08u /* the peer has hung up, wholly or one way */
#define GREEN_CLOSED 0x10u /* the descriptor is no longer open here */

/*
 * A request for a callback whenever a descriptor is ready. The caller owns it.
 * Zero-initialise it and fill in the first four members. It must stay in place
 * while it is added: until it is removed, or its hub is eliminated or ends with
 * its OS thread.
 * A listener persists and is level-triggered: the hub calls it in every
 * iteration of the loop in which the descriptor is ready, until it is removed.
 * A callback with GREEN_CLOSED is the last one: the listener is then no longer
 * added.
 */
struct green_listener {
    int fd;
    unsigned events; /* GREEN_READ, GREEN_WRITE or both */
    void (*callback)(struct green_listener *listener, unsigned events);
    void *arg; /* for the caller; the library does not use it */
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
 * Returns 0; or -1, and nothing is added:
 *   EINVAL   an argument is NULL, there is no callback, or there are no events
 *            or unknown ones
 *   EBADF    the descriptor is not open
 *   EEXIST   the listener is already added
 *   ENOMEM, ENOSPC   a limit of the system
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_add(struct green_hub *hub, struct green_listener *l);

/*
 * Removes a listener. It is not called any more, not even for an event already
 * seen in the current iteration.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if it is not added.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_remove(struct green_hub *hub, struct green_listener *l);

/*
 * Tells the hub that a descriptor was closed, or will be, without green_close;
 * or that its number now refers to another open file. Listeners for it are
 * called with GREEN_CLOSED before this returns. Greenthreads that wait for it
 * get EBADF. The hub then forgets the descriptor.
 * Returns 0, also if there were no waiters; or -1: EINVAL if hub is NULL, EBADF
 * if fd is negative. Never switches.
 */
GREEN_API int green_hub_forget(struct green_hub *hub, int fd);

/*
 * A callback at a point in time. The caller owns it. Zero-initialise it and
 * fill in callback and arg. It must stay in place while it is pending.
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
 * Arms a timer for the absolute time `when`, or moves it if it is pending. If
 * `when` is in the past, it fires in the next iteration of the loop. Timers
 * fire in the order of their times; those with equal times fire in the order in
 * which they were armed. A timer armed while timers fire does not fire in the
 * same iteration. GREEN_FOREVER is allowed: the timer is pending and never due.
 * Returns 0, or -1: EINVAL for NULL, no callback or when < 0.
 * Never switches, never allocates, O(1). Only on the hub's own OS thread.
 */
GREEN_API int green_hub_schedule(struct green_hub *hub,
                                 struct green_timer *timer, green_time when);

/*
 * Disarms a timer.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if it is not pending.
 * Never switches, O(1). Only on the hub's own OS thread.
 */
GREEN_API int green_hub_cancel(struct green_hub *hub,
                               struct green_timer *timer);

/*
 * A function for the hub to call soon. The caller owns it. Zero-initialise it.
 * It must stay in place until the callback has begun; the callback may free it.
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
 * Makes the hub call a function in the next iteration of the loop. Functions
 * are called in the order in which they were requested.
 * Returns 0, or -1: EINVAL for NULL or no callback, EALREADY if it is pending.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_call(struct green_hub *hub, struct green_call *call);

/*
 * Like green_hub_call, but from any thread or signal handler. It wakes the hub
 * if the hub is waiting. The hub must stay open until the callback has begun,
 * but not until this call has returned.
 * Returns 0, or -1: EINVAL for NULL or no callback, EALREADY if it is pending.
 * Never switches.
 */
GREEN_API int green_hub_call_threadsafe(struct green_hub *hub,
                                        struct green_call *call);

/*
 * A function for the hub to call when it ends. The caller owns it.
 * Zero-initialise it. It must stay in place until then; the callback may free
 * it.
 */
struct green_hub_end {
    void (*callback)(struct green_hub_end *end, bool forked);
    void *arg;
    struct {
        struct green_list link; /* the library's */
        void *reserved[2];
    } internal;
};

/*
 * Makes the hub call a function when it is eliminated, or ends with its OS
 * thread; in the child of a fork it is called, too, with `forked`: the parent
 * goes on with its own copy. So what a program keeps for a hub can go with it.
 * The last one added is called first. The callback may remove listeners, cancel
 * timers and free memory; it must not block, and start nothing on the hub. A
 * process that exits calls none.
 * Returns 0, or -1: EINVAL for NULL or no callback, EALREADY if it is added.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_at_end(struct green_hub *hub,
                               struct green_hub_end *end);

/*
 * Returns the first green_hub_end of this hub that has the callback, so that a
 * program finds what it keeps for the hub; NULL if there is none, or for NULL.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API struct green_hub_end *
green_hub_find_end(const struct green_hub *hub,
                   void (*callback)(struct green_hub_end *end, bool forked));

/* ---- Operations ------------------------------------------------------ */

/*
 * The operations that a hub can carry out by itself if its module can (uring):
 * system calls whose results arrive later, in place of readiness events.
 * Greenthreads use them automatically; a program that uses the hub as an event
 * loop may use them, too.
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
    GREEN_OP_FSYNC,   /* flags (1: as fdatasync(2), 0: as fsync(2)) */
    GREEN_OP_OPEN,    /* fd: directory, path, flags: O_..., mode */
    GREEN_OP_STAT,    /* fd: directory, path, flags: AT_..., mode: STATX_...,
                       * buffer: struct statx */
    GREEN_OP_KINDS,
};

/*
 * One operation. Zero-initialise it and fill in the fields of its kind. The
 * caller owns it and the memory that it points to, and must keep both in place
 * while the operation is in flight: from green_hub_submit until the callback
 * has begun, or until its hub has been eliminated or has ended. The hub does
 * not end before the system has stopped using the memory.
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
    bool later; /* a hint: the descriptor is not ready now */
    void (*callback)(struct green_operation *operation);
    void *arg;      /* for the caller; the library does not use it */
    int64_t result; /* for the callback: the system call's, or -errno */
    struct {
        struct green_operation *next; /* the library's */
        unsigned state;
        void *reserved[2];
    } internal;
};

/*
 * Returns whether this hub can carry out this kind of operation; false if hub
 * is NULL. Never switches. Only on the hub's own OS thread.
 */
GREEN_API bool green_hub_can(const struct green_hub *hub,
                             enum green_operation_kind kind);

/*
 * Starts an operation. Its callback is called once, in a later iteration of the
 * loop, with `result` set. The hub passes all operations submitted in one
 * iteration to the system together, at the end of the iteration.
 * Returns 0; or -1, and nothing is started:
 *   EINVAL   an argument is NULL, there is no callback, or the kind is unknown
 *   EALREADY the operation is in flight
 *   ENOSYS   this hub cannot carry out this kind: see green_hub_can
 *   EAGAIN, ENOMEM   a limit of the system
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_submit(struct green_hub *hub,
                               struct green_operation *operation);

/*
 * Makes an operation end soon. Its callback is still called: with -ECANCELED or
 * -EINTR, or with the result of what was done before it could be stopped.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if it is not in flight.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_cancel_operation(struct green_hub *hub,
                                         struct green_operation *operation);

/*
 * Runs the loop, with its callbacks on the caller's stack, until
 * green_hub_abort. Greenthreads run between two iterations.
 * Returns 0 after an abort, or -1: EINVAL for NULL, EBUSY if the loop is
 * already running, ECANCELED in a child process that a callback has forked, or
 * the error of the hub's wait.
 * May switch. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_run(struct green_hub *hub);

/*
 * Makes green_hub_run return after the current iteration. If it is not running,
 * the next green_hub_run returns at once.
 * Returns 0, or -1: EINVAL for NULL.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_abort(struct green_hub *hub);

/*
 * The first half of an iteration: waits until there is something to dispatch,
 * for `timeout` at most (0: do not wait; GREEN_FOREVER: no limit). It calls no
 * callback and touches nothing that a callback could see, so that a language
 * binding can release its interpreter lock around it.
 * Returns 0, also if a signal ended the wait; or -1: EINVAL for NULL or a
 * negative timeout, EBUSY from a callback, or the error of the hub's wait.
 * Blocks the OS thread; never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_wait(struct green_hub *hub, green_time timeout);

/*
 * The second half of an iteration: runs everything that is due, first calls,
 * then timers, completed operations and listeners. It never blocks. If very
 * many listeners are due, it calls some of them; the next iteration does not
 * wait and continues with the rest.
 * Returns 0, or -1: EINVAL for NULL, EBUSY from a callback.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_dispatch(struct green_hub *hub);

/* Counters of a hub and its greenthreads since the hub was made. */
struct green_hub_stats {
    uint64_t iterations;    /* iterations of the loop */
    uint64_t waits;         /* iterations with a system call that could block */
    uint64_t events;        /* descriptors found ready */
    uint64_t changes;       /* changes of interest passed to the hub module */
    uint64_t armed;         /* timers armed */
    uint64_t fired;         /* timers fired */
    uint64_t calls;         /* green_hub_call functions called */
    uint64_t switches;      /* switches into a greenthread */
    uint64_t spawns;        /* greenthreads spawned */
    uint64_t finished;      /* greenthreads finished */
    uint64_t dropped;       /* greenthreads dropped by green_use_hub */
    uint64_t alive;         /* greenthreads alive now, main included */
    uint64_t descriptors;   /* descriptors watched now */
    uint64_t operations;    /* operations submitted */
    green_time longest_run; /* longest time between two iterations */
    uint64_t reserved[4];   /* zero */
};

/*
 * Fills in *stats. Returns 0, or -1: EINVAL for NULL.
 * Never switches. Only on the hub's own OS thread.
 */
GREEN_API int green_hub_stats(const struct green_hub *hub,
                              struct green_hub_stats *stats);

GREEN_END_DECLS

#endif
