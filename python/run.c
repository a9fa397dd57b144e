/*
 * The hub's greenlet, which runs while all others wait. Each iteration throws
 * IOClosed into greenlets whose descriptor was closed, fires timers, waits, and
 * calls the listeners of ready descriptors.
 */
#include <errno.h>

#include "binding.h"

/* Calls a method of the hub, which may be overridden. Returns 0, or -1 with an
 * exception set. */
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
    /* The exception may end that greenlet, but not the loop. */
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

/* Rounds up: after the wait, the timers that it was for must be due. */
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

/* After an error, the next wait reports the remaining ones again. */
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
 * Shortens a timeout to the timers that prepare_timers() has not seen. Another
 * thread may have added one since: it could not wake this hub, which did not
 * wait yet.
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
    bool may_block = timeout > 0;

    if (!loop)
        return -1;
    if (loop_use(loop) < 0)
        goto failed;
    if (timeout == 0 && loop->added == 0)
        return 0; /* no descriptor can be ready */
    timeout = loop_prepare_wait(loop, timeout);
    if (timeout > 0 && hub->next.count > 0)
        timeout = until_next(hub, timeout);
    if (loop_wait(loop, timeout) < 0)
        goto failed;
    if (may_block && PyErr_CheckSignals() < 0)
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

/* ---- One iteration
 * ------------------------------------------------------------- */

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
    /* A timer may have turned the detector off, and disarmed it. */
    return hub->debug_blocking ? call_step(hub, "block_detect_post") : 0;
}

static double time_left(const struct hub *hub, double now)
{
    double when;

    if (PyList_GET_SIZE(hub->closed) > 0)
        return 0; /* there are closed descriptors to report */
    if (hub->timers.count == 0)
        return RUN_DEFAULT_SLEEP;
    when = hub->timers.items[0].when;
    return when <= now ? 0 : when - schedule_clock();
}

/* For a hub without overrides: all in C. */
static int iterate_plain(struct hub *hub)
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

/* A method's result as a number; sets *none if it is None. */
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

/* For a hub with overrides: calls each step by its name, as Eventlet does. */
static int iterate_by_name(struct hub *hub)
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
 * Another hub has replaced this one, but a greenlet ended whose parent was this
 * hub's greenlet: switches to the new hub, each time again.
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

static int run_iterations(struct hub *hub)
{
    int status = 0;

    while (status == 0 && !hub->stopping && !hub->loop->dead)
        status = hub_is_plain(hub) ? iterate_plain(hub) : iterate_by_name(hub);
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
    status = run_iterations(hub);
    hub->running = hub->stopping = false;
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- Switching to the hub and back
 * ---------------------------------------------- */

PyObject *run_greenlet(struct hub *hub, PyObject *parent)
{
    PyObject *module = PyImport_ImportModule("greenhub._run");
    PyObject *function = NULL, *method = NULL, *greenlet = NULL;

    if (module)
        function = PyObject_GetAttr(module, binding.run);
    if (function)
        method = PyMethod_New(function, (PyObject *)hub);
    if (method)
        greenlet = greenlet_new(method, parent);
    Py_XDECREF(module);
    Py_XDECREF(function);
    Py_XDECREF(method);
    return greenlet;
}

static int renew_greenlet(struct hub *hub)
{
    PyObject *parent, *fresh;
    int status = -1;

    if (!greenlet_is_dead(hub->greenlet))
        return 0;
    parent = greenlet_parent(hub->greenlet);
    fresh = run_greenlet(hub, parent);
    /* For children of the old one that end without another switch to the
     * hub. */
    if (fresh && greenlet_set_parent(hub->greenlet, fresh) == 0) {
        Py_SETREF(hub->greenlet, Py_NewRef(fresh));
        status = 0;
    }
    Py_XDECREF(parent);
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

/* Calls the greenlet's switch_out, if it has one, and prints its exceptions. */
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

/* Makes the hub's greenlet the parent, so that it runs when this greenlet ends;
 * not for the hub's own parent. */
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
            PyErr_Clear(); /* it is an ancestor of the hub's greenlet */
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

/* Adds a timer that is due, so that the hub does not wait before it stops. */
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
    if (!current)
        return NULL;
    Py_DECREF(current);
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
     "Runs the loop until abort(), in the hub's greenlet. Ignores its\n"
     "arguments. Raises RuntimeError if it runs already, and\n"
     "KeyboardInterrupt or SystemExit if a callback raises them; the timers\n"
     "are then kept."},
    {"switch", switch_method, METH_NOARGS,
     "switch()\n--\n\n"
     "Switches to the hub until another greenlet switches back; returns or\n"
     "raises what that passes. Raises AssertionError in the hub's own\n"
     "greenlet."},
    {"wait", FAST(wait_method), METH_FASTCALL,
     "wait(seconds=None)\n--\n\n"
     "Waits for descriptors, at most this many seconds, and calls the\n"
     "listeners of those that are ready. Releases the interpreter lock\n"
     "unless seconds is 0. Raises OSError if a system call fails."},
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
     "Ends the loop after the current iteration. With wait, returns when it\n"
     "has ended; that works only from the hub's parent."},
    {NULL, NULL, 0, NULL},
};
