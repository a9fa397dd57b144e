/*
 * eventlet.hubs.trampoline in C, for greenhub.install(accelerate=True). It
 * calls Eventlet's original if the hub is of another package or has overrides,
 * if listeners store stacks, and if arguments are invalid.
 */
#include "binding.h"

enum argument {
    FD,
    READ,
    WRITE,
    TIMEOUT,
    TIMEOUT_EXC,
    MARK_AS_CLOSED,
    ARGUMENTS
};

static const char *const names_of[ARGUMENTS] = {
    "fd", "read", "write", "timeout", "timeout_exc", "mark_as_closed",
};

static PyObject *names[ARGUMENTS];
static PyObject *original, *thread_local, *hub_attribute, *default_exc;
static PyObject *fileno_name, *switch_name, *throw_name;

/* Stores the arguments by position. Returns false for unknown ones: the
 * original then raises the exception. */
static bool arrange(PyObject **values, PyObject *const *arguments,
                    Py_ssize_t count, PyObject *keywords)
{
    Py_ssize_t more = keywords ? PyTuple_GET_SIZE(keywords) : 0;

    if (count > ARGUMENTS)
        return false;
    for (Py_ssize_t i = 0; i < count; i++)
        values[i] = arguments[i];
    for (Py_ssize_t i = 0; i < more; i++) {
        int place = 0;

        /* Finds interned names only, as in nearly all calls; otherwise calls
         * the original. */
        while (place < ARGUMENTS &&
               PyTuple_GET_ITEM(keywords, i) != names[place])
            place++;
        if (place == ARGUMENTS || values[place])
            return false;
        values[place] = arguments[count + i];
    }
    return values[FD] != NULL;
}

/* The current hub, borrowed, if it is this package's and has no overrides;
 * otherwise NULL. */
static struct hub *plain_hub(void)
{
    struct loop *loop = loop_here();
    PyObject *current = NULL;

    if (!loop || !loop->object || !hub_is_plain(loop->object) ||
        loop->object->lclass != (PyObject *)binding.listener)
        return NULL;
    if (find_attribute(thread_local, hub_attribute, &current) < 0)
        PyErr_Clear();
    Py_XDECREF(current);
    return current == (PyObject *)loop->object ? loop->object : NULL;
}

/* Returns 1, 0, or -1 with an exception set. */
static int truth(PyObject *value)
{
    return value && value != Py_None ? PyObject_IsTrue(value) : 0;
}

/* READING or WRITING; or -1 if the original has to raise an exception. */
static int direction_of(PyObject *const *values)
{
    int read = truth(values[READ]), write = truth(values[WRITE]);

    if (PyErr_Occurred())
        PyErr_Clear();
    if (read < 0 || write < 0 || read == write)
        return -1;
    return read ? READING : WRITING;
}

static int number_of_object(PyObject *fd, int *result)
{
    PyObject *number;
    int status;

    if (PyLong_CheckExact(fd))
        return number_of(fd, result);
    number = PyObject_CallMethodObjArgs(fd, fileno_name, NULL);
    if (!number) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        number = Py_NewRef(fd);
    }
    status = number_of(number, result);
    Py_DECREF(number);
    return status;
}

/* The timer of a timeout. NULL with an exception set; or without one, if there
 * is no timeout. */
static struct timer *arm(struct hub *hub, PyObject *const *values,
                         PyObject *throw_method)
{
    PyObject *const arguments[] = {
        values[TIMEOUT],
        throw_method,
        values[TIMEOUT_EXC] ? values[TIMEOUT_EXC] : default_exc,
    };
    struct timer *timer;

    if (!values[TIMEOUT] || values[TIMEOUT] == Py_None)
        return NULL;
    timer = timer_new(binding.timer, arguments, 3, NULL);
    if (timer && schedule_own(hub, timer) < 0)
        Py_CLEAR(timer);
    return timer;
}

/* Removes the listener and the timer of the wait, however it ended. */
static void undo(struct hub *hub, PyObject *listener, struct timer *timer)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (listener)
        watch_drop(hub, listener);
    if (timer && timer_cancel(timer) < 0)
        PyErr_Clear();
    Py_XDECREF(listener);
    Py_XDECREF((PyObject *)timer);
    PyErr_Restore(type, value, traceback);
}

static PyObject *wait_for(struct hub *hub, enum direction direction, int fd,
                          PyObject *const *values, PyObject *current)
{
    PyObject *mark = values[MARK_AS_CLOSED] ? values[MARK_AS_CLOSED] : Py_None;
    PyObject *rest[] = {PyObject_GetAttr(current, switch_name),
                        PyObject_GetAttr(current, throw_name), mark};
    PyObject *listener = NULL, *result = NULL;
    struct timer *timer = NULL;

    if (rest[0] && rest[1])
        timer = arm(hub, values, rest[1]);
    if (!PyErr_Occurred())
        listener = watch_add(hub, direction, fd, rest);
    Py_XDECREF(rest[0]);
    Py_XDECREF(rest[1]);
    if (listener)
        result = run_switch(hub);
    undo(hub, listener, timer);
    return result;
}

static PyObject *trampoline(PyObject *module, PyObject *const *arguments,
                            Py_ssize_t count, PyObject *keywords)
{
    PyObject *values[ARGUMENTS] = {NULL}, *current, *result;
    struct hub *hub = plain_hub();
    int direction = -1, fd;

    (void)module;
    if (hub && arrange(values, arguments, count, keywords))
        direction = direction_of(values);
    current = direction < 0 ? NULL : greenlet_current();
    if (direction >= 0 && !current)
        return NULL;
    if (!current || current == hub->greenlet) {
        Py_XDECREF(current);
        return PyObject_Vectorcall(original, arguments, (size_t)count,
                                   keywords);
    }
    Py_DECREF(current); /* it is the running greenlet */
    if (number_of_object(values[FD], &fd) < 0)
        return NULL;
    Py_INCREF(hub);
    result = wait_for(hub, (enum direction)direction, fd, values, current);
    Py_DECREF(hub);
    return result;
}

static PyMethodDef method = {
    "trampoline", (PyCFunction)(void (*)(void))trampoline,
    METH_FASTCALL | METH_KEYWORDS,
    "trampoline(fd, read=None, write=None, timeout=None, timeout_exc=Timeout,\n"
    "           mark_as_closed=None)\n\n"
    "Suspends the greenthread until a descriptor is ready, or timeout seconds\n"
    "have passed, when timeout_exc is raised. eventlet.hubs.trampoline in C."};

static int intern(void)
{
    for (int i = 0; i < ARGUMENTS; i++)
        if (!(names[i] = PyUnicode_InternFromString(names_of[i])))
            return -1;
    hub_attribute = PyUnicode_InternFromString("hub");
    fileno_name = PyUnicode_InternFromString("fileno");
    switch_name = PyUnicode_InternFromString("switch");
    throw_name = PyUnicode_InternFromString("throw");
    return hub_attribute && fileno_name && switch_name && throw_name ? 0 : -1;
}

PyObject *trampoline_make(PyObject *module, PyObject *args)
{
    PyObject *of, *local, *exception;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &of, &local, &exception))
        return NULL;
    if (intern() < 0)
        return NULL;
    Py_XSETREF(original, Py_NewRef(of));
    Py_XSETREF(thread_local, Py_NewRef(local));
    Py_XSETREF(default_exc, Py_NewRef(exception));
    return PyCFunction_New(&method, NULL);
}
