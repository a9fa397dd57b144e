/*
 * Exceptions that the hub catches and prints as Python does, and the detector
 * of code that blocks.
 */
#include "binding.h"

/* Takes the current exception, as sys.exc_info() returns it, and clears it. */
static PyObject *take_exception(void)
{
    PyObject *type, *value, *traceback, *info;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    info = PyTuple_Pack(3, type, value, traceback ? traceback : Py_None);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return info;
}

/* Whether the current exception is one that ends the loop. */
static bool is_system_exception(struct hub *hub)
{
    PyObject *type, *value, *traceback, *kinds;
    bool result;

    PyErr_Fetch(&type, &value, &traceback);
    kinds = PyObject_GetAttrString((PyObject *)hub, "SYSTEM_EXCEPTIONS");
    if (!kinds)
        PyErr_Clear();
    result = PyErr_GivenExceptionMatches(type, kinds ? kinds : type);
    Py_XDECREF(kinds);
    PyErr_Restore(type, value, traceback);
    return result;
}

int debug_squelch_or_raise(struct hub *hub, PyObject *method, PyObject *subject)
{
    if (is_system_exception(hub))
        return -1;
    return debug_squelch(hub, method, subject);
}

int debug_squelch(struct hub *hub, PyObject *method, PyObject *subject)
{
    PyObject *info = take_exception(), *result = NULL;

    if (info)
        result = subject ? PyObject_CallMethodObjArgs((PyObject *)hub, method,
                                                      subject, info, NULL)
                         : PyObject_CallMethodObjArgs((PyObject *)hub, method,
                                                      info, NULL);
    Py_XDECREF(info);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* ---- Printing ----------------------------------------------------------- */

static int print_exception(PyObject *info)
{
    PyObject *module = PyImport_ImportModule("traceback"), *print = NULL;
    PyObject *result = NULL;

    if (!PyTuple_Check(info))
        PyErr_SetString(PyExc_TypeError, "exc_info is a tuple of three");
    else if (module)
        print = PyObject_GetAttrString(module, "print_exception");
    if (print)
        result = PyObject_CallObject(print, info);
    Py_XDECREF(module);
    Py_XDECREF(print);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int flush(void)
{
    PyObject *file = PySys_GetObject("stderr"), *result;

    if (!file || file == Py_None)
        return 0;
    result = PyObject_CallMethod(file, "flush", NULL);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static PyObject *print_if(bool wanted, PyObject *info)
{
    if (wanted && (print_exception(info) < 0 || flush() < 0))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *squelch_generic_exception(PyObject *self, PyObject *info)
{
    return print_if(as_hub(self)->debug_exceptions, info);
}

static PyObject *squelch_timer_exception(PyObject *self,
                                         PyObject *const *arguments,
                                         Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "takes timer and exc_info");
        return NULL;
    }
    return print_if(as_hub(self)->debug_exceptions, arguments[1]);
}

static int remove_after_exception(PyObject *self, PyObject *fd)
{
    PyObject *result, *error;

    result = PyObject_CallMethod(self, "remove_descriptor", "O", fd);
    if (result) {
        Py_DECREF(result);
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    error = take_exception();
    if (!error)
        return -1;
    PySys_FormatStderr("Exception while removing descriptor! %R\n",
                       PyTuple_GET_ITEM(error, 1));
    Py_DECREF(error);
    return flush();
}

static PyObject *squelch_exception(PyObject *self, PyObject *const *arguments,
                                   Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "takes fileno and exc_info");
        return NULL;
    }
    if (print_exception(arguments[1]) < 0)
        return NULL;
    PySys_FormatStderr("Removing descriptor: %R\n", arguments[0]);
    if (flush() < 0 || remove_after_exception(self, arguments[0]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- The blocking detector ---------------------------------------------- */

/* greenhub._blocking implements it in Python, because it needs Python's signal
 * handlers. */
static PyObject *call_detector(PyObject *self, const char *name)
{
    PyObject *module = PyImport_ImportModule("greenhub._blocking");
    PyObject *result = NULL;

    if (module)
        result = PyObject_CallMethod(module, name, "O", self);
    Py_XDECREF(module);
    return result;
}

static PyObject *block_detect_pre(PyObject *self, PyObject *unused)
{
    (void)unused;
    return call_detector(self, "arm");
}

static PyObject *block_detect_post(PyObject *self, PyObject *unused)
{
    (void)unused;
    return call_detector(self, "disarm");
}

static PyObject *set_debug_listeners(PyObject *self, PyObject *value)
{
    int on = PyObject_IsTrue(value);

    if (on < 0)
        return NULL;
    Py_SETREF(as_hub(self)->lclass,
              Py_NewRef((PyObject *)(on ? binding.debug_listener
                                        : binding.listener)));
    Py_RETURN_NONE;
}

static PyObject *set_timer_exceptions(PyObject *self, PyObject *value)
{
    int on = PyObject_IsTrue(value);

    if (on < 0)
        return NULL;
    as_hub(self)->debug_exceptions = (char)on;
    Py_RETURN_NONE;
}

#define FAST(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef debug_methods[] = {
    {"squelch_generic_exception", squelch_generic_exception, METH_O,
     "squelch_generic_exception(exc_info)\n--\n\n"
     "Prints an exception that ends here, if debug_exceptions is set."},
    {"squelch_timer_exception", FAST(squelch_timer_exception), METH_FASTCALL,
     "squelch_timer_exception(timer, exc_info)\n--\n\n"
     "Prints an exception of a timer's call, if debug_exceptions is set."},
    {"squelch_exception", FAST(squelch_exception), METH_FASTCALL,
     "squelch_exception(fileno, exc_info)\n--\n\n"
     "Prints what a listener's callback has raised, and removes the "
     "descriptor."},
    {"block_detect_pre", block_detect_pre, METH_NOARGS,
     "block_detect_pre()\n--\n\n"
     "Starts a SIGALRM timer that raises RuntimeError in code that runs for\n"
     "longer than debug_blocking_resolution seconds. The main thread only."},
    {"block_detect_post", block_detect_post, METH_NOARGS,
     "block_detect_post()\n--\n\nUndoes block_detect_pre()."},
    {"set_debug_listeners", set_debug_listeners, METH_O,
     "set_debug_listeners(value)\n--\n\n"
     "Sets whether new listeners store the stack of their creation."},
    {"set_timer_exceptions", set_timer_exceptions, METH_O,
     "set_timer_exceptions(value)\n--\n\n"
     "Sets whether exceptions of timers are printed."},
    {NULL, NULL, 0, NULL},
};
