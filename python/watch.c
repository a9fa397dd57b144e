/*
 * Listeners of descriptors: add, remove, and what happens when a descriptor is
 * closed or its number is reused.
 *
 * loop.c keeps descriptors registered when they have no listener. The
 * registration is still valid if the object that adds a listener is the one
 * that registered the descriptor: the object is the one whose method
 * mark_as_closed is, Eventlet's socket, which has the same descriptor all its
 * life. For all other listeners, add() renews the registration, with two system
 * calls.
 */
#include <errno.h>

#include "binding.h"

/* ---- The lists ---------------------------------------------------------- */

/* The list takes over the caller's reference. */
static void append(struct watch *watch, struct listener *listener)
{
    struct side *side = &watch->sides[listener->direction];

    listener->next = NULL;
    listener->previous = side->last;
    if (side->last)
        side->last->next = listener;
    else
        side->first = listener;
    side->last = listener;
    listener->linked = true;
    listener->loop = watch->loop;
    listener->born = ++watch->loop->births;
    watch->loop->waiting++;
}

/* The caller takes over the list's reference. */
static void unlink_listener(struct watch *watch, struct listener *listener)
{
    struct side *side = &watch->sides[listener->direction];

    if (listener->next)
        listener->next->previous = listener->previous;
    else
        side->last = listener->previous;
    if (listener->previous)
        listener->previous->next = listener->next;
    else
        side->first = listener->next;
    listener->linked = false;
    watch->loop->waiting--;
}

/* Removes it. If its loop is another thread's or has ended, as when an
 * abandoned greenlet unwinds, the descriptor stays registered with the
 * library. */
static void drop(struct loop *loop, struct listener *listener)
{
    struct watch *watch = loop_peek(loop, listener->fd);

    unlink_listener(watch, listener);
    if (!watch->sides[listener->direction].first && loop == loop_here())
        loop_idle(watch, listener->direction);
    Py_DECREF(listener);
}

/* ---- Closed and recycled descriptors ------------------------------------ */

static int obsolete_one(struct hub *hub, struct listener *listener)
{
    int status = PyList_Append(hub->closed, (PyObject *)listener);

    Py_INCREF(listener);
    drop(hub->loop, listener);
    if (listener_defang(listener) < 0)
        status = -1;
    Py_DECREF(listener);
    return status;
}

/* In Eventlet's order: secondaries first, each reading before writing. */
static int obsolete_listeners(struct hub *hub, struct watch *watch)
{
    int status = 0;

    for (int direction = READING; direction <= WRITING; direction++) {
        struct side *side = &watch->sides[direction];

        while (status == 0 && side->first && side->first->next)
            status = obsolete_one(hub, side->first->next);
    }
    for (int direction = READING; direction <= WRITING; direction++)
        if (status == 0 && watch->sides[direction].first)
            status = obsolete_one(hub, watch->sides[direction].first);
    return status;
}

/* The number has been reused. */
static int obsolete(struct hub *hub, struct watch *watch)
{
    if (obsolete_listeners(hub, watch) < 0)
        return -1;
    loop_forget(watch);
    Py_CLEAR(watch->owner);
    return 0;
}

/* ---- Adding ------------------------------------------------------------- */

/* eventlet.hubs.hub.g_prevent_multiple_readers, as it is now. */
static int prevents_multiple_readers(void)
{
    PyObject *module = PyImport_ImportModule("eventlet.hubs.hub");
    PyObject *flag = NULL;
    int result;

    if (module)
        flag = PyObject_GetAttrString(module, "g_prevent_multiple_readers");
    Py_XDECREF(module);
    if (!flag)
        return -1;
    result = PyObject_IsTrue(flag);
    Py_DECREF(flag);
    return result;
}

static int refuse_second(const struct listener *second,
                         const struct listener *first)
{
    PyObject *kind =
        second->direction == READING ? binding.read : binding.write;

    PyErr_Format(
        PyExc_RuntimeError,
        "Second simultaneous %U on fileno %d detected.  Unless you really know "
        "what you're doing, make sure that only one greenthread can %U any "
        "particular socket.  Consider using a pools.Pool. If you do know what "
        "you're doing and want to disable this error, call "
        "eventlet.debug.hub_prevent_multiple_readers(False), or for this "
        "descriptor alone hub.allow_multiple_readers(%d) - MY THREAD=%S; THAT "
        "THREAD=%R",
        kind, second->fd, kind, second->fd, second->cb, first);
    return -1;
}

