/*
 * The type Hub. Its methods and attributes are those of
 * eventlet.hubs.hub.BaseHub, and a subclass or an instance may override all of
 * them.
 */
#include <stddef.h>

#include "binding.h"
#include "late.h"

/* ---- Making and end ----------------------------------------------------- */

/* The library's name for the hub of this class; "" for the default. NULL with
 * an exception set. *keep is a reference to the string's object. */
static const char *name_of(PyTypeObject *type, PyObject **keep)
{
    *keep = PyObject_GetAttr((PyObject *)type, binding.hub_name);
    if (!*keep)
        return NULL;
    return *keep == Py_None ? "" : PyUnicode_AsUTF8(*keep);
}

/* eventlet.hubs.timer's globals, which have a setting of Eventlet's
 * debugging. */
static int find_timer_globals(void)
{
    PyObject *module;

    if (binding.timer_globals)
        return 0;
    module = PyImport_ImportModule("eventlet.hubs.timer");
    if (!module)
        return -1;
    binding.timer_globals = Py_NewRef(PyModule_GetDict(module));
    Py_DECREF(module);
    return 0;
}

static int open_loop(struct hub *self)
{
    PyObject *keep;
    const char *name = name_of(Py_TYPE(self), &keep);

    late_failure[0] = '\0';
    if (name) {
        self->loop = loop_open(name, self);
        if (!self->loop && late_failure[0])
            PyErr_SetString(PyExc_OSError, late_failure);
        else if (!self->loop)
            raise_hub_error();
    }
    Py_XDECREF(keep);
    return self->loop ? 0 : -1;
}

static int make_greenlet(struct hub *self)
{
    self->greenlet = run_greenlet(self, NULL);
    return self->greenlet ? 0 : -1;
}

static PyObject *new_hub(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    struct hub *self;

    (void)args;
    (void)keywords;
    if (find_timer_globals() < 0)
        return NULL;
    self = as_hub(type->tp_alloc(type, 0));
    if (!self)
        return NULL;
    self->debug_exceptions = true;
    self->debug_blocking_resolution = PyLong_FromLong(1);
    self->closed = PyList_New(0);
    self->lclass = Py_NewRef((PyObject *)binding.listener);
    if (!self->debug_blocking_resolution || !self->closed ||
        make_greenlet(self) < 0 || open_loop(self) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int initialise(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"clock", NULL};
    PyObject *clock = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &clock))
        return -1;
    return clock == Py_None ? 0 : PyObject_SetAttrString(self, "clock", clock);
}

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct hub *self = as_hub(object);

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->greenlet);
    Py_VISIT(self->debug_blocking_resolution);
    Py_VISIT(self->closed);
    Py_VISIT(self->lclass);
    Py_VISIT(self->dictionary);
    if (watch_traverse(self, visit, arg) != 0)
        return 1;
    return schedule_traverse(self, visit, arg);
}

static int clear(PyObject *object)
{
    struct hub *self = as_hub(object);

    watch_clear(self);
    schedule_clear(self);
    Py_CLEAR(self->greenlet);
    Py_CLEAR(self->closed);
    Py_CLEAR(self->debug_blocking_resolution);
    Py_CLEAR(self->lclass);
    Py_CLEAR(self->dictionary);
    return 0;
}

