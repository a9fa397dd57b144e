/*
 * FdListener: a callback for when a descriptor is ready. DebugListener also
 * stores the stack of its creation.
 */
#include <stddef.h>
#include <string.h>

#include "binding.h"

#define LISTENER(object) ((struct listener *)(object))

/* The most freed listeners kept for reuse: nearly every wait makes one. */
#define SPARE 256

static struct listener *spare[SPARE];
static size_t spares;

int listener_direction(PyObject *event_type)
{
    if (event_type == binding.read)
        return READING;
    if (event_type == binding.write)
        return WRITING;
    if (PyUnicode_Check(event_type)) {
        if (PyUnicode_Compare(event_type, binding.read) == 0)
            return READING;
        if (PyUnicode_Compare(event_type, binding.write) == 0)
            return WRITING;
    }
    PyErr_Format(PyExc_ValueError,
                 "event type is %R, not Hub.READ or Hub.WRITE", event_type);
    return -1;
}

static struct listener *allocate(PyTypeObject *type)
{
    struct listener *self;

    if (type != binding.listener || spares == 0)
        return LISTENER(type->tp_alloc(type, 0));
    self = spare[--spares];
    _Py_NewReference((PyObject *)self);
    PyObject_GC_Track(self);
    return self;
}

static int remember_caller(struct listener *self)
{
    PyObject *traceback = PyImport_ImportModule("traceback");

    if (!traceback)
        return -1;
    self->where_called = PyObject_CallMethod(traceback, "format_stack", NULL);
    Py_DECREF(traceback);
    return self->where_called ? 0 : -1;
}

PyObject *listener_new(PyTypeObject *type, enum direction direction, int fd,
                       PyObject *const *rest)
{
    struct listener *self = allocate(type);

    if (!self)
        return NULL;
    self->fd = fd;
    self->direction = direction;
    self->spent = self->linked = false;
    self->loop = NULL;
    self->cb = Py_NewRef(rest[0]);
    self->tb = Py_NewRef(rest[1]);
    self->mark_as_closed = Py_NewRef(rest[2]);
    self->greenlet = greenlet_current();
    if (!self->greenlet || (type != binding.listener &&
                            PyType_IsSubtype(type, binding.debug_listener) &&
                            remember_caller(self) < 0))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *new_from_python(PyTypeObject *type, PyObject *args,
                                 PyObject *keywords)
{
    static char *names[] = {"evtype", "fileno",         "cb",
                            "tb",     "mark_as_closed", NULL};
    PyObject *event_type, *rest[3];
    int fd, direction;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OiOOO", names,
                                     &event_type, &fd, &rest[0], &rest[1],
                                     &rest[2]))
        return NULL;
    direction = listener_direction(event_type);
    if (direction < 0)
        return NULL;
    return listener_new(type, (enum direction)direction, fd, rest);
}

int listener_defang(struct listener *self)
{
    PyObject *result;

    self->spent = true;
    Py_CLEAR(self->cb);
    if (self->mark_as_closed == NULL || self->mark_as_closed == Py_None)
        return 0;
    result = PyObject_CallNoArgs(self->mark_as_closed);
    if (!result)
        return -1;
    Py_DECREF(result);
    return 0;
}