static int may_join(const struct watch *watch, const struct listener *listener)
{
    const struct listener *first = watch->sides[listener->direction].first;
    int prevents;

    if (!first || watch->shared)
        return 0;
    prevents = prevents_multiple_readers();
    if (prevents <= 0)
        return prevents;
    return refuse_second(listener, first);
}

/* Whether this object registered the descriptor. */
static bool is_owner(const struct watch *watch, PyObject *object)
{
    PyObject *owner = NULL;
    bool same;

    if (!watch->owner || weak_get(watch->owner, &owner) <= 0)
        return false;
    same = owner == object;
    Py_DECREF(owner);
    return same;
}

/* Stores which object registered it; none if the object has no weak
 * references. */
static void set_owner(struct watch *watch, PyObject *object)
{
    PyObject *owner = object ? PyWeakref_NewRef(object, NULL) : NULL;

    if (!owner)
        PyErr_Clear();
    Py_XSETREF(watch->owner, owner);
}

static int start_watching(struct watch *watch, const struct listener *listener)
{
    PyObject *mark = listener->mark_as_closed, *object;

    if (!watch->loop->keeps) {
        if (watch->sides[listener->direction].added)
            return 0;
        return loop_listen(watch, listener->direction, false);
    }
    object = PyMethod_Check(mark) ? PyMethod_GET_SELF(mark) : NULL;
    if (object && is_owner(watch, object))
        return loop_listen(watch, listener->direction, false);
    set_owner(watch, object);
    return loop_listen(watch, listener->direction, true);
}

static PyObject *refuse_number(int fd)
{
    return PyErr_Format(PyExc_ValueError,
                        "file descriptor cannot be a negative integer (%d)",
                        fd);
}

static PyObject *make_listener(struct hub *hub, PyObject *const *arguments)
{
    int direction = listener_direction(arguments[0]), fd;

    if (direction < 0)
        return NULL;
    if (number_of(arguments[1], &fd) < 0)
        return NULL;
    if (fd < 0)
        return refuse_number(fd);
    if (hub->lclass == (PyObject *)binding.listener ||
        hub->lclass == (PyObject *)binding.debug_listener)
        return listener_new((PyTypeObject *)hub->lclass,
                            (enum direction)direction, fd, arguments + 2);
    return PyObject_Vectorcall(hub->lclass, arguments, 5, NULL);
}

/*
 * Whether the first listener waits for a file that is no longer open, because
 * the number was reused without a call of mark_as_reopened(). The object that
 * registered the descriptor tells: its number is another one now, or it has
 * none.
 */
static bool is_stale(const struct watch *watch, const struct listener *newer)
{
    const struct listener *first = watch->sides[newer->direction].first;
    PyObject *object, *number;
    bool stale;

    if (!first || !PyMethod_Check(first->mark_as_closed))
        return false;
    object = PyMethod_GET_SELF(first->mark_as_closed);
    if (PyMethod_Check(newer->mark_as_closed) &&
        PyMethod_GET_SELF(newer->mark_as_closed) == object)
        return false;
    number = PyObject_CallMethod(object, "fileno", NULL);
    stale = number && PyLong_AsLong(number) != first->fd;
    Py_XDECREF(number);
    PyErr_Clear();
    return stale;
}

static int link_listener(struct hub *hub, struct listener *listener)
{
    struct loop *loop = hub_loop(hub);
    struct watch *watch;

    if (!loop)
        return -1;
    watch = loop_watch(loop, listener->fd);
    if (!watch) {
        PyErr_NoMemory();
        return -1;
    }
    if (is_stale(watch, listener) && obsolete(hub, watch) < 0)
        return -1;
    if (may_join(watch, listener) < 0)
        return -1;
    if (start_watching(watch, listener) < 0) {
        raise_hub_error();
        return -1;
    }
    Py_INCREF(listener);
    append(watch, listener);
    return 0;
}

PyObject *watch_add(struct hub *hub, enum direction direction, int fd,
                    PyObject *const *rest)
{
    PyObject *listener;

    if (fd < 0)
        return refuse_number(fd);
    listener = listener_new(binding.listener, direction, fd, rest);
    if (listener && link_listener(hub, (struct listener *)listener) < 0)
        Py_CLEAR(listener);
    return listener;
}

