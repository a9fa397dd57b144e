/*
 * The greenlet that runs while all others wait: one turn after another. A turn
 * tells those whose descriptor was closed, fires timers, waits, and calls whoever
 * waits for what is ready.
 */
#include <errno.h>

#include "binding.h"

/* Calls a method of the hub, which may be overridden. 0, or -1 with an error. */
static int call_step(struct hub *hub, const char *name)
{
    PyObject *result = PyObject_CallMethod((PyObject *)hub, name, NULL);

    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* ---- Closed descriptors ------------------------------------------------- */

static PyObject *io_closed(void)
{
    PyObject *hubs = PyImport_ImportModule("eventlet.hubs"), *error = NULL;

    if (hubs)
        error = PyObject_CallMethod(hubs, "IOClosed", "is", ENOTCONN,
                                    "Operation on closed file");
    Py_XDECREF(hubs);
    return error;
}

static int throw_into(struct listener *listener)
{
    PyObject *error, *result;

    if (greenlet_is_dead(listener->greenlet))
        return 0;
    error = io_closed();
    if (!error)
        return -1;
    result = PyObject_CallOneArg(listener->tb, error);
    Py_DECREF(error);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int close_last(struct hub *hub)
{
    Py_ssize_t last = PyList_GET_SIZE(hub->closed) - 1;
    PyObject *listener;
    int status;

    if (last < 0) {
        PyErr_SetString(PyExc_IndexError, "nothing was closed");
        return -1;
    }
    listener = Py_NewRef(PyList_GET_ITEM(hub->closed, last));
    status = PyList_SetSlice(hub->closed, last, last + 1, NULL);
    /* Where it dies of that, the loop does not. */
    if (status == 0 && throw_into((struct listener *)listener) < 0)
        status = debug_squelch_or_raise(hub, binding.squelch_generic_exception,
                                        NULL);
    Py_DECREF(listener);
    return status;
}

static PyObject *close_one(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (close_last(as_hub(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- Waiting ------------------------------------------------------------ */

/* Never shorter than asked: what is due must be due afterwards. */
static green_time to_timeout(double seconds)
{
    double nanoseconds = seconds * 1e9;

    if (!(nanoseconds > 0))
        return 0;
    if (nanoseconds >= 9e18)
        return GREEN_FOREVER;
    return (green_time)nanoseconds + 1;
}

static int deliver_one(struct hub *hub, struct watch *watch)
{
    unsigned events = watch->reported;
    PyObject *result;

    watch->reported = 0;
    if (!(events & GREEN_CLOSED)) {
        if ((events & GREEN_READ) && watch_call(hub, watch, READING) < 0)
            return -1;
        if ((events & GREEN_WRITE) && watch_call(hub, watch, WRITING) < 0)
            return -1;
        return 0;
    }
    if (hub_is_plain(hub))
        return watch_remove_descriptor(hub, watch->fd);
    result = PyObject_CallMethod((PyObject *)hub, "remove_descriptor", "i",
                                 watch->fd);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* What is left after an error is told again by the next wait. */
static int deliver(struct hub *hub)
{
    struct watch *watch;
    int status = 0;

    while ((watch = loop_take_ready(hub->loop)) != NULL) {
        if (status < 0)
            watch->reported = 0;
        else
            status = deliver_one(hub, watch);
    }
    return status;
}

static int deliver_watched(struct hub *hub)
{
    if (!hub->debug_blocking)
        return deliver(hub);
    if (call_step(hub, "block_detect_pre") < 0 || deliver(hub) < 0)
        return -1;
    return call_step(hub, "block_detect_post");
}

/*
 * The rest of a timeout that timers leave which nobody has looked at. There are
 * some if another thread has armed one since: it could not wake a hub that did not
 * sleep yet.
 */
static green_time until_next(const struct hub *hub, green_time timeout)
{
    double now = schedule_clock();

    for (size_t i = 0; i < hub->next.count; i++) {
        green_time left = to_timeout(hub->next.items[i].when - now);

        timeout = left < timeout ? left : timeout;
    }
    return timeout;
}

static int wait_for(struct hub *hub, green_time timeout)
{
    struct loop *loop = hub_loop(hub);

    if (!loop)
        return -1;
    if (loop_use(loop) < 0)
        goto failed;
    if (timeout > 0 && hub->next.count > 0)
        timeout = until_next(hub, timeout);
    if (timeout == 0 && loop->added == 0)
        return 0; /* nothing that could be ready */
    if (loop_wait(loop, timeout) < 0)
        goto failed;
    if (timeout > 0 && PyErr_CheckSignals() < 0)
        return -1;
    return loop->ready ? deliver_watched(hub) : 0;

failed:
    raise_hub_error();
    return -1;
}

static PyObject *wait_method(PyObject *self, PyObject *const *arguments,
                             Py_ssize_t count)
{
    green_time timeout = GREEN_FOREVER;
    double seconds;

    if (count > 0 && arguments[0] != Py_None) {
        seconds = PyFloat_AsDouble(arguments[0]);
        if (seconds == -1 && PyErr_Occurred())
            return NULL;
        timeout = to_timeout(seconds);
    }
    if (wait_for(as_hub(self), timeout) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *default_sleep(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyFloat_FromDouble(RUN_DEFAULT_SLEEP);
}

/* ---- A turn ------------------------------------------------------------- */

static int tell_closed(struct hub *hub)
{
    while (PyList_GET_SIZE(hub->closed) > 0)
        if (hub_is_plain(hub) ? close_last(hub) < 0
                              : call_step(hub, "close_one") < 0)
            return -1;
    return 0;
}

static int fire_watched(struct hub *hub, double now)
{
    if (!hub->debug_blocking)
        return schedule_fire(hub, now);
    if (call_step(hub, "block_detect_pre") < 0 || schedule_fire(hub, now) < 0)
        return -1;
    /* A timer may have turned it off, and undone it. */
    return hub->debug_blocking ? call_step(hub, "block_detect_post") : 0;
}

static double time_left(const struct hub *hub, double now)
{
    double when;

    if (PyList_GET_SIZE(hub->closed) > 0)
        return 0; /* somebody is to be told */
    if (hub->timers.count == 0)
        return RUN_DEFAULT_SLEEP;
    when = hub->timers.items[0].when;
    return when <= now ? 0 : when - schedule_clock();
}

/* Of a hub of which nothing is overridden: all in C. */
static int turn_plain(struct hub *hub)
{
    double now;

    if (tell_closed(hub) < 0 || schedule_prepare(hub) < 0)
        return -1;
    now = schedule_clock();
    if (fire_watched(hub, now) < 0 || schedule_prepare(hub) < 0)
        return -1;
    if (hub->loop->dead)
        return 0;
    return wait_for(hub, to_timeout(time_left(hub, now)));
}

/* A method's result as a number; *none if it is None. */
static int ask_number(struct hub *hub, const char *name, double *number,
                      bool *none)
{
    PyObject *result = PyObject_CallMethod((PyObject *)hub, name, NULL);

    if (!result)
        return -1;
    *none = result == Py_None;
    *number = *none ? 0 : PyFloat_AsDouble(result);
    Py_DECREF(result);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
}

static int call_with_number(struct hub *hub, const char *name, double number)
{
    PyObject *result = PyObject_CallMethod((PyObject *)hub, name, "d", number);

    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int ask_time_left(struct hub *hub, double *seconds)
{
    double when, now;
    bool none;

    if (ask_number(hub, "sleep_until", &when, &none) < 0)
        return -1;
    if (none)
        return ask_number(hub, "default_sleep", seconds, &none);
    if (ask_number(hub, "clock", &now, &none) < 0)
        return -1;
    *seconds = when - now;
    return 0;
}

/* Something is overridden: each step by its name, as Eventlet does. */
static int turn_by_name(struct hub *hub)
{
    double now, seconds;
    bool none;

    if (tell_closed(hub) < 0 || call_step(hub, "prepare_timers") < 0)
        return -1;
    if (hub->debug_blocking && call_step(hub, "block_detect_pre") < 0)
        return -1;
    if (ask_number(hub, "clock", &now, &none) < 0 ||
        call_with_number(hub, "fire_timers", now) < 0)
        return -1;
    if (hub->debug_blocking && call_step(hub, "block_detect_post") < 0)
        return -1;
    if (call_step(hub, "prepare_timers") < 0 ||
        ask_time_left(hub, &seconds) < 0)
        return -1;
    return call_with_number(hub, "wait", seconds > 0 ? seconds : 0);
}

/*
 * Another hub has taken this one's place, and yet a greenlet came back to it,
 * since it was its parent: on to the new one. Each time anew.
 */
static int switch_stacks(struct hub *hub)
{
    while (hub->loop->dead) {
        struct loop *here = loop_here();
        PyObject *greenlet, *result;

        if (!here || !here->object || !here->object->greenlet)
            return 0;
        greenlet = Py_NewRef(here->object->greenlet);
        result = greenlet_switch(greenlet, NULL);
        Py_DECREF(greenlet);
        if (!result)
            return -1;
        Py_DECREF(result);
    }
    return 0;
}

static int run_turns(struct hub *hub)
{
    int status = 0;

    while (status == 0 && !hub->stopping && !hub->loop->dead)
        status = hub_is_plain(hub) ? turn_plain(hub) : turn_by_name(hub);
    if (status < 0)
        return -1;
    if (hub->loop->dead)
        return switch_stacks(hub);
    hub->timers_canceled = 0;
    schedule_clear(hub);
    return 0;
}

static PyObject *run(PyObject *self, PyObject *args, PyObject *keywords)
{
    struct hub *hub = as_hub(self);
    int status;

    (void)args;
    (void)keywords;
    if (hub->running) {
        PyErr_SetString(PyExc_RuntimeError, "Already running!");
        return NULL;
    }
    hub->running = true;
    hub->stopping = false;
    hub->loop->ran = true;
    status = run_turns(hub);
    hub->running = hub->stopping = false;
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- Into it and out of it ---------------------------------------------- */

static int renew_greenlet(struct hub *hub)
{
    PyObject *parent, *run_method, *fresh = NULL;
    int status = -1;

    if (!greenlet_is_dead(hub->greenlet))
        return 0;
    parent = greenlet_parent(hub->greenlet);
    run_method = PyObject_GetAttr((PyObject *)hub, binding.run);
    if (run_method)
        fresh = greenlet_new(run_method, parent);
    /* Children of the old one that end without another switch to the hub. */
    if (fresh && greenlet_set_parent(hub->greenlet, fresh) == 0) {
        Py_SETREF(hub->greenlet, Py_NewRef(fresh));
        status = 0;
    }
    Py_XDECREF(parent);
    Py_XDECREF(run_method);
    Py_XDECREF(fresh);
    return status;
}

static PyObject *ensure_greenlet(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (renew_greenlet(as_hub(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* A greenlet's own switch_out, if it has one; its errors go no further. */
static int switch_out(struct hub *hub, PyObject *current)
{
    PyObject *method = NULL, *result = NULL;
    int found = find_attribute(current, binding.switch_out, &method);

    if (found == 0)
        return 0;
    if (found > 0 && method != Py_None)
        result = PyObject_CallNoArgs(method);
    else if (found > 0)
        result = Py_NewRef(Py_None);
    Py_XDECREF(method);
    if (!result)
        return debug_squelch(hub, binding.squelch_generic_exception, NULL);
    Py_DECREF(result);
    return 0;
}

/* The hub is where a greenlet's end leads to; but not for the hub's own parent. */
static int adopt(struct hub *hub, PyObject *current)
{
    PyObject *parent = greenlet_parent(current);
    int status = 0;

    if (parent != hub->greenlet) {
        Py_XDECREF(parent);
        parent = greenlet_parent(hub->greenlet);
        if (parent != current)
            status = greenlet_set_parent(current, hub->greenlet);
        if (status < 0 && PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear(); /* it would be its own ancestor */
            status = 0;
        }
    }
    Py_XDECREF(parent);
    return status;
}

PyObject *run_switch(struct hub *hub)
{
    PyObject *current = greenlet_current(), *greenlet, *result = NULL;

    if (!current)
        return NULL;
    hub->loop->ran = true;
    if (current == hub->greenlet) {
        PyErr_SetString(PyExc_AssertionError,
                        "Cannot switch to MAINLOOP from MAINLOOP");
    } else if (switch_out(hub, current) == 0 && renew_greenlet(hub) == 0 &&
               adopt(hub, current) == 0) {
        Py_DECREF(current); /* it is the one that runs */
        greenlet = Py_NewRef(hub->greenlet);
        result = greenlet_switch(greenlet, NULL);
        Py_DECREF(greenlet);
        return result;
    }
    Py_DECREF(current);
    return NULL;
}

static PyObject *switch_method(PyObject *self, PyObject *unused)
{
    (void)unused;
    return run_switch(as_hub(self));
}

static PyObject *do_nothing(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyMethodDef nothing = {"nothing", do_nothing, METH_NOARGS, NULL};

/* A timer that is due, so that the hub does not sleep before it stops. */
static int arm_nothing(PyObject *self)
{
    PyObject *callback = PyCFunction_New(&nothing, NULL), *timer = NULL;

    if (callback)
        timer = PyObject_CallMethod(self, "schedule_call_global", "iO", 0,
                                    callback);
    Py_XDECREF(callback);
    Py_XDECREF(timer);
    return timer ? 0 : -1;
}

static PyObject *abort_method(PyObject *self, PyObject *args,
                              PyObject *keywords)
{
    static char *names[] = {"wait", NULL};
    struct hub *hub = as_hub(self);
    PyObject *current;
    int wait = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p", names, &wait))
        return NULL;
    if (hub->running)
        hub->stopping = true;
    if (!wait)
        Py_RETURN_NONE;
    current = greenlet_current();
    Py_XDECREF(current);
    if (current == hub->greenlet) {
        PyErr_SetString(
            PyExc_AssertionError,
            "Can't abort with wait from inside the hub's greenlet.");
        return NULL;
    }
    if (arm_nothing(self) < 0)
        return NULL;
    return PyObject_CallMethod(self, "switch", NULL);
}

#define FAST(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef run_methods[] = {
    {"run", FAST(run), METH_VARARGS | METH_KEYWORDS,
     "run(*args, **kw)\n--\n\n"
     "Runs the loop until abort(), in the hub's greenlet. Arguments are "
     "ignored.\n"
     "Raises RuntimeError if it runs already, and what a callback raises if "
     "that\n"
     "is KeyboardInterrupt or SystemExit; the timers are kept then."},
    {"switch", switch_method, METH_NOARGS,
     "switch()\n--\n\n"
     "Lets the hub run until somebody switches back; returns or raises what "
     "that\n"
     "gives. Raises AssertionError in the hub's own greenlet."},
    {"wait", FAST(wait_method), METH_FASTCALL,
     "wait(seconds=None)\n--\n\n"
     "Waits for descriptors, this many seconds at most, and calls whoever "
     "waits\n"
     "for what is ready. The interpreter lock is released unless seconds is "
     "0.\n"
     "Raises OSError if the system refuses."},
    {"close_one", close_one, METH_NOARGS,
     "close_one()\n--\n\n"
     "Throws IOClosed into the last one in `closed`. Raises IndexError if "
     "there\n"
     "is none."},
    {"default_sleep", default_sleep, METH_NOARGS,
     "default_sleep()\n--\n\nSeconds to wait when there is no timer: 60."},
    {"ensure_greenlet", ensure_greenlet, METH_NOARGS,
     "ensure_greenlet()\n--\n\n"
     "Makes a new greenlet for the loop if the old one is dead."},
    {"abort", FAST(abort_method), METH_VARARGS | METH_KEYWORDS,
     "abort(wait=False)\n--\n\n"
     "Ends the loop after the current turn; with wait, returns when it has "
     "ended,\n"
     "which works from the hub's parent alone."},
    {NULL, NULL, 0, NULL},
};