static PyObject *defang(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (listener_defang(LISTENER(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- Memory ------------------------------------------------------------- */

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct listener *self = LISTENER(object);

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->cb);
    Py_VISIT(self->tb);
    Py_VISIT(self->mark_as_closed);
    Py_VISIT(self->greenlet);
    Py_VISIT(self->where_called);
    return 0;
}

static int clear(PyObject *object)
{
    struct listener *self = LISTENER(object);

    Py_CLEAR(self->cb);
    Py_CLEAR(self->tb);
    Py_CLEAR(self->mark_as_closed);
    Py_CLEAR(self->greenlet);
    Py_CLEAR(self->where_called);
    return 0;
}

static void release(PyTypeObject *type, struct listener *self)
{
    if (type == binding.listener && spares < SPARE) {
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
    /* A long chain of listeners, each the callback of the next, would overflow
     * the stack. */
    Py_TRASHCAN_BEGIN(object, deallocate) clear(object);
    release(type, LISTENER(object));
    Py_TRASHCAN_END
}

/* ---- Attributes ------------------------------------------------- */

static PyObject *get_evtype(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(LISTENER(self)->direction == READING ? binding.read
                                                          : binding.write);
}

static PyObject *do_nothing(PyObject *self, PyObject *argument)
{
    (void)self;
    (void)argument;
    Py_RETURN_NONE;
}

static PyMethodDef closed_callback = {
    "closed_callback", do_nothing, METH_O,
    "closed_callback(fileno)\n--\n\nDoes nothing; in place of a callback."};

static PyObject *get_cb(PyObject *self, void *unused)
{
    (void)unused;
    if (LISTENER(self)->cb)
        return Py_NewRef(LISTENER(self)->cb);
    return PyCFunction_New(&closed_callback, NULL);
}

static const char *short_name(PyObject *object)
{
    const char *name = Py_TYPE(object)->tp_name, *dot = strrchr(name, '.');

    return dot ? dot + 1 : name;
}

static PyObject *show(PyObject *object)
{
    struct listener *self = LISTENER(object);
    PyObject *evtype = get_evtype(object, NULL), *cb = get_cb(object, NULL);
    PyObject *text = NULL;

    if (cb)
        text = PyUnicode_FromFormat("%s(%R, %d, %R, %R)", short_name(object),
                                    evtype, self->fd, cb, self->tb);
    Py_DECREF(evtype);
    Py_XDECREF(cb);
    return text;
}

static PyObject *show_debug(PyObject *object)
{
    struct listener *self = LISTENER(object);
    PyObject *evtype = get_evtype(object, NULL), *cb = get_cb(object, NULL);
    PyObject *stack = NULL, *text = NULL, *nothing = PyUnicode_FromString("");

    if (self->where_called && nothing)
        stack = PyUnicode_Join(nothing, self->where_called);
    if (cb && stack)
        text = PyUnicode_FromFormat(
            "DebugListener(%R, %d, %R, %R, %R, %R)\n%UEndDebugFdListener",
            evtype, self->fd, cb, self->tb, self->mark_as_closed,
            self->greenlet, stack);
    Py_DECREF(evtype);
    Py_XDECREF(cb);
    Py_XDECREF(stack);
    Py_XDECREF(nothing);
    return text;
}

static PyMethodDef methods[] = {
    {"defang", defang, METH_NOARGS,
     "defang()\n--\n\n"
     "Removes its callback, calls mark_as_closed, and marks the listener as\n"
     "spent. Raises what mark_as_closed raises."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"evtype", get_evtype, NULL, "Hub.READ or Hub.WRITE.", NULL},
    {"cb", get_cb, NULL, "Called with the descriptor when it is ready.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FIELD(name) offsetof(struct listener, name)

static PyMemberDef members[] = {
    {"fileno", T_INT, FIELD(fd), READONLY, "The descriptor."},
    {"tb", T_OBJECT, FIELD(tb), READONLY,
     "Called with an exception when the descriptor turns out to be closed."},
    {"mark_as_closed", T_OBJECT, FIELD(mark_as_closed), READONLY,
     "Called without arguments when the descriptor is closed; or None."},
    {"spent", T_BOOL, FIELD(spent), READONLY,
     "Whether it will never be called again."},
    {"greenlet", T_OBJECT, FIELD(greenlet), READONLY,
     "The greenlet that made it."},
    {NULL, 0, 0, 0, NULL},
};

static PyMemberDef debug_members[] = {
    {"where_called", T_OBJECT, FIELD(where_called), READONLY,
     "The stack when it was made, a list of lines."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "FdListener(evtype, fileno, cb, tb, mark_as_closed)\n--\n\n"
                "A callback for when a descriptor is ready. Hub.add() makes "
                "them."},
    {Py_tp_new, new_from_python},
    {Py_tp_dealloc, deallocate},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_repr, show},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Slot debug_slots[] = {
    {Py_tp_doc, "An FdListener that stores the stack of its creation."},
    {Py_tp_repr, show_debug},
    {Py_tp_members, debug_members},
    {0, NULL},
};

#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | GREENHUB_TYPE_FLAGS)

static PyType_Spec spec = {
    .name = "greenhub._hub.FdListener",
    .basicsize = sizeof(struct listener),
    .flags = FLAGS | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyType_Spec debug_spec = {
    .name = "greenhub._hub.DebugListener",
    .basicsize = sizeof(struct listener),
    .flags = FLAGS, /* tp_traverse and tp_clear are inherited */
    .slots = debug_slots,
};

int listener_types(void)
{
    PyObject *bases;

    binding.listener = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!binding.listener)
        return -1;
    bases = PyTuple_Pack(1, binding.listener);
    if (!bases)
        return -1;
    binding.debug_listener =
        (PyTypeObject *)PyType_FromSpecWithBases(&debug_spec, bases);
    Py_DECREF(bases);
    return binding.debug_listener ? 0 : -1;
}
