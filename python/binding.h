/*
 * greenhub for Eventlet: a hub in C, which an unmodified Eventlet uses like one
 * of its own.
 *
 * Eventlet needs three things of its hub: it waits for descriptors, it calls
 * functions later, and its greenlet runs while all others wait. The first uses
 * greenhub's event loop; greenlets replace greenthreads.
 *
 *     greenlets.c what is used of greenlet
 *     loop.c      an OS thread's loop: the library's hub, what is watched
 *     signals.c   signals end a wait
 *     listener.c  the type of objects that wait for a descriptor
 *     watch.c     add, remove, closed and recycled descriptors
 *     waiters.c   the waiting listeners, as Eventlet's debugging shows them
 *     timer.c     the type of timers
 *     schedule.c  the heap of timers
 *     run.c       the hub's iterations; switch, abort
 *     trampoline.c  Eventlet's trampoline in C, on request
 *     debug.c     exceptions that the hub prints; the blocking detector
 *     plain.c     which OS thread a hub belongs to; whether it has overrides
 *     hub.c       the type Hub
 *     http*.[ch]  the connections of greenhub.wsgi: see http.h
 *     late*.[ch]  libevent and liburing, only where they are used
 *     module.c    the module
 *
 * Python code never runs inside a call of the library: while the library
 * dispatches, this module only queues the ready descriptors, and calls Python
 * afterwards. So Python code may switch, fork or replace the hub wherever the
 * hub calls it.
 *
 * All of it runs under the GIL; only a wait that may block releases it. The
 * library's hub belongs to one OS thread. Timers are kept by this module, not
 * by the library, so that another thread may add one.
 */
#ifndef GREENHUB_PYTHON_BINDING_H
#define GREENHUB_PYTHON_BINDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <greenhub.h>

#include "compat.h"

/* ---- A loop: the state of an OS thread ------------------------------- */

enum direction { READING, WRITING };

struct hub;
struct listener;

/* The listeners for one direction of a descriptor, in the order in which
 * they were added. The first is Eventlet's "listener", the others its
 * "secondaries". */
struct side {
    struct listener *first, *last;
    bool added; /* registered with the library */
};

/* A descriptor. It is not moved or freed before the loop is. */
struct watch {
    int fd;
    bool queued;
    bool shared; /* allow_multiple_readers() was called */
    bool unsure; /* the current wait has trusted a kept registration */
    uint8_t reported;
    struct watch *next_ready;
    struct side sides[2];
    PyObject *
        owner; /* weak reference to the object that registered it, see watch.c */
    struct loop *loop;
    struct green_listener listeners[2];
};

#define WATCH_CHUNK 16

struct loop {
    atomic_uint references; /* the thread's, and the Python object's */
    bool dead;              /* another hub has replaced it */
    bool sleeping;          /* in a wait without the GIL */
    bool keeps;             /* registering costs a system call: see loop.c */
    struct green_hub *hub;  /* NULL in a forked child before its first use */
    struct hub *object;     /* borrowed; NULL after it was freed */
    struct watch *ready, **ready_end;
    uint64_t iterations;
    uint64_t births; /* listeners added so far */
    uint64_t asked;  /* `births` at the start of the last wait */
    size_t added;    /* sides registered with the library */
    size_t waiting;  /* listeners */
    struct watch **chunks;
    size_t chunk_count;
    unsigned
        empty_waits; /* successive waits that ended early without an event */
    bool woken;      /* the wait ended because another thread asked for it */
    bool ran;        /* Python ran since the last check of descriptors */
    green_time checked, check_cost;
    struct pollfd *polled;
    size_t polled_room;
    struct green_call wakeup;
    bool lost;       /* the program has closed the hub's own descriptors */
    unsigned losses; /* in succession */
    struct green_listener signal_listener;
    char name[64]; /* of the library's hub; "": the default */
};

/* Makes a loop for the calling thread, which replaces its old one. Returns NULL
 * with errno and green_hub_error() if it fails; the old one then stays. */
struct loop *loop_open(const char *name, struct hub *object);

/* Drops the object's reference. */
void loop_release(struct loop *loop);

/* The calling thread's loop, or NULL. */
struct loop *loop_here(void);