static PyObject *add(PyObject *self, PyObject *const *arguments,
                     Py_ssize_t count)
{
    PyObject *listener;

    if (count != 5) {
        PyErr_Format(PyExc_TypeError,
                     "add() takes evtype, fileno, cb, tb, mark_as_closed; got "
                     "%zd arguments",
                     count);
        return NULL;
    }
    listener = make_listener(as_hub(self), arguments);
    if (listener &&
        link_listener(as_hub(self), (struct listener *)listener) < 0)
        Py_CLEAR(listener);
    return listener;
}

/* ---- Removing ----------------------------------------------------------- */

void watch_drop(struct hub *hub, PyObject *object)
{
    struct listener *listener = (struct listener *)object;

    if (listener->linked && listener->loop == hub->loop)
        drop(hub->loop, listener);
}

static PyObject *remove_listener(PyObject *self, PyObject *object)
{
    struct loop *loop = as_hub(self)->loop;
    struct listener *listener = (struct listener *)object;

    if (Py_TYPE(object) != binding.listener &&
        !PyType_IsSubtype(Py_TYPE(object), binding.listener)) {
        PyErr_Format(PyExc_TypeError, "%R is not what add() returned", object);
        return NULL;
    }
    if (listener->spent)
        Py_RETURN_NONE;
    if (!listener->linked || listener->loop != loop) {
        PyErr_Format(PyExc_KeyError, "%d", listener->fd);
        return NULL;
    }
    drop(loop, listener);
    Py_RETURN_NONE;
}

/* ---- Closed and reused descriptors, from Python
 * ------------------------------------- */

