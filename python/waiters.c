/* The waiting listeners, as Eventlet's debugging shows them. */
#include "binding.h"

static int each_first(struct loop *loop, enum direction direction,
                      int (*act)(void *arg, struct side *side, int fd),
                      void *arg)
{
    for (size_t i = 0; i < loop->chunk_count; i++)
        for (int j = 0; loop->chunks[i] && j < WATCH_CHUNK; j++) {
            struct watch *watch = &loop->chunks[i][j];

            if (watch->sides[direction].first &&
                act(arg, &watch->sides[direction], watch->fd) < 0)
                return -1;
        }
    return 0;
}

static int list_first(void *list, struct side *side, int fd)
{
    (void)fd;
    return PyList_Append(list, (PyObject *)side->first);
}

static PyObject *list_of(PyObject *self, enum direction direction)
{
    PyObject *list = PyList_New(0);

    if (list && each_first(as_hub(self)->loop, direction, list_first, list) < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *get_readers(PyObject *self, PyObject *unused)
{
    (void)unused;
    return list_of(self, READING);
}

static PyObject *get_writers(PyObject *self, PyObject *unused)
{
    (void)unused;
    return list_of(self, WRITING);
}

static int set_item(PyObject *dictionary, int fd, PyObject *value)
{
    PyObject *key = PyLong_FromLong(fd);
    int status = key && value ? PyDict_SetItem(dictionary, key, value) : -1;

    Py_XDECREF(key);
    return status;
}

static int note_first(void *dictionary, struct side *side, int fd)
{
    return set_item(dictionary, fd, (PyObject *)side->first);
}

static int note_rest(void *dictionary, struct side *side, int fd)
{
    struct listener *listener = side->first->next;
    PyObject *list;
    int status = 0;

    if (!listener)
        return 0;
    list = PyList_New(0);
    for (; list && status == 0 && listener; listener = listener->next)
        status = PyList_Append(list, (PyObject *)listener);
    if (status == 0)
        status = set_item(dictionary, fd, list);
    Py_XDECREF(list);
    return status;
}

/* {"read": {fd: ...}, "write": {fd: ...}} */
static PyObject *by_kind(PyObject *self,
                         int (*act)(void *arg, struct side *side, int fd))
{
    PyObject *kinds[] = {binding.read, binding.write};
    PyObject *all = PyDict_New(), *one;
    int status = all ? 0 : -1;

    for (int i = READING; i <= WRITING && status == 0; i++) {
        one = PyDict_New();
        if (!one || PyDict_SetItem(all, kinds[i], one) < 0 ||
            each_first(as_hub(self)->loop, (enum direction)i, act, one) < 0)
            status = -1;
        Py_XDECREF(one);
    }
    if (status < 0)
        Py_CLEAR(all);
    return all;
}

PyObject *waiters_listeners(PyObject *self, void *unused)
{
    (void)unused;
    return by_kind(self, note_first);
}

PyObject *waiters_secondaries(PyObject *self, void *unused)
{
    (void)unused;
    return by_kind(self, note_rest);
}

PyMethodDef waiters_methods[] = {
    {"get_readers", get_readers, METH_NOARGS,
     "get_readers()\n--\n\nThe listeners that wait to read, a list."},
    {"get_writers", get_writers, METH_NOARGS,
     "get_writers()\n--\n\nThe listeners that wait to write, a list."},
    {NULL, NULL, 0, NULL},
};
