/*
 * Timer: a call at a later time. A LocalTimer calls nothing if the greenlet
 * that made it is dead. Their methods and attributes are those of
 * eventlet.hubs.timer.
 */
#include <stddef.h>
#include <string.h>

#include "binding.h"

#define TIMER(object) ((struct timer *)(object))

/* The most freed timers kept for reuse: every sleep and spawn makes one. */
#define SPARE 1024

static struct timer *spare[SPARE];
static size_t spares;

static struct timer *allocate(PyTypeObject *type)
{
    struct timer *self;

    if (type != binding.timer || spares == 0)
        return TIMER(type->tp_alloc(type, 0));
    self = spare[--spares];
    _Py_NewReference((PyObject *)self);
    PyObject_GC_Track(self);
    return self;
}

bool timer_check(PyObject *object)
{
    return Py_TYPE(object) == binding.timer ||
           PyType_IsSubtype(Py_TYPE(object), binding.timer);
}

/* ---- The callback ----------------------------------------------- */

static int keep_arguments(struct timer *self, PyObject *const *arguments,
                          Py_ssize_t count)
{
    PyObject **room = self->room;

    if (count > TIMER_INLINE) {
        room = PyMem_New(PyObject *, (size_t)count + 1);
        if (!room) {
            PyErr_NoMemory();
            return -1;
        }
        room[0] = NULL;
    }
    self->arguments = room + 1;
    self->count = count;
    for (Py_ssize_t i = 0; i < count; i++)
        self->arguments[i] = Py_NewRef(arguments[i]);
    return 0;
}

static void forget_call(struct timer *self)
{
    PyObject **arguments = self->arguments;
    Py_ssize_t count = self->count;

    self->arguments = NULL;
    self->count = 0;
    Py_CLEAR(self->cb);
    Py_CLEAR(self->names);
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(arguments[i]);
    if (arguments && arguments != self->room + 1)
        PyMem_Free(arguments - 1);
}

/* eventlet.hubs.timer._g_debug, as it is now. */
static int wants_traceback(void)
{
    PyObject *flag = NULL;

    if (binding.timer_globals)
        flag = PyDict_GetItemWithError(binding.timer_globals, binding.g_debug);
    if (!flag)
        return PyErr_Occurred() ? -1 : 0;
    return PyObject_IsTrue(flag);
}

static int remember_traceback(struct timer *self)
{
    PyObject *module = PyImport_ImportModule("traceback"), *lines = NULL;
    PyObject *nothing = PyUnicode_FromString("");

    if (module && nothing)
        lines = PyObject_CallMethod(module, "format_stack", NULL);
    if (lines)
        self->traceback = PyUnicode_Join(nothing, lines);
    Py_XDECREF(module);
    Py_XDECREF(nothing);
    Py_XDECREF(lines);
    return self->traceback ? 0 : -1;
}

struct timer *timer_new(PyTypeObject *type, PyObject *const *arguments,
                        Py_ssize_t count, PyObject *names)
{
    Py_ssize_t keywords = names ? PyTuple_GET_SIZE(names) : 0;
    struct timer *self;
    int debug;

    if (count < 2) {
        PyErr_SetString(PyExc_TypeError, "needs seconds and a callable");
        return NULL;
    }
    debug = wants_traceback();
    self = debug < 0 ? NULL : allocate(type);
    if (!self)
        return NULL;
    self->called = false;
    self->seconds = Py_NewRef(arguments[0]);
    self->cb = Py_NewRef(arguments[1]);
    self->names = keywords ? Py_NewRef(names) : NULL;
    if (keep_arguments(self, arguments + 2, count - 2 + keywords) < 0 ||
        (debug && remember_traceback(self) < 0)) {
        Py_DECREF(self);
        return NULL;
    }
    if (type != binding.timer && PyType_IsSubtype(type, binding.local_timer)) {
        self->greenlet = greenlet_current();
        if (!self->greenlet)
            Py_CLEAR(self);
    }
    return self;
}

static PyObject *new_from_python(PyTypeObject *type, PyObject *args,
                                 PyObject *keywords)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args), position = 0, i = 0;
    Py_ssize_t more = keywords ? PyDict_GET_SIZE(keywords) : 0;
    PyObject **all = PyMem_New(PyObject *, (size_t)(count + more) + 1);
    PyObject *names = NULL, *name, *value;
    struct timer *self = NULL;

    if (!all)
        return PyErr_NoMemory();
    memcpy(all, &PyTuple_GET_ITEM(args, 0), (size_t)count * sizeof *all);
    if (more)
        names = PyTuple_New(more);
    while (names && PyDict_Next(keywords, &position, &name, &value)) {
        PyTuple_SET_ITEM(names, i, Py_NewRef(name));
        all[count + i++] = value;
    }
    if (!more || names)
        self = timer_new(type, all, count, names);
    Py_XDECREF(names);
    PyMem_Free(all);
    return (PyObject *)self;
}