static void deallocate(PyObject *object)
{
    struct hub *self = as_hub(object);
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    if (self->weak_references)
        PyObject_ClearWeakRefs(object);
    clear(object);
    if (self->loop)
        loop_release(self->loop);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- Attributes --------------------------------------------------------- */

static PyObject *get_timers(PyObject *self, void *unused)
{
    (void)unused;
    return schedule_list(&as_hub(self)->timers);
}

static PyObject *get_next_timers(PyObject *self, void *unused)
{
    (void)unused;
    return schedule_list(&as_hub(self)->next);
}

static PyObject *get_flag(PyObject *self, void *offset)
{
    return PyBool_FromLong(*((char *)self + (ptrdiff_t)offset));
}

static int set_flag(PyObject *self, PyObject *value, void *offset)
{
    int on = value ? PyObject_IsTrue(value) : 0;

    if (on < 0)
        return -1;
    *((char *)self + (ptrdiff_t)offset) = (char)on;
    return 0;
}

static PyObject *get_lclass(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(as_hub(self)->lclass);
}

static int set_lclass(PyObject *self, PyObject *value, void *unused)
{
    (void)unused;
    if (!value || !PyType_Check(value) ||
        !PyType_IsSubtype((PyTypeObject *)value, binding.listener)) {
        PyErr_SetString(PyExc_TypeError, "lclass is a subclass of FdListener");
        return -1;
    }
    Py_SETREF(as_hub(self)->lclass, Py_NewRef(value));
    return 0;
}

static PyObject *is_available(PyObject *type, PyObject *unused)
{
    PyObject *keep;
    const char *name = name_of((PyTypeObject *)type, &keep);
    bool available;

    (void)unused;
    if (!name) {
        Py_XDECREF(keep);
        return NULL;
    }
    available = green_hub_available(*name ? name : NULL, NULL);
    Py_DECREF(keep);
    return PyBool_FromLong(available);
}

static PyObject *why_not(PyObject *type, PyObject *unused)
{
    PyObject *keep;
    const char *name = name_of((PyTypeObject *)type, &keep);
    const char *reason = "";

    (void)unused;
    if (!name) {
        Py_XDECREF(keep);
        return NULL;
    }
    late_failure[0] = '\0';
    if (green_hub_available(*name ? name : NULL, &reason))
        reason = "";
    else if (late_failure[0])
        reason = late_failure;
    Py_DECREF(keep);
    return PyUnicode_FromString(reason);
}

#define FIELD(name) offsetof(struct hub, name)
#define FLAG(name, text)                                                       \
    {                                                                          \
#name, get_flag, set_flag, text, (void *)FIELD(name)                   \
    }

static PyGetSetDef properties[] = {
    {"timers", get_timers, NULL,
     "The timers, a list of (time by clock(), timer), the earliest first.",
     NULL},
    {"next_timers", get_next_timers, NULL,
     "The timers made since the last iteration, in the same form.", NULL},
    {"listeners", waiters_listeners, NULL,
     "The first listeners: {'read': {fileno: listener}, 'write': {...}}, a "
     "copy.",
     NULL},
    {"secondaries", waiters_secondaries, NULL,
     "All further listeners: {'read': {fileno: [listener, ...]}, ...}.", NULL},
    {"lclass", get_lclass, set_lclass,
     "The class of new listeners, a subclass of FdListener.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    FLAG(running, "Whether the loop runs."),
    FLAG(stopping, "Whether it will stop after this iteration."),
    FLAG(debug_exceptions,
         "Whether the exceptions that the hub catches are printed."),
    FLAG(debug_blocking, "Whether the detector interrupts code that blocks."),
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"greenlet", T_OBJECT_EX, FIELD(greenlet), READONLY,
     "The greenlet in which the loop runs."},
    {"closed", T_OBJECT_EX, FIELD(closed), READONLY,
     "Listeners whose descriptor was closed, a list, for the next iteration."},
    {"timers_canceled", T_PYSSIZET, FIELD(timers_canceled), 0,
     "The number of cancelled timers that are still kept."},
    {"debug_blocking_resolution", T_OBJECT, FIELD(debug_blocking_resolution), 0,
     "Seconds after which code that still runs counts as blocking."},
    {"__dictoffset__", T_PYSSIZET, FIELD(dictionary), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, FIELD(weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef own_methods[] = {
    {"is_available", is_available, METH_NOARGS | METH_CLASS,
     "is_available()\n--\n\nWhether this hub can be used on this system."},
    {"why_not", why_not, METH_NOARGS | METH_CLASS,
     "why_not()\n--\n\n"
     "The reason why it cannot be used here; '' if it can."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Hub(clock=None)\n--\n\n"
     "greenhub's event loop as a hub for Eventlet. One for each OS thread: "
     "the\n"
     "thread's old hub is eliminated. Eventlet makes it when it is first "
     "needed.\n"
     "Raises OSError if the system does not have what it stands on."},
    {Py_tp_new, new_hub},
    {Py_tp_init, initialise},
    {Py_tp_dealloc, deallocate},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_methods, own_methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "greenhub._hub.Hub",
    .basicsize = sizeof(struct hub),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

/* The methods, which several files define. */
static int add_methods(PyMethodDef *methods)
{
    PyObject *dictionary = binding.hub->tp_dict;

    for (; methods->ml_name; methods++) {
        PyObject *method = PyDescr_NewMethod(binding.hub, methods);
        int status =
            method ? PyDict_SetItemString(dictionary, methods->ml_name, method)
                   : -1;

        Py_XDECREF(method);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int add_constants(void)
{
    PyObject *dictionary = binding.hub->tp_dict;
    PyObject *kinds =
        PyTuple_Pack(2, PyExc_KeyboardInterrupt, PyExc_SystemExit);
    int status = -1;

    if (kinds &&
        PyDict_SetItemString(dictionary, "SYSTEM_EXCEPTIONS", kinds) == 0 &&
        PyDict_SetItemString(dictionary, "READ", binding.read) == 0 &&
        PyDict_SetItemString(dictionary, "WRITE", binding.write) == 0 &&
        PyDict_SetItemString(dictionary, "hub_name", Py_None) == 0)
        status = 0;
    Py_XDECREF(kinds);
    return status;
}

/* Programs compare it with time.monotonic; it reads the clock that the library
 * reads. */
static int add_clock(void)
{
    PyObject *module = PyImport_ImportModule("time"), *clock = NULL;
    int status = -1;

    if (module)
        clock = PyObject_GetAttrString(module, "monotonic");
    if (clock)
        status = PyDict_SetItemString(binding.hub->tp_dict, "clock", clock);
    Py_XDECREF(module);
    Py_XDECREF(clock);
    return status;
}

int hub_type(void)
{
    binding.hub = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!binding.hub || add_methods(run_methods) < 0 ||
        add_methods(watch_methods) < 0 || add_methods(waiters_methods) < 0 ||
        add_methods(schedule_methods) < 0 || add_methods(debug_methods) < 0 ||
        add_constants() < 0 || add_clock() < 0)
        return -1;
    PyType_Modified(binding.hub);
    return 0;
}