/* The entry of a descriptor. loop_peek returns NULL if there is none,
 * loop_watch makes one; NULL with ENOMEM. */
struct watch *loop_peek(const struct loop *loop, int fd);
struct watch *loop_watch(struct loop *loop, int fd);

/* Registers a direction with the library; `anew`: even if it is registered,
 * since the kernel may have dropped that. Returns 0, or -1 with errno. */
int loop_listen(struct watch *watch, enum direction direction, bool anew);

/* Call it when the last listener for a direction was removed. */
void loop_idle(struct watch *watch, enum direction direction);

/* Call it when a descriptor was closed, or its number reused. */
void loop_forget(struct watch *watch);

/* Makes a forked child's hub, unless it has one. That may run Python code.
 * Returns 0, or -1 with errno. */
int loop_use(struct loop *loop);

/* Call it before each wait: checks what Python code may have done to
 * descriptors, when it is time to. Returns the timeout for the wait, at most
 * `timeout`. It may release the GIL for a moment. */
green_time loop_prepare_wait(struct loop *loop, green_time timeout);

/* Waits, without the GIL if the wait may block, and queues the ready
 * descriptors. Returns 0, or -1 with errno. */
int loop_wait(struct loop *loop, green_time timeout);

/* Takes the first of the queue of ready descriptors; NULL if it is empty. */
struct watch *loop_take_ready(struct loop *loop);

/* Ends the wait, if the loop waits. For other threads, under the GIL. */
void loop_wake(struct loop *loop);

/* signals.c: signals end the main thread's waits. */
void signals_open(struct loop *loop);
void signals_unwatch(struct loop *loop);
void signals_close(const struct loop *loop);
int signals_import(void);
/* Before a wait, when Python code has run: has Python wake this hub by signals.
 * Returns whether a signal may have come that does not end the wait. */
bool signals_look(struct loop *loop);

/* ---- Objects ------------------------------------------------------------ */

struct listener {
    PyObject_HEAD int fd;
    bool spent;
    bool linked;
    enum direction direction;
    uint64_t born; /* its number in the order of additions */
    struct listener *next, *previous;
    struct loop *loop;
    PyObject *cb, *tb, *mark_as_closed;
    PyObject *greenlet;
    PyObject *where_called; /* DebugListener's */
};

#define TIMER_INLINE 4

struct timer {
    PyObject_HEAD bool called;
    PyObject *seconds;
    PyObject *cb;    /* NULL once the timer has been called or cancelled */
    PyObject *names; /* of keyword arguments, the last of `count`; or NULL */
    Py_ssize_t count;
    PyObject **arguments; /* a callee may use the place before them */
    PyObject *room[TIMER_INLINE + 1];
    PyObject *greenlet; /* a LocalTimer's; NULL once it is cancelled */
    struct hub *hub;    /* the hub to report a cancel to, or NULL */
    PyObject *scheduled_time, *traceback;
};

struct entry {
    double when;
    uint64_t order; /* timers of equal time fire in the order they were made */
    PyObject *timer;
};

struct entries {
    struct entry *items;
    size_t count, room;
};

struct hub {
    PyObject_HEAD struct loop *loop;
    PyObject *greenlet;
    struct entries timers; /* a heap */
    struct entries next;   /* made since the last prepare_timers() */
    uint64_t orders;
    Py_ssize_t timers_canceled;
    char running, stopping;
    char debug_exceptions, debug_blocking;
    unsigned plain_tag; /* the type's version when `plain_type` was computed */
    bool plain_type;
    PyObject *debug_blocking_resolution;
    PyObject *closed; /* list of listeners whose descriptor was closed */
    PyObject *lclass;
    PyObject *dictionary, *weak_references;
};

static inline struct hub *as_hub(PyObject *object)
{
    return (struct hub *)object;
}

/* What the module keeps until the process ends. */
struct binding {
    PyTypeObject *hub, *listener, *debug_listener, *timer, *local_timer;
    PyCFunction greenlet_switch;
    PyObject *timer_globals; /* eventlet.hubs.timer's, for _g_debug */
    /* Strings. */
    PyObject *nothing, *read, *write, *switch_out, *called, *seconds, *run;
    PyObject *hub_name, *g_debug, *squelch_exception;
    PyObject *squelch_timer_exception, *squelch_generic_exception;
    PyObject *text_plain;
};