/* ---- Firing and cancelling ---------------------------------------------- */

static bool is_local(const struct timer *self)
{
    return Py_TYPE(self) != binding.timer &&
           PyType_IsSubtype(Py_TYPE(self), binding.local_timer);
}

static bool greenlet_is_gone(const struct timer *self)
{
    return !self->greenlet || greenlet_is_dead(self->greenlet);
}

int timer_fire(struct timer *self)
{
    PyObject *result;

    if (self->called)
        return 0;
    self->called = true;
    Py_CLEAR(self->hub);
    if (!self->cb || (self->greenlet && greenlet_is_dead(self->greenlet)))
        return 0;
    result = call_with(self->cb, self->arguments, self->count, self->names);
    forget_call(self);
    if (!result)
        return -1;
    Py_DECREF(result);
    return 0;
}

static PyObject *fire_from_python(PyObject *object, PyObject *args,
                                  PyObject *keywords)
{
    int result;

    (void)args;
    (void)keywords;
    Py_INCREF(object);
    result = timer_fire(TIMER(object));
    Py_DECREF(object);
    if (result < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Calls a hub's overridden timer_canceled by its name. */
static int tell_hub(struct timer *self)
{
    struct hub *hub = self->hub;
    PyObject *result;
    int status;

    if (!hub)
        return 0;
    self->hub = NULL;
    if (hub_is_plain(hub)) {
        status = schedule_canceled(hub);
    } else {
        result =
            PyObject_CallMethod((PyObject *)hub, "timer_canceled", "O", self);
        status = result ? 0 : -1;
        Py_XDECREF(result);
    }
    Py_DECREF(hub);
    return status;
}

int timer_cancel(struct timer *self)
{
    int status;

    Py_CLEAR(self->greenlet);
    if (self->called)
        return 0;
    self->called = true;
    status = tell_hub(self);
    forget_call(self);
    return status;
}

static PyObject *cancel(PyObject *object, PyObject *unused)
{
    (void)unused;
    if (timer_cancel(TIMER(object)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *current_hub(void)
{
    PyObject *hubs = PyImport_ImportModule("eventlet.hubs"), *hub = NULL;

    if (hubs)
        hub = PyObject_CallMethod(hubs, "get_hub", NULL);
    Py_XDECREF(hubs);
    return hub;
}

static PyObject *schedule(PyObject *object, PyObject *unused)
{
    struct timer *self = TIMER(object);
    PyObject *hub = current_hub(), *when;

    (void)unused;
    if (!hub)
        return NULL;
    self->called = false;
    when = PyObject_CallMethod(hub, "add_timer", "O", object);
    Py_DECREF(hub);
    if (!when)
        return NULL;
    Py_XSETREF(self->scheduled_time, when);
    return Py_NewRef(object);
}

/* ---- Attributes ------------------------------------------------- */

static PyObject *positional(const struct timer *self)
{
    Py_ssize_t count = self->count;
    PyObject *tuple;

    if (self->names)
        count -= PyTuple_GET_SIZE(self->names);
    tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(self->arguments[i]));
    return tuple;
}

static PyObject *by_keyword(const struct timer *self)
{
    PyObject *dictionary = PyDict_New();
    Py_ssize_t count = self->names ? PyTuple_GET_SIZE(self->names) : 0;
    PyObject *const *values = self->arguments + self->count - count;

    for (Py_ssize_t i = 0; dictionary && i < count; i++)
        if (PyDict_SetItem(dictionary, PyTuple_GET_ITEM(self->names, i),
                           values[i]) < 0)
            Py_CLEAR(dictionary);
    return dictionary;
}

static PyObject *get_tpl(PyObject *object, void *unused)
{
    struct timer *self = TIMER(object);

    (void)unused;
    if (!self->cb) {
        PyErr_SetString(PyExc_AttributeError, "tpl");
        return NULL;
    }
    return Py_BuildValue("ONN", self->cb, positional(self), by_keyword(self));
}

static PyObject *get_pending(PyObject *object, void *unused)
{
    struct timer *self = TIMER(object);

    (void)unused;
    if (is_local(self) && greenlet_is_gone(self))
        Py_RETURN_FALSE;
    return PyBool_FromLong(!self->called);
}

static PyObject *copy(PyObject *object, PyObject *unused)
{
    struct timer *self = TIMER(object);
    PyObject *tpl = get_tpl(object, unused), *first, *all, *result = NULL;

    if (!tpl)
        return NULL;
    first = PyTuple_Pack(2, self->seconds, PyTuple_GET_ITEM(tpl, 0));
    all = first ? PySequence_Concat(first, PyTuple_GET_ITEM(tpl, 1)) : NULL;
    if (all)
        result = PyObject_Call((PyObject *)Py_TYPE(object), all,
                               PyTuple_GET_ITEM(tpl, 2));
    Py_DECREF(tpl);
    Py_XDECREF(first);
    Py_XDECREF(all);
    return result;
}

static PyObject *show(PyObject *object)
{
    struct timer *self = TIMER(object);
    PyObject *tpl, *text = NULL;

    if (!self->cb)
        return PyUnicode_FromFormat("Timer(%S, None, *None, **None)",
                                    self->seconds ? self->seconds : Py_None);
    tpl = get_tpl(object, NULL);
    if (tpl)
        text = PyUnicode_FromFormat(
            "Timer(%S, %S, *%S, **%S)%s%S", self->seconds,
            PyTuple_GET_ITEM(tpl, 0), PyTuple_GET_ITEM(tpl, 1),
            PyTuple_GET_ITEM(tpl, 2), self->traceback ? "\n" : "",
            self->traceback ? self->traceback : binding.nothing);
    Py_XDECREF(tpl);
    return text;
}

/* ---- Memory ------------------------------------------------------------- */

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct timer *self = TIMER(object);

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->seconds);
    Py_VISIT(self->cb);
    Py_VISIT(self->names);
    for (Py_ssize_t i = 0; i < self->count; i++)
        Py_VISIT(self->arguments[i]);
    Py_VISIT(self->greenlet);
    Py_VISIT(self->hub);
    Py_VISIT(self->scheduled_time);
    Py_VISIT(self->traceback);
    return 0;
}

static int clear(PyObject *object)
{
    struct timer *self = TIMER(object);

    forget_call(self);
    Py_CLEAR(self->seconds);
    Py_CLEAR(self->greenlet);
    Py_CLEAR(self->hub);
    Py_CLEAR(self->scheduled_time);
    Py_CLEAR(self->traceback);
    return 0;
}

static void release(PyTypeObject *type, struct timer *self)
{
    if (type == binding.timer && spares < SPARE) {
        spare[spares++] = self; /* with its reference to the type */
        return;
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static void deallocate(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    /* Timers may be arguments of timers: a long chain of them would overflow
     * the stack. */
    Py_TRASHCAN_BEGIN(object, deallocate) clear(object);
    release(type, TIMER(object));
    Py_TRASHCAN_END
}

/* ---- The types ---------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"cancel", cancel, METH_NOARGS,
     "cancel()\n--\n\n"
     "Cancels the call. Does nothing if it was called or cancelled."},
    {"schedule", schedule, METH_NOARGS,
     "schedule()\n--\n\n"
     "Adds it to the calling thread's hub. Returns itself."},
    {"copy", copy, METH_NOARGS,
     "copy()\n--\n\n"
     "A timer with the same call. Raises AttributeError if it was called."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"tpl", get_tpl, NULL,
     "(callable, arguments, keyword arguments); deleted by the call.", NULL},
    {"pending", get_pending, NULL, "Whether it is still to be called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FIELD(name) offsetof(struct timer, name)

static PyMemberDef members[] = {
    {"called", T_BOOL, FIELD(called), 0, "Whether it was called or cancelled."},
    {"seconds", T_OBJECT, FIELD(seconds), 0,
     "The seconds after which it is due."},
    {"greenlet", T_OBJECT, FIELD(greenlet), READONLY,
     "Of a LocalTimer: the greenlet that made it; None after a cancel."},
    {"scheduled_time", T_OBJECT_EX, FIELD(scheduled_time), 0,
     "When it is due by Hub.clock(); schedule() sets it."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Timer(seconds, cb, *args, **kw)\n--\n\n"
                "A call some seconds after it was added to a hub."},
    {Py_tp_new, new_from_python},
    {Py_tp_dealloc, deallocate},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_repr, show},
    {Py_tp_call, fire_from_python},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Slot local_slots[] = {
    {Py_tp_doc,
     "A Timer that calls nothing if the greenlet that made it is dead."},
    {0, NULL},
};

#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | GREENHUB_TYPE_FLAGS)

static PyType_Spec spec = {
    .name = "greenhub._hub.Timer",
    .basicsize = sizeof(struct timer),
    .flags = FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyType_Spec local_spec = {
    .name = "greenhub._hub.LocalTimer",
    .basicsize = sizeof(struct timer),
    .flags = FLAGS, /* tp_traverse and tp_clear are inherited */
    .slots = local_slots,
};

int timer_types(void)
{
    PyObject *bases;

    binding.timer = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!binding.timer)
        return -1;
    bases = PyTuple_Pack(1, binding.timer);
    if (!bases)
        return -1;
    binding.local_timer =
        (PyTypeObject *)PyType_FromSpecWithBases(&local_spec, bases);
    Py_DECREF(bases);
    return binding.local_timer ? 0 : -1;
}
