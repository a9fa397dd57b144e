/*
 * The two checks that methods of a hub begin with: whether the caller is the
 * hub's own OS thread, and whether the hub has overrides. Without overrides, C
 * calls the hub's methods directly.
 */
#include <errno.h>
#include <limits.h>

#include "binding.h"

/* ---- The OS thread
 * -------------------------------------------------------- */

PyObject *raise_hub_error(void)
{
    PyObject *arguments;
    int error = errno;

    if (PyErr_Occurred())
        return NULL;
    if (error == ENOMEM)
        return PyErr_NoMemory();
    if (!green_hub_error()[0]) {
        errno = error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    arguments = Py_BuildValue("is", error, green_hub_error());
    if (arguments)
        PyErr_SetObject(PyExc_OSError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

struct loop *hub_loop(struct hub *hub)
{
    struct loop *loop = hub->loop;

    if (loop == loop_here())
        return loop;
    PyErr_SetString(PyExc_RuntimeError,
                    loop->dead ? "another hub has replaced this one"
                               : "a hub belongs to the OS thread that made it");
    return NULL;
}

int number_of(PyObject *number, int *fd)
{
    long value = PyLong_AsLong(number);

    if (value == -1 && PyErr_Occurred())
        return -1;
    if (value < INT_MIN || value > INT_MAX) {
        PyErr_Format(PyExc_OverflowError,
                     "%ld is not the number of a descriptor", value);
        return -1;
    }
    *fd = (int)value;
    return 0;
}

/* ---- Overrides ------------------------------------ */

/* The methods that C calls directly if none is overridden. */
static const char *const steps[] = {
    "add_timer",
    "clock",
    "close_one",
    "default_sleep",
    "fire_timers",
    "prepare_timers",
    "remove_descriptor",
    "sleep_until",
    "timer_canceled",
    "wait",
    "add",
    "remove",
    "switch",
    "schedule_call_global",
};

static bool has_plain_type(PyTypeObject *type)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        PyObject *name = PyUnicode_InternFromString(steps[i]);
        bool same;

        if (!name) {
            PyErr_Clear();
            return false;
        }
        same = _PyType_Lookup(type, name) == _PyType_Lookup(binding.hub, name);
        Py_DECREF(name);
        if (!same)
            return false;
    }
    return true;
}

bool hub_is_plain(struct hub *hub)
{
    PyTypeObject *type = Py_TYPE(hub);
    unsigned version = type_version(type);

    if (hub->dictionary && PyDict_GET_SIZE(hub->dictionary) > 0)
        return false;
    if (version == 0 || version != hub->plain_tag) {
        hub->plain_type = has_plain_type(type);
        hub->plain_tag = type_version(type);
    }
    return hub->plain_type;
}
