/*
 * greenhub for Eventlet: a hub in C that the real Eventlet takes as its own.
 *
 * Eventlet asks its hub for three things: to wait for descriptors, to call
 * something later, and to be the greenlet that runs while all others wait. The
 * first comes from greenhub's event loop; greenlets take the place of
 * greenthreads.
 *
 *     greenlets.c what is used of greenlet
 *     loop.c      an OS thread's loop: the library's hub, what is watched
 *     signals.c   signals end a wait
 *     listener.c  the object that waits for a descriptor
 *     watch.c     add, remove, closed and recycled descriptors
 *     waiters.c   who waits, as Eventlet's debugging shows it
 *     timer.c     the object that is called later
 *     schedule.c  the heap of timers
 *     run.c       one turn after another; switch, abort
 *     trampoline.c  a wait in C, if that is asked for
 *     debug.c     exceptions that go no further, the blocking detector
 *     plain.c     whose a hub is, and whether anything of it is overridden
 *     hub.c       the type Hub
 *     module.c    the module
 *
 * Between two turns nothing of the library's is under way: what is ready is
 * noted while the library dispatches, and Python is called afterwards. So a
 * greenlet may switch, fork, or replace the hub from wherever it is called.
 *
 * All of it runs under the GIL, which is released for a wait that may block and
 * for nothing else. The library's hub belongs to one OS thread; timers are this
 * module's own, so that another thread may arm one.
 */
#ifndef GREENHUB_PYTHON_BINDING_H
#define GREENHUB_PYTHON_BINDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <greenhub.h>

#include "compat.h"

/* ---- A loop: what belongs to an OS thread ------------------------------- */

enum direction { READING, WRITING };

struct hub;
struct listener;

/* Who waits for one direction of a descriptor, in the order of coming. The first
 * is Eventlet's "listener", the others its "secondaries". */
struct side {
    struct listener *first, *last;
    bool added; /* the library has been asked to tell */
};

/* A descriptor. It keeps its place as long as the loop lives. */
struct watch {
    int fd;
    bool queued;
    bool shared; /* several may wait for the same direction */
    uint8_t reported;
    struct watch *next_ready;
    struct side sides[2];
    PyObject *owner; /* weak reference to who registered it, see watch.c */
    struct loop *loop;
    struct green_listener listeners[2];
};

#define WATCH_CHUNK 64

struct loop {
    atomic_uint references; /* the thread's, and the Python object's */
    bool dead;              /* another hub has taken its place */
    bool sleeping;          /* in a wait without the GIL */
    bool keeps;             /* registering costs a system call: see loop.c */
    struct green_hub *hub;  /* NULL in a forked child until it is used */
    struct hub *object;     /* borrowed; NULL when it is gone */
    struct watch *ready, **ready_end;
    uint64_t iterations;
    uint64_t births; /* listeners added so far */
    uint64_t asked;  /* the same when the system was asked last */
    size_t added;    /* sides that the library watches */
    size_t waiting;  /* listeners */
    struct watch **chunks;
    size_t chunk_count;
    unsigned vain; /* waits in a row that ended early and told nothing */
    bool ran;      /* Python ran since the last check of descriptors */
    green_time checked, check_cost;
    struct pollfd *polled;
    size_t polled_room;
    struct green_call wakeup;
    int signals[2]; /* a pipe, or -1: signals.c */
    struct green_listener signal_listener;
    char name[64]; /* of the library's hub; "" for the best */
};

/* A new loop for the calling thread, in place of its old one. NULL with errno
 * and green_hub_error(), and the old one untouched. */
struct loop *loop_open(const char *name, struct hub *object);

/* The object's reference goes. */
void loop_release(struct loop *loop);

/* The calling thread's, or NULL. */
struct loop *loop_here(void);

/* The entry of a descriptor if there is one; or made, else NULL with ENOMEM. */
struct watch *loop_peek(const struct loop *loop, int fd);
struct watch *loop_watch(struct loop *loop, int fd);

/* Has the library tell of a direction; anew if the registration may be lost. 0 or
 * -1 with errno. */
int loop_tell(struct watch *watch, enum direction direction, bool anew);

/* Nobody waits for a direction any more. */
void loop_idle(struct watch *watch, enum direction direction);

/* The descriptor stands for something new, or is closed. */
void loop_forget(struct watch *watch);

