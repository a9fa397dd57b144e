/*
 * The functions of greenlet that the module uses. greenlet's header defines a
 * static table of functions in each file that includes it; only this file does.
 */
#include "binding.h"

#include <greenlet/greenlet.h>

/* greenlet's header declares it as an object; only greenlet uses its fields. */
static PyGreenlet *as_greenlet(PyObject *object)
{
    return (PyGreenlet *)object;
}

/* The C function of `greenlet.switch`, to recognize it as a callback. */
static int find_switch(void)
{
    PyObject *current = greenlet_current(), *method;

    if (!current)
        return -1;
    method = PyObject_GetAttrString(current, "switch");
    Py_DECREF(current);
    if (!method)
        return -1;
    if (PyCFunction_Check(method))
        binding.greenlet_switch = PyCFunction_GET_FUNCTION(method);
    Py_DECREF(method);
    return 0;
}

int greenlets_import(void)
{
    PyGreenlet_Import();
    return _PyGreenlet_API ? find_switch() : -1;
}

bool greenlet_check(PyObject *object)
{
    return PyObject_TypeCheck(object, &PyGreenlet_Type);
}

PyObject *greenlet_current(void)
{
    return (PyObject *)PyGreenlet_GetCurrent();
}

PyObject *greenlet_new(PyObject *run, PyObject *parent)
{
    return (PyObject *)PyGreenlet_New(run, as_greenlet(parent));
}

PyObject *greenlet_switch(PyObject *greenlet, PyObject *arguments)
{
    return PyGreenlet_Switch(as_greenlet(greenlet), arguments, NULL);
}

PyObject *greenlet_parent(PyObject *greenlet)
{
    return (PyObject *)PyGreenlet_GetParent(as_greenlet(greenlet));
}

int greenlet_set_parent(PyObject *greenlet, PyObject *parent)
{
    return PyGreenlet_SetParent(as_greenlet(greenlet), as_greenlet(parent));
}

bool greenlet_is_dead(PyObject *greenlet)
{
    return PyGreenlet_STARTED(as_greenlet(greenlet)) &&
           !PyGreenlet_ACTIVE(as_greenlet(greenlet));
}

static PyObject *tuple_of(PyObject *const *items, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    return tuple;
}

PyObject *call_with(PyObject *callable, PyObject *const *arguments,
                    Py_ssize_t count, PyObject *names)
{
    PyObject *tuple, *result;

    if (names || !PyCFunction_Check(callable) ||
        PyCFunction_GET_FUNCTION(callable) != binding.greenlet_switch)
        return PyObject_Vectorcall(
            callable, arguments,
            (size_t)(count - (names ? PyTuple_GET_SIZE(names) : 0)) |
                PY_VECTORCALL_ARGUMENTS_OFFSET,
            names);
    tuple = tuple_of(arguments, count);
    if (!tuple)
        return NULL;
    result = greenlet_switch(PyCFunction_GET_SELF(callable), tuple);
    Py_DECREF(tuple);
    return result;
}