extern struct binding binding;

/* Converts a descriptor's number. Returns 0; or -1 with an exception set:
 * OverflowError if no descriptor can have it. */
int number_of(PyObject *number, int *fd);

/* greenlet's functions. They are wrapped in greenlets.c, because greenlet's
 * header defines a static table in each file that includes it. */
int greenlets_import(void);
PyObject *greenlet_current(void); /* new reference; NULL while Python ends */
PyObject *greenlet_new(PyObject *run, PyObject *parent);
PyObject *greenlet_switch(PyObject *greenlet, PyObject *arguments);
PyObject *greenlet_parent(PyObject *greenlet); /* new reference, or NULL */
int greenlet_set_parent(PyObject *greenlet, PyObject *parent);
bool greenlet_is_dead(PyObject *greenlet);
bool greenlet_check(PyObject *object);
/* Calls a callback. A greenlet's switch, the most frequent one, is called
 * directly. */
PyObject *call_with(PyObject *callable, PyObject *const *arguments,
                    Py_ssize_t count, PyObject *names);

/* listener.c */
int listener_types(void);
PyObject *listener_new(PyTypeObject *type, enum direction direction, int fd,
                       PyObject *const *rest);
int listener_direction(PyObject *event_type); /* -1: neither, and an error */
int listener_defang(struct listener *listener);

/* timer.c */
int timer_types(void);
struct timer *timer_new(PyTypeObject *type, PyObject *const *arguments,
                        Py_ssize_t count, PyObject *names);
bool timer_check(PyObject *object);
int timer_fire(struct timer *timer);
int timer_cancel(struct timer *timer);

/* schedule.c */
double schedule_clock(void);
int schedule_add(struct hub *hub, PyObject *timer, double when);
int schedule_own(struct hub *hub, struct timer *timer);
int schedule_prepare(struct hub *hub);
int schedule_fire(struct hub *hub, double when);
int schedule_canceled(struct hub *hub);
void schedule_clear(struct hub *hub);
int schedule_traverse(struct hub *hub, visitproc visit, void *arg);
PyObject *schedule_list(const struct entries *entries); /* (when, timer) */
extern PyMethodDef schedule_methods[];

/* watch.c */
int watch_remove_descriptor(struct hub *hub, int fd);
void watch_clear(struct hub *hub);
int watch_traverse(struct hub *hub, visitproc visit, void *arg);
int watch_call(struct hub *hub, struct watch *watch, enum direction direction);

/* waiters.c */
PyObject *waiters_listeners(PyObject *self, void *unused);
PyObject *waiters_secondaries(PyObject *self, void *unused);
PyObject *watch_add(struct hub *hub, enum direction direction, int fd,
                    PyObject *const *rest);
void watch_drop(struct hub *hub, PyObject *listener); /* if it is added */
extern PyMethodDef watch_methods[];
extern PyMethodDef waiters_methods[];

/* run.c */
PyObject *run_switch(struct hub *hub);
/* A greenlet that is to call the hub's method run. */
PyObject *run_greenlet(struct hub *hub, PyObject *parent);
extern PyMethodDef run_methods[];
#define RUN_DEFAULT_SLEEP 60.0 /* seconds, when no timer is pending */

/* trampoline.c */
PyObject *trampoline_make(PyObject *module, PyObject *args);

/* debug.c */
extern PyMethodDef debug_methods[];
/* Passes the current exception to one of the hub's squelch_ methods, with the
 * subject unless that is NULL. An exception that ends the loop stays set.
 * Returns 0, or -1 with an exception set. */
int debug_squelch(struct hub *hub, PyObject *method, PyObject *subject);
int debug_squelch_or_raise(struct hub *hub, PyObject *method,
                           PyObject *subject);

/* plain.c */
/* Whether neither a subclass nor the instance overrides anything of the hub. */
bool hub_is_plain(struct hub *hub);
/* The hub's loop; NULL with RuntimeError if it is not the calling thread's. */
struct loop *hub_loop(struct hub *hub);
/* Raises OSError from errno and green_hub_error(). Returns NULL. */
PyObject *raise_hub_error(void);

/* hub.c */
int hub_type(void);

#endif