/* Makes a forked child's hub if there is none yet, which runs Python. 0 or -1 with
 * errno. */
int loop_use(struct loop *loop);

/* Asks the system, without the GIL if that may block; then the ready ones are
 * queued. 0 or -1 with errno. */
int loop_wait(struct loop *loop, green_time timeout);

/* The next of those that are ready; NULL at the end. */
struct watch *loop_take_ready(struct loop *loop);

/* From another thread, under the GIL: ends a wait that is under way. */
void loop_wake(struct loop *loop);

/* signals.c: signals end the main thread's waits. */
void signals_open(struct loop *loop);
void signals_close(struct loop *loop);

/* ---- Objects ------------------------------------------------------------ */

struct listener {
    PyObject_HEAD int fd;
    bool spent;
    bool linked;
    enum direction direction;
    uint64_t born; /* its number in the order of adding */
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
    PyObject *cb;    /* NULL when it is of no more use */
    PyObject *names; /* of keyword arguments, the last of `count`; or NULL */
    Py_ssize_t count;
    PyObject **arguments; /* one place before them is free for a callee */
    PyObject *room[TIMER_INLINE + 1];
    PyObject *greenlet; /* a LocalTimer's; NULL once it is cancelled */
    struct hub *hub;    /* who is told of a cancel; NULL if nobody is */
    PyObject *scheduled_time, *traceback;
};

struct entry {
    double when;
    uint64_t order; /* those of equal time fire as they were made */
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
    struct entries next;   /* made since they were last put into it */
    uint64_t orders;
    Py_ssize_t timers_canceled;
    char running, stopping;
    char debug_exceptions, debug_blocking;
    unsigned plain_tag; /* the type's version when `plain_type` was found out */
    bool plain_type;
    PyObject *debug_blocking_resolution;
    PyObject *closed; /* list of listeners that are to be told */
    PyObject *lclass;
    PyObject *dictionary, *weak_references;
};

static inline struct hub *as_hub(PyObject *object)
{
    return (struct hub *)object;
}

/* What the module keeps for ever. */
struct binding {
    PyTypeObject *hub, *listener, *debug_listener, *timer, *local_timer;
    PyCFunction greenlet_switch;
    PyObject *timer_globals; /* eventlet.hubs.timer's, for _g_debug */
    /* Strings. */
    PyObject *nothing, *read, *write, *switch_out, *called, *seconds, *run;
    PyObject *hub_name, *g_debug, *squelch_exception;
    PyObject *squelch_timer_exception, *squelch_generic_exception;
};

extern struct binding binding;

/* greenlet's own functions, with a place of their own because its header keeps a
 * static table in each file. greenlets.c */
int greenlets_import(void);
PyObject *greenlet_current(void); /* new reference */
PyObject *greenlet_new(PyObject *run, PyObject *parent);
PyObject *greenlet_switch(PyObject *greenlet, PyObject *arguments);
PyObject *greenlet_parent(PyObject *greenlet); /* new reference, or NULL */
int greenlet_set_parent(PyObject *greenlet, PyObject *parent);
bool greenlet_is_dead(PyObject *greenlet);
bool greenlet_check(PyObject *object);
/* Calls what Eventlet mostly calls, a greenlet's switch, the short way. */
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
extern PyMethodDef run_methods[];
#define RUN_DEFAULT_SLEEP 60.0 /* seconds, when no timer is pending */

/* trampoline.c */
PyObject *trampoline_make(PyObject *module, PyObject *args);

/* debug.c */
extern PyMethodDef debug_methods[];
/* Hands the current exception to one of the hub's squelch_ methods, with the
 * subject unless that is NULL; or leaves it set, if it is one of those that end the
 * loop. 0, or -1 with an error. */
int debug_squelch(struct hub *hub, PyObject *method, PyObject *subject);
int debug_squelch_or_raise(struct hub *hub, PyObject *method,
                           PyObject *subject);

/* plain.c */
/* Whether nothing of the hub is overridden, by a subclass or in the instance. */
bool hub_is_plain(struct hub *hub);
/* Its loop; NULL and RuntimeError if it is not the calling thread's. */
struct loop *hub_loop(struct hub *hub);
/* From errno and green_hub_error(); returns NULL. */
PyObject *raise_hub_error(void);

/* hub.c */
int hub_type(void);

#endif