static PyObject *mark_as_reopened(PyObject *self, PyObject *number)
{
    struct hub *hub = as_hub(self);
    struct loop *loop = hub_loop(hub);
    struct watch *watch;
    int fd;

    if (!loop)
        return NULL;
    if (number_of(number, &fd) < 0)
        return NULL;
    watch = loop_peek(loop, fd);
    if (!watch)
        Py_RETURN_NONE;
    if (obsolete(hub, watch) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *notify_close(PyObject *self, PyObject *fd)
{
    (void)self;
    (void)fd;
    Py_RETURN_NONE;
}

static int wake_one(struct hub *hub, struct listener *listener)
{
    PyObject *fd = PyLong_FromLong(listener->fd), *arguments[2] = {NULL, fd};
    PyObject *result = NULL;

    if (fd && listener->cb)
        result = call_with(listener->cb, arguments + 1, 1, NULL);
    Py_XDECREF(fd);
    Py_XDECREF(result);
    if (result || !PyErr_Occurred())
        return 0;
    return debug_squelch(hub, binding.squelch_generic_exception, NULL);
}

static int wake_all(struct hub *hub, struct watch *watch,
                    enum direction direction, uint64_t births)
{
    struct side *side = &watch->sides[direction];
    int status = 0;

    /* Listeners added meanwhile are at the end: they wait for the new
     * descriptor. */
    while (status == 0 && side->first && side->first->born <= births) {
        struct listener *listener = side->first;

        Py_INCREF(listener);
        status = wake_one(hub, listener);
        if (listener->linked && listener->loop == watch->loop) {
            drop(watch->loop, listener);
            listener->spent = true;
        }
        Py_DECREF(listener);
    }
    return status;
}

int watch_remove_descriptor(struct hub *hub, int fd)
{
    struct loop *loop = hub_loop(hub);
    struct watch *watch = loop ? loop_peek(loop, fd) : NULL;
    uint64_t births;
    int status;

    if (!watch)
        return loop ? 0 : -1;
    loop_forget(watch);
    Py_CLEAR(watch->owner);
    births = loop->births;
    status = wake_all(hub, watch, READING, births);
    return wake_all(hub, watch, WRITING, births) < 0 ? -1 : status;
}

static PyObject *remove_descriptor(PyObject *self, PyObject *number)
{
    int fd;

    if (number_of(number, &fd) < 0)
        return NULL;
    if (watch_remove_descriptor(as_hub(self), fd) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- Calls of listeners
 * ------------------------------------------------------- */

int watch_call(struct hub *hub, struct watch *watch, enum direction direction)
{
    struct listener *listener = watch->sides[direction].first;
    PyObject *fd, *arguments[2] = {NULL, NULL}, *result;
    int status = 0;

    /* It was added after the wait began, so the event is not for it. */
    if (!listener || listener->born > hub->loop->asked || !listener->cb)
        return 0;
    fd = PyLong_FromLong(watch->fd);
    if (!fd)
        return -1;
    Py_INCREF(listener);
    arguments[1] = fd;
    result = call_with(listener->cb, arguments + 1, 1, NULL);
    Py_DECREF(listener);
    if (!result)
        status = debug_squelch_or_raise(hub, binding.squelch_exception, fd);
    Py_XDECREF(result);
    Py_DECREF(fd);
    return status;
}

/* ---- Several listeners at once
 * ----------------------------------------------------- */

static PyObject *allow_multiple_readers(PyObject *self, PyObject *args,
                                        PyObject *keywords)
{
    static char *names[] = {"fileno", "allow", NULL};
    struct loop *loop = hub_loop(as_hub(self));
    PyObject *object;
    struct watch *watch;
    int fd, allow = 1;

    if (!loop || !PyArg_ParseTupleAndKeywords(args, keywords, "O|p", names,
                                              &object, &allow))
        return NULL;
    fd = PyObject_AsFileDescriptor(object);
    if (fd < 0)
        return NULL;
    watch = loop_watch(loop, fd);
    if (!watch)
        return PyErr_NoMemory();
    watch->shared = allow;
    Py_RETURN_NONE;
}

/* ---- Memory ------------------------------------------------------------- */

static void clear_one(struct watch *watch)
{
    for (int direction = READING; direction <= WRITING; direction++)
        while (watch->sides[direction].first)
            drop(watch->loop, watch->sides[direction].first);
    Py_CLEAR(watch->owner);
}

void watch_clear(struct hub *hub)
{
    struct loop *loop = hub->loop;

    for (size_t i = 0; loop && i < loop->chunk_count; i++)
        for (size_t j = 0; loop->chunks[i] && j < WATCH_CHUNK; j++)
            clear_one(&loop->chunks[i][j]);
}

int watch_traverse(struct hub *hub, visitproc visit, void *arg)
{
    struct loop *loop = hub->loop;

    for (size_t i = 0; loop && i < loop->chunk_count; i++)
        for (size_t j = 0; loop->chunks[i] && j < WATCH_CHUNK; j++)
            for (int direction = READING; direction <= WRITING; direction++) {
                struct side *side = &loop->chunks[i][j].sides[direction];

                for (struct listener *l = side->first; l; l = l->next)
                    Py_VISIT(l);
            }
    return 0;
}

#define FAST(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef watch_methods[] = {
    {"add", FAST(add), METH_FASTCALL,
     "add(evtype, fileno, cb, tb, mark_as_closed)\n--\n\n"
     "Calls cb(fileno) in each iteration in which the descriptor is ready,\n"
     "until the returned listener is removed. Calls tb with an exception if\n"
     "the descriptor turns out to be closed, after mark_as_closed() unless\n"
     "that is None. Raises ValueError for a negative descriptor, OSError\n"
     "(EBADF) if it is not open, RuntimeError if another listener waits for\n"
     "the same; then it adds nothing."},
    {"remove", remove_listener, METH_O,
     "remove(listener)\n--\n\n"
     "Removes a listener: it is not called any more, not even for events\n"
     "that were reported already. Does nothing if the listener is spent.\n"
     "Raises KeyError if it is not added."},
    {"mark_as_reopened", mark_as_reopened, METH_O,
     "mark_as_reopened(fileno)\n--\n\n"
     "The number has been reused: the next iteration calls tb of each\n"
     "listener for the old descriptor."},
    {"notify_close", notify_close, METH_O,
     "notify_close(fileno)\n--\n\n"
     "Does nothing: the hub finds closed descriptors by itself."},
    {"remove_descriptor", remove_descriptor, METH_O,
     "remove_descriptor(fileno)\n--\n\n"
     "Calls and removes all listeners for the descriptor."},
    {"allow_multiple_readers", FAST(allow_multiple_readers),
     METH_VARARGS | METH_KEYWORDS,
     "allow_multiple_readers(fileno, allow=True)\n--\n\n"
     "Lets several greenthreads wait for the same direction of this\n"
     "descriptor, a number or an object with fileno(). Lasts until the\n"
     "number is reused."},
    {NULL, NULL, 0, NULL},
};
